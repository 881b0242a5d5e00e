"""What others had taken of departures and of hours of picking, as inputs of the plan of a new part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Literal

from orderwing.commands.explaining.plans import Planning
from orderwing.planning.calendar import HOUR_MS
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.explaining.inputs import Input, Unit
from orderwing.planning.explaining.telling import ROOM, moment

PLACES = 20  # that are tried


def rooms(facts: Planning) -> list[Input]:
    """Of places that may have been too full for the part, departures first."""
    return list(islice(chain(_departures(facts), _hours(facts)), PLACES))


def _departures(facts: Planning) -> Iterator[Input]:
    for (lane_id, at_ms), taken in facts.full.items():
        lane = facts.network.lane_by_id.get(lane_id)
        if lane is not None:
            about = f"the departure of {lane_id} at {moment(at_ms)}"
            yield _left("full", (lane_id, at_ms), about, Unit.PARCELS, taken, lane.parcels_per_departure)


def _hours(facts: Planning) -> Iterator[Input]:
    units = sum(facts.needed.values())
    for (site_id, hour), taken in facts.hours.items():
        site = facts.network.site_by_id.get(site_id)
        if site is not None and site.units_per_hour - taken < units:
            about = f"the hour of picking at {site_id} from {moment(hour * HOUR_MS)}"
            yield _left("hours", (site_id, hour), about, Unit.UNITS, taken, site.units_per_hour)


def _left(
    field: Literal["full", "hours"], place: tuple[str, int], about: str, unit: Unit, taken: int, room: int
) -> Input:
    """What of the room at a place others leave."""

    def turn(changed: Facts, left: int) -> Facts:
        assert isinstance(changed, Planning)
        found = {**getattr(changed, field), place: room - left}
        return replace(changed, full=found) if field == "full" else replace(changed, hours=found)

    return Input(ROOM, about, unit, room - taken, turn, high=room)
