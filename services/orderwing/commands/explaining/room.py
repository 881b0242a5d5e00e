"""What others had taken of departures and of hours of picking, as inputs of the plan of a new part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

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
            room, about = lane.parcels_per_departure, f"the departure of {lane_id} at {moment(at_ms)}"

            def turn(changed: Facts, left: int, place: tuple[str, int] = (lane_id, at_ms), room: int = room) -> Facts:
                assert isinstance(changed, Planning)
                return replace(changed, full={**changed.full, place: room - left})

            yield Input(ROOM, about, Unit.PARCELS, room - taken, turn, high=room)


def _hours(facts: Planning) -> Iterator[Input]:
    units = sum(facts.needed.values())
    for (site_id, hour), taken in facts.hours.items():
        site = facts.network.site_by_id.get(site_id)
        if site is not None and site.units_per_hour - taken < units:
            room, about = site.units_per_hour, f"the hour of picking at {site_id} from {moment(hour * HOUR_MS)}"

            def turn(changed: Facts, left: int, place: tuple[str, int] = (site_id, hour), room: int = room) -> Facts:
                assert isinstance(changed, Planning)
                return replace(changed, hours={**changed.hours, place: room - left})

            yield Input(ROOM, about, Unit.UNITS, room - taken, turn, high=room)
