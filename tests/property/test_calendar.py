"""Timetables against a calendar that walks through every minute of the world."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning import calendar
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import Lane, Network, Policies, Region, Site

HERE = Point(latitude=51.5, longitude=0.0)


def a_site(timezone: str, opens: int = 0, closes: int = 1440, pick: int = 30, per_hour: int = 100) -> Site:
    return Site(
        site_id="s",
        region_id="r",
        location=HERE,
        timezone=timezone,
        opens_minute=opens,
        closes_minute=closes,
        pick_minutes=pick,
        units_per_hour=per_hour,
        handling_line_minor=1,
        handling_parcel_minor=1,
    )


def a_lane(every: int, offset: int = 0, transit: int = 60, lane_id: str = "l", zone: str = "z") -> Lane:
    return Lane(
        lane_id=lane_id,
        site_id="s",
        zone=zone,
        carrier="c",
        services=(ServiceLevel.STANDARD,),
        every_minutes=every,
        offset_minutes=offset,
        transit_minutes=transit,
        parcels_per_departure=1,
        parcel_minor=1,
        kilogram_minor=0,
    )


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc,arg-type]


def by_hand(lane: Lane, site: Site, from_ms: int, until_ms: int) -> list[int]:
    """Each minute of the world whose first occurrence on the wall is in the timetable."""
    zone, found = ZoneInfo(site.timezone), []
    at = -(-from_ms // 60_000) * 60_000
    while at < until_ms:
        wall = datetime.fromtimestamp(at / 1000, zone)
        minute = wall.hour * 60 + wall.minute
        runs = minute >= lane.offset_minutes and (minute - lane.offset_minutes) % lane.every_minutes == 0
        if site.opens_minute <= site.closes_minute:
            is_open = site.opens_minute <= minute <= site.closes_minute
        else:
            is_open = minute >= site.opens_minute or minute <= site.closes_minute
        if runs and is_open and wall.fold == 0:
            found.append(at)
        at += 60_000
    return found


AROUND_CHANGES = st.sampled_from(
    [
        ("Europe/London", datetime(2026, 3, 29)),
        ("Europe/London", datetime(2026, 10, 25)),
        ("America/New_York", datetime(2026, 3, 8)),
        ("America/New_York", datetime(2026, 11, 1)),
        ("Australia/Lord_Howe", datetime(2026, 4, 5)),
        ("Pacific/Kiritimati", datetime(2026, 7, 1)),
        ("America/Sao_Paulo", datetime(2018, 11, 4)),
        ("UTC", datetime(2026, 1, 1)),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    where=AROUND_CHANGES,
    start=st.integers(-36 * 60, 24 * 60),
    odd_ms=st.integers(0, 59_999),
    every=st.sampled_from([1, 7, 10, 45, 60, 90, 360, 1440, 4000]),
    offset=st.integers(0, 1500),
    opens=st.integers(0, 1440),
    closes=st.integers(0, 1440),
)
def test_departures_are_those_of_the_calendar_on_the_wall(
    where: tuple[str, datetime], start: int, odd_ms: int, every: int, offset: int, opens: int, closes: int
) -> None:
    site, lane = a_site(where[0], opens, closes), a_lane(every, offset)
    from_ms = int((where[1].replace(tzinfo=UTC) + timedelta(minutes=start)).timestamp()) * 1000 + odd_ms
    until_ms = from_ms + 36 * calendar.HOUR_MS
    found = [at for at in calendar.departures(lane, site, from_ms, 3) if at < until_ms]
    assert found == by_hand(lane, site, from_ms, until_ms)


@given(units=st.integers(1, 10_000), now=st.integers(ms(2026, 10, 20), ms(2026, 10, 30)))
def test_nothing_is_planned_for_a_departure_that_it_cannot_be_picked_for(units: int, now: int) -> None:
    site, lane = a_site("Europe/London", per_hour=150), a_lane(20)
    departure = calendar.earliest_departure(lane, site, now, units)
    assert departure is not None
    assert calendar.freeze_ms(site, departure, units) >= now
    assert departure - calendar.pick_ms(site, units) == calendar.freeze_ms(site, departure, units)
    assert departure == next(calendar.departures(lane, site, now + calendar.pick_ms(site, units)))


def test_picking_takes_an_hour_more_for_each_further_hourful_of_units() -> None:
    site = a_site("UTC", pick=30, per_hour=100)
    assert [calendar.pick_ms(site, units) // 60_000 for units in (1, 100, 101, 200, 201)] == [30, 30, 90, 90, 150]


def test_a_van_at_half_past_one_leaves_once_when_the_clocks_go_back_and_not_when_they_go_forward() -> None:
    site, lane = a_site("Europe/London"), a_lane(1440, 90)
    autumn = list(islice(calendar.departures(lane, site, ms(2026, 10, 24)), 3))
    assert autumn == [ms(2026, 10, 24, 0, 30), ms(2026, 10, 25, 0, 30), ms(2026, 10, 26, 1, 30)]
    spring = list(islice(calendar.departures(lane, site, ms(2026, 3, 28)), 3))
    assert spring == [ms(2026, 3, 28, 1, 30), ms(2026, 3, 30, 0, 30), ms(2026, 3, 31, 0, 30)]


def test_a_lane_that_never_leaves_has_no_departure() -> None:
    assert calendar.earliest_departure(a_lane(60, 1500), a_site("UTC"), 0) is None


def test_a_promise_waits_for_the_last_site_and_for_none_that_no_lane_leaves() -> None:
    site = a_site("UTC", pick=30)
    network = Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="r", centre=HERE),),
        sites=(site, site.model_copy(update={"site_id": "far"})),
        lanes=(a_lane(60), a_lane(60, transit=600, lane_id="slow").model_copy(update={"site_id": "far"})),
        policies=Policies(promise_slack_minutes=15),
    )
    service, now = ServiceLevel.EXPRESS, ms(2026, 1, 1, 8, 31)
    promise: Callable[..., int] = calendar.promise
    assert promise(network, (("s", 1),), "z", service, now) == ms(2026, 1, 1, 11, 15)
    assert promise(network, (("s", 1), ("far", 1)), "z", service, now) == ms(2026, 1, 1, 20, 15)
    assert promise(network, (("s", 1),), "elsewhere", service, now) == now + 15 * 60_000
    assert promise(network, (("lost", 1), ("s", 1)), "z", service, now) == ms(2026, 1, 1, 11, 15)


def test_more_than_calendars_hold_is_never_picked() -> None:
    """A stranger may order a thousand lines of a million units each."""
    site, now_ms = a_site("Europe/London", per_hour=1), ms(2026, 1, 5)
    assert calendar.earliest_departure(a_lane(60), site, now_ms, 24 * calendar.HORIZON_DAYS) is not None
    assert calendar.earliest_departure(a_lane(60), site, now_ms, 10**9) is None
