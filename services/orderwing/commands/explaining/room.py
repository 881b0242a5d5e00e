"""What others had taken of departures and of hours of picking, as inputs of the plan of a new part or of a proposal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Literal, NamedTuple

from orderwing.commands.explaining.plans import Planning
from orderwing.commands.explaining.proposals import Reconsidering
from orderwing.planning.calendar import HOUR_MS
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.explaining.inputs import Input, Unit
from orderwing.planning.explaining.telling import ROOM
from orderwing.planning.explaining.words import moment
from orderwing.reoptimizer.room import NOTHING_BOOKED, Booked, booked_by

PLACES = 20  # that are tried


class Left(NamedTuple):
    """What others leave of a capacity. The part's `own` is in what is told as `taken`."""

    capacity: int
    taken: int
    own: int

    @property
    def left(self) -> int:
        return self.capacity - self.taken + self.own

    def taken_where(self, left: int) -> int:
        return self.capacity - left + self.own


def rooms(facts: Planning | Reconsidering) -> list[Input]:
    """Of places that may have been too full for the part, departures first."""
    return list(islice(chain(_departures(facts), _hours(facts)), PLACES))


def _departures(facts: Planning | Reconsidering) -> Iterator[Input]:
    own = _own(facts).departures
    for (lane_id, at_ms), taken in (facts.full or {}).items():
        lane = facts.network.lane_by_id.get(lane_id)
        if lane is not None:
            about = f"the departure of {lane_id} at {moment(at_ms)}"
            room = Left(lane.parcels_per_departure, taken, own.get((lane_id, at_ms), 0))
            yield _input("full", (lane_id, at_ms), about, Unit.PARCELS, room)


def _hours(facts: Planning | Reconsidering) -> Iterator[Input]:
    if facts.full is None:
        return
    units, own = sum(facts.needed.values()), _own(facts).hours
    for (site_id, hour), taken in (facts.hours or {}).items():
        site = facts.network.site_by_id.get(site_id)
        if site is not None:
            room = Left(site.units_per_hour, taken, own.get((site_id, hour), 0))
            if room.left < units:
                about = f"the hour of picking at {site_id} from {moment(hour * HOUR_MS)}"
                yield _input("hours", (site_id, hour), about, Unit.UNITS, room)


def _own(facts: Planning | Reconsidering) -> Booked:
    """What the part itself has booked of what is told as taken."""
    return booked_by(facts.network, (facts.part,)) if isinstance(facts, Reconsidering) else NOTHING_BOOKED


def _input(field: Literal["full", "hours"], place: tuple[str, int], about: str, unit: Unit, room: Left) -> Input:
    def turn(changed: Facts, left: int) -> Facts:
        assert isinstance(changed, Planning | Reconsidering)
        found = {**(getattr(changed, field) or {}), place: room.taken_where(left)}
        return replace(changed, full=found) if field == "full" else replace(changed, hours=found)

    return Input(ROOM, about, unit, room.left, turn, high=room.capacity)
