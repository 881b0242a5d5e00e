"""When lanes depart: timetables in local wall time, as instants.

A timetable names wall-clock times. One that a change to summer time skips does not occur that day; one that the change
back repeats occurs once, at its first passing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Lane, Network, Site

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
HORIZON_DAYS = 30  # a lane that does not leave within it does not leave
KEPT = 16  # networks whose next departures are kept: one is in use, others are tried on
LAST_DAY = 2_932_000  # since 1970: in the year 9997, beyond which Python's dates soon end
PLACES = 16_384  # that a network's are kept for
Timetable = tuple[str, int, int, int, int]  # timezone, opens, closes, offset, every so many minutes


class NextRuns(NamedTuple):
    """(lane, arrival) of each lane's next departure from a site; `earliest_ms` and `latest_ms` are of the arrivals.

    They are the next for whatever can leave from `from_ms` to `until_ms`.
    """

    runs: tuple[tuple[Lane, int], ...]
    earliest_ms: int
    latest_ms: int
    from_ms: int
    until_ms: int


def pick_ms(site: Site, units: int) -> int:
    """How long before a departure picking starts: an hour more for each further `units_per_hour` of units."""
    return site.pick_minutes * MINUTE_MS + max(units - 1, 0) // site.units_per_hour * HOUR_MS


def departures(lane: Lane, site: Site, from_ms: int, within_days: int = HORIZON_DAYS) -> Iterator[int]:
    """Departures at or after `from_ms`, in order."""
    return _times(_timetable(lane, site), from_ms, within_days)


def open_times(site: Site, from_ms: int, every_minutes: int) -> Iterator[int]:
    """Every so many minutes of the site's day, at or after `from_ms`, while it is open."""
    return _times((site.timezone, site.opens_minute, site.closes_minute, 0, every_minutes), from_ms, HORIZON_DAYS)


def _times(timetable: Timetable, from_ms: int, within_days: int) -> Iterator[int]:
    first_day = from_ms // DAY_MS
    times = _of_utc_day(timetable, first_day)
    yield from times[bisect_left(times, from_ms) :]
    for day in range(first_day + 1, first_day + within_days + 1):
        yield from _of_utc_day(timetable, day)


def earliest_departure(lane: Lane, site: Site, now_ms: int, units: int = 1) -> int | None:
    """The first departure that what is frozen now can still be picked for; None if the lane never leaves.

    None also for what would be picked for longer than HORIZON_DAYS: strangers may ask for more than calendars hold.
    """
    picking_ms = pick_ms(site, units)
    if picking_ms > HORIZON_DAYS * DAY_MS:
        return None
    from_ms = now_ms + picking_ms
    times = _of_utc_day(_timetable(lane, site), from_ms // DAY_MS)
    place = bisect_left(times, from_ms)
    return times[place] if place < len(times) else next(departures(lane, site, from_ms), None)


def freeze_ms(site: Site, departure_ms: int, units: int) -> int:
    """When picking for a departure has to start, and a plan becomes final."""
    return departure_ms - pick_ms(site, units)


def picking_hours(site: Site, departure_ms: int, units: int) -> tuple[tuple[int, int], ...]:
    """(hour since 1970, units) of the picking for a departure, each hour filled before the next."""
    first = freeze_ms(site, departure_ms, units) // HOUR_MS
    full, rest = divmod(units - 1, site.units_per_hour)
    last = (first + full, rest + 1)
    return (*[(first + n, site.units_per_hour) for n in range(full)], last) if full else (last,)


def arrival_ms(lane: Lane, departure_ms: int) -> int:
    return departure_ms + lane.transit_minutes * MINUTE_MS


def serving_lanes(network: Network, site_id: str, zone: str, service: ServiceLevel) -> tuple[Lane, ...]:
    """Lanes that carry the service to the zone; where none does, all that go there (late is better than never)."""
    return network.lanes_serving.get((site_id, zone, service), ())


def earliest_arrival(
    network: Network, site: Site, zone: str, service: ServiceLevel, now_ms: int, units: int = 1
) -> int | None:
    """The earliest arrival in the zone of what is frozen at the site now; None if no lane goes there."""
    found = next_runs(network, site, zone, service, now_ms, units)
    return None if found is None else found.earliest_ms


def next_runs(
    network: Network, site: Site, zone: str, service: ServiceLevel, now_ms: int, units: int = 1
) -> NextRuns | None:
    """The next departure of each lane that serves an order, for what is frozen at the site now; None if none leaves."""
    picking_ms = pick_ms(site, units)
    if picking_ms > HORIZON_DAYS * DAY_MS:
        return None
    ready_ms, place = now_ms + picking_ms, (site.site_id, zone, service, picking_ms)
    kept = _kept(network)
    known = kept.get(place)
    if known is None or not known.from_ms <= ready_ms <= known.until_ms:
        known = _next_runs(network, site, zone, service, ready_ms)
        if len(kept) >= PLACES:
            kept.clear()
        kept[place] = known
    return known if known.runs else None


def _next_runs(network: Network, site: Site, zone: str, service: ServiceLevel, ready_ms: int) -> NextRuns:
    """Kept until the first of them has left; not at all where a lane never leaves within HORIZON_DAYS of now."""
    runs, until_ms = [], ready_ms + DAY_MS
    for lane in serving_lanes(network, site.site_id, zone, service):
        departure = next(departures(lane, site, ready_ms), None)
        if departure is not None:
            runs.append((lane, arrival_ms(lane, departure)))
        until_ms = min(until_ms, ready_ms if departure is None else departure)
    arrivals = [arrival for _, arrival in runs]
    return NextRuns(tuple(runs), min(arrivals, default=0), max(arrivals, default=0), ready_ms, until_ms)


Place = tuple[str, str, ServiceLevel, int]  # (site, zone, service, time to pick)
_known: dict[int, tuple[Network, dict[Place, NextRuns]]] = {}  # by the identity of a network, which is kept alive


def _kept(network: Network) -> dict[Place, NextRuns]:
    found = _known.get(id(network))
    if found is None:
        if len(_known) >= KEPT:
            _known.pop(next(iter(_known)), None)
        found = _known[id(network)] = (network, {})
    return found[1]


def promise(
    network: Network, site_units: Iterable[tuple[str, int]], zone: str, service: ServiceLevel, now_ms: int
) -> int:
    """When all of an order held as (site, units) can be there: the last site's earliest arrival, plus the slack.

    Sites that the network has lost since, or from which no lane goes there any more, count for nothing: allocation
    moves what they hold.
    """
    latest = now_ms
    for site_id, units in site_units:
        site = network.site_by_id.get(site_id)
        if site is not None:
            arrival = earliest_arrival(network, site, zone, service, now_ms, units)
            latest = max(latest, arrival or now_ms)
    return latest + network.policies.promise_slack_minutes * MINUTE_MS


def _timetable(lane: Lane, site: Site) -> Timetable:
    return (site.timezone, site.opens_minute, site.closes_minute, lane.offset_minutes, lane.every_minutes)


@lru_cache(maxsize=4096)
def _of_utc_day(timetable: Timetable, day: int) -> tuple[int, ...]:
    """Departures within one UTC day (days since 1970)."""
    if day > LAST_DAY:
        return ()
    timezone, opens, closes, offset, every = timetable
    zone = ZoneInfo(timezone)
    minutes = [m for m in range(offset, 1440, every) if _is_open(opens, closes, m)]
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    found = []
    for shift in (-1, 0, 1):  # zones are up to 14 hours from UTC
        date = (start + timedelta(days=shift)).replace(tzinfo=None)
        for minute in minutes:
            local = date + timedelta(minutes=minute)
            instant = local.replace(tzinfo=zone).astimezone(UTC)
            exists = instant.astimezone(zone).replace(tzinfo=None) == local
            at_ms = int(instant.timestamp()) * 1000
            if exists and at_ms // DAY_MS == day:
                found.append(at_ms)
    return tuple(sorted(found))


def _is_open(opens: int, closes: int, minute: int) -> bool:
    """The last van leaves as the site closes; a site that closes before it opens works past midnight."""
    return opens <= minute <= closes if opens <= closes else minute >= opens or minute <= closes
