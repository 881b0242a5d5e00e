from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orderwing.dispatch.progress import LOST_DAYS
from orderwing.dispatch.rows import STEPS, InWave, Progress, Shipment, Wave
from orderwing.dispatch.stage import STAGE
from orderwing.dispatch.waves import GRACE_MS
from orderwing.kernel.machine import IllegalTransitionError
from orderwing.planning.addresses import Address, read
from orderwing.planning.stops import stop_id
from orderwing_schemas.base import Event
from orderwing_schemas.domain import LineQuantity, PlannedShipment, ServiceLevel
from orderwing_schemas.events.allocation import ShipmentOrdered
from orderwing_schemas.events.dispatch import (
    AnswerIgnored,
    ManifestClosed,
    PickShort,
    ShipmentProgressed,
    ShipmentReleased,
    ShipmentShipped,
)
from orderwing_schemas.events.public import WarehouseAnswered, WarehouseStatus
from support.allocation_world import DAY_MS, HERE, HOUR_MS, START_MS, a_lane, a_network, a_site
from support.memory_view import MemoryReference, MemoryView

DEPARTURE_MS = START_MS + HOUR_MS


def quantities(*pairs: tuple[str, int]) -> tuple[LineQuantity, ...]:
    return tuple(LineQuantity(line_id=line_id, sku=f"sku-{line_id}", quantity=q) for line_id, q in pairs)


def an_order(
    number: int = 1, *lines: tuple[str, int], departure_at_ms: int = DEPARTURE_MS, stop_id: str = "stop"
) -> ShipmentOrdered:
    return ShipmentOrdered(
        site_id="a",
        region="south",
        order_id=f"o{number}",
        order_version=1,
        part_id=f"o{number}/south/1",
        service_level=ServiceLevel.STANDARD,
        stop_id=stop_id,
        zone="south",
        delivery_point=HERE,
        promise_at_ms=DEPARTURE_MS + 2 * HOUR_MS,
        shipment=PlannedShipment(
            shipment_id=f"o{number}/south/1/1",
            site_id="a",
            lane_id="a-south",
            carrier="van",
            departure_at_ms=departure_at_ms,
            arrival_at_ms=departure_at_ms + HOUR_MS,
            lines=quantities(*(lines or (("1", 3), ("2", 1)))),
            cost_minor=1,
            terms=(("parcel", 1),),
        ),
    )


class DispatchWorld:
    def __init__(self) -> None:
        self.view = MemoryView(MemoryReference(a_network((a_site("a"), a_site("b")), (a_lane("a"),))))
        self.now_ms = START_MS
        self.emitted: list[Event] = []

    def put(self, event: Event) -> list[Event]:
        decision = self.view.apply(STAGE.decide(self.view, event, self.now_ms))
        events = [emit.event for emit in decision.emits]
        self.emitted += events
        return events

    def answer(
        self, status: str, *missing: tuple[str, int], number: int = 1, site_id: str = "a", order_id: str | None = None
    ) -> list[Event]:
        return self.put(
            WarehouseAnswered(
                shipment_id=f"o{number}/south/1/1",
                site_id=site_id,
                order_id=order_id or f"o{number}",
                status=WarehouseStatus(status),
                missing=quantities(*missing),
                at=datetime(2026, 6, 1, tzinfo=UTC),
            )
        )

    def until(self, end_ms: int) -> list[Event]:
        before = len(self.emitted)
        while due := [r for r in self.view.rows.values() if r.wake_at_ms is not None and r.wake_at_ms <= end_ms]:
            row = min(due, key=lambda r: (r.wake_at_ms or 0, r.key))
            self.now_ms = max(self.now_ms, row.wake_at_ms or 0)
            decision = self.view.apply(STAGE.due(self.view, row, self.now_ms))
            self.emitted += [emit.event for emit in decision.emits]
        self.now_ms = end_ms
        return self.emitted[before:]


def statuses(events: list[Event]) -> list[str]:
    return [str(event.status) for event in events if isinstance(event, ShipmentProgressed)]


def reason(events: list[Event]) -> str:
    (event,) = events
    assert isinstance(event, AnswerIgnored)
    return event.reason


def test_what_is_ordered_is_released_and_told_by_order() -> None:
    released, progressed = DispatchWorld().put(an_order())
    assert isinstance(released, ShipmentReleased)
    assert (released.wave_id, released.released_at_ms) == (f"a-south@{DEPARTURE_MS}", START_MS)
    assert released.lines == quantities(("1", 3), ("2", 1))
    assert isinstance(progressed, ShipmentProgressed)
    assert (progressed.status, progressed.lines) == ("released", released.lines)


def test_the_same_shipment_ordered_twice_is_a_defect() -> None:
    world = DispatchWorld()
    world.put(an_order())
    with pytest.raises(IllegalTransitionError):
        world.put(an_order())


def test_a_step_at_a_time_and_what_shipped_is_told_to_the_region() -> None:
    world = DispatchWorld()
    world.put(an_order())
    assert [statuses(world.answer(status)) for status in ("picked", "packed")] == [["picked"], ["packed"]]
    progressed, shipped = world.answer("shipped")
    assert isinstance(shipped, ShipmentShipped)
    assert isinstance(progressed, ShipmentProgressed)
    assert progressed.lines == shipped.lines == quantities(("1", 3), ("2", 1))
    assert statuses(world.answer("in_transit") + world.answer("delivered")) == ["in_transit", "delivered"]


def test_a_later_status_implies_the_earlier_and_these_are_repetitions_then() -> None:
    world = DispatchWorld()
    world.put(an_order())
    events = world.answer("delivered")
    assert statuses(events) == ["picked", "packed", "shipped", "in_transit", "delivered"]
    assert sum(isinstance(event, ShipmentShipped) for event in events) == 1
    assert {reason(world.answer(status)) for status in STEPS} == {"repeated"}


def test_a_short_pick_is_a_new_need_and_the_rest_ships() -> None:
    world = DispatchWorld()
    world.put(an_order())
    told, short = world.answer("short_picked", ("1", 2), ("2", 1))
    assert isinstance(short, PickShort)
    assert isinstance(told, ShipmentProgressed)
    assert short.missing == told.lines == quantities(("1", 2), ("2", 1))
    assert reason(world.answer("short_picked", ("1", 1))) == "repeated"
    shipped = next(event for event in world.answer("shipped") if isinstance(event, ShipmentShipped))
    assert shipped.lines == quantities(("1", 1))


def test_a_shipment_of_which_nothing_was_found_ends_there() -> None:
    world = DispatchWorld()
    world.put(an_order())
    assert [type(event) for event in world.answer("short_picked", ("1", 3), ("2", 1))] == [
        ShipmentProgressed,
        PickShort,
    ]
    assert reason(world.answer("shipped")) == "ended"
    (manifest,) = world.until(DEPARTURE_MS + GRACE_MS)
    assert isinstance(manifest, ManifestClosed)
    assert (manifest.shipped, manifest.late) == ((), ())


def test_answers_that_fit_nothing_are_put_aside_with_the_reason() -> None:
    world = DispatchWorld()
    assert reason(world.answer("picked")) == "unknown_shipment"
    world.put(an_order())
    assert reason(world.answer("picked", site_id="b")) == "wrong_site"
    assert reason(world.answer("picked", order_id="other")) == "wrong_order"
    assert reason(world.answer("short_picked")) == "not_in_shipment"
    assert reason(world.answer("short_picked", ("1", 4))) == "not_in_shipment"
    assert reason(world.answer("short_picked", ("9", 1))) == "not_in_shipment"
    assert reason(world.answer("short_picked", ("1", 1), ("1", 1))) == "not_in_shipment"
    world.answer("shipped")
    (late,) = world.answer("short_picked", ("1", 1))
    assert isinstance(late, AnswerIgnored)
    assert (late.reason, [(line.line_id, line.quantity) for line in late.missing]) == ("too_late", [("1", 1)])


def test_a_manifest_tells_who_left_and_who_was_late() -> None:
    world = DispatchWorld()
    for number in (1, 2, 3):
        world.put(an_order(number))
    world.put(an_order(4, departure_at_ms=DEPARTURE_MS + HOUR_MS))
    world.answer("shipped", number=1)
    world.answer("packed", number=2)
    assert world.until(DEPARTURE_MS + GRACE_MS - 1) == []
    (manifest,) = world.until(DEPARTURE_MS + GRACE_MS)
    assert isinstance(manifest, ManifestClosed)
    assert manifest.shipped == ("o1/south/1/1",)
    assert manifest.late == ("o2/south/1/1", "o3/south/1/1")
    assert statuses(world.answer("shipped", number=2)) == ["shipped"]


def test_what_was_late_is_on_the_manifest_of_the_departure_that_it_leaves_with() -> None:
    world = DispatchWorld()
    for number in (1, 2, 3):
        world.put(an_order(number))
    world.put(an_order(4, departure_at_ms=DEPARTURE_MS + HOUR_MS))
    world.until(DEPARTURE_MS + GRACE_MS)
    world.answer("shipped", number=1)
    world.answer("short_picked", ("1", 3), ("2", 1), number=2)
    world.answer("shipped", number=4)
    world.until(DEPARTURE_MS + 3 * HOUR_MS)
    world.answer("delivered", number=3)
    told = world.until(DEPARTURE_MS + 4 * HOUR_MS)
    manifests = [event for event in world.emitted if isinstance(event, ManifestClosed)]
    left = {one.departure_at_ms: [name[:2] for name in one.shipped] for one in manifests}
    hours = {(departure - DEPARTURE_MS) // HOUR_MS: names for departure, names in left.items()}
    assert hours == {0: [], 1: ["o1", "o4"], 2: ["o3"]}, "an hour on the road"
    assert [one.late for one in manifests[1:]] == [(), ()]
    assert {one.carrier for one in manifests} == {"van"}
    assert told == manifests[-1:]
    assert not any(isinstance(row, InWave | Wave) for row in world.view.rows.values())


@pytest.mark.parametrize(
    ("status", "minutes", "hours"),
    [("in_transit", 59, 0), ("in_transit", 60, 1), ("in_transit", 61, 1), ("delivered", 20, 0), ("delivered", 119, 0),
     ("delivered", 120, 1), ("delivered", 190, 2), ("delivered", 40 * 24 * 60 + 1, 40 * 24 - 1)],
)  # fmt: skip
def test_what_was_late_and_is_on_its_way_has_left_with_the_last_departure_that_fits(
    status: str, minutes: int, hours: int
) -> None:
    world = DispatchWorld()
    world.put(an_order(1))
    (first,) = world.until(DEPARTURE_MS + GRACE_MS)
    told_ms = DEPARTURE_MS + minutes * 60_000
    world.until(told_ms)
    world.answer(status)
    (second,) = world.until(told_ms + 1 if hours == 0 else told_ms + GRACE_MS)
    assert isinstance(first, ManifestClosed)
    assert isinstance(second, ManifestClosed)
    assert second.departure_at_ms == DEPARTURE_MS + hours * HOUR_MS
    assert (first.late, second.shipped, second.late) == (("o1/south/1/1",), ("o1/south/1/1",), ())
    assert not any(isinstance(row, InWave | Wave) for row in world.view.rows.values())


def test_what_was_late_for_a_closed_manifest_is_not_on_it_by_a_clock_that_is_behind() -> None:
    world = DispatchWorld()
    world.put(an_order(1))
    world.put(an_order(2))
    world.until(DEPARTURE_MS + GRACE_MS)
    world.now_ms -= 1000
    world.answer("shipped", number=1)
    world.until(DEPARTURE_MS + 2 * HOUR_MS)
    manifests = [event for event in world.emitted if isinstance(event, ManifestClosed)]
    assert [one.departure_at_ms for one in manifests] == [DEPARTURE_MS, DEPARTURE_MS + HOUR_MS]
    assert [len(one.shipped) for one in manifests] == [0, 1]


def test_rows_of_earlier_versions_that_are_late_join_a_later_manifest_too() -> None:
    world = DispatchWorld()
    world.put(an_order(1))
    for place, row in world.view.rows.items():
        if isinstance(row, Shipment):
            world.view.rows[place] = replace(row, lane_id="")
    world.until(DEPARTURE_MS + GRACE_MS)
    world.answer("shipped")
    world.until(DEPARTURE_MS + 2 * HOUR_MS)
    first, second = (event for event in world.emitted if isinstance(event, ManifestClosed))
    assert first.late == second.shipped == ("o1/south/1/1",)
    world.answer("delivered")
    world.until(DEPARTURE_MS + 400 * DAY_MS)
    assert not world.view.rows


def stop_at(text: str) -> str:
    return stop_id(read(Address(text, "Leeds", "LS6 3AB", "GB")), b"key")


def test_a_manifest_joins_what_one_halt_serves_door_then_building_then_side_of_the_street() -> None:
    world = DispatchWorld()
    addresses = (
        "Flat 2, 14 High St",
        "14 high street flat 2",
        "Flat 3, 14 High Street",
        "18 High Street",
        "15 High St",
    )
    for number, address in enumerate(addresses, 1):
        world.put(an_order(number, stop_id=stop_at(address)))
        world.answer("shipped", number=number)
    world.put(an_order(6, stop_id=stop_at("20 High Street")))  # late
    (manifest,) = world.until(DEPARTURE_MS + GRACE_MS)
    assert isinstance(manifest, ManifestClosed)
    one, across = sorted(manifest.stops, key=lambda stop: -len(stop.shipments))
    assert {name[:2] for name in one.shipments} == {"o1", "o2", "o3", "o4"}
    assert (one.shipments[-1], one.doors, one.walk_m) == ("o4/south/1/1", 3, 16)
    assert one.service_s == 90 + 4 * 20 + 40 + 25  # the halt, four parcels, a further flat and a further house
    assert (across.shipments, across.at) == (("o5/south/1/1",), "o5/south/1/1")
    assert sorted(name for stop in manifest.stops for name in stop.shipments) == sorted(manifest.shipped)


@pytest.mark.parametrize("known", ["", "0123456789abcdef0123"], ids=["none", "of an earlier version"])
def test_rows_of_earlier_versions_are_joined_by_no_more_than_they_know(known: str) -> None:
    world = DispatchWorld()
    for number in (1, 2):
        world.put(an_order(number, stop_id=known))
        world.answer("shipped", number=number)
    for place, row in list(world.view.rows.items()):
        if isinstance(row, InWave) and not known:
            world.view.rows[place] = InWave(wave_id=row.wave_id, shipment_id=row.shipment_id)
    (manifest,) = world.until(DEPARTURE_MS + GRACE_MS)
    assert isinstance(manifest, ManifestClosed)
    assert len(manifest.stops) == (1 if known else 2)


def test_what_left_and_was_never_told_to_arrive_is_forgotten_at_last() -> None:
    world = DispatchWorld()
    world.put(an_order(1))
    world.put(an_order(2))
    world.answer("shipped", number=1)
    world.until(START_MS + (LOST_DAYS - 1) * DAY_MS)
    assert statuses(world.answer("in_transit", number=1)) == ["in_transit"]
    world.until(START_MS + (2 * LOST_DAYS - 2) * DAY_MS)
    assert statuses(world.answer("delivered", number=1)) == ["delivered"]
    world.until(START_MS + 4 * LOST_DAYS * DAY_MS)
    assert {row.shipment_id for row in world.view.rows.values() if isinstance(row, Progress)} == {"o2/south/1/1"}


def test_rows_are_forgotten_after_their_time() -> None:
    world = DispatchWorld()
    world.put(an_order(1))
    world.put(an_order(2))
    world.answer("delivered", number=1)
    world.answer("short_picked", ("1", 3), ("2", 1), number=2)
    world.until(START_MS + 10 * DAY_MS)
    assert Counter(kind for kind, _ in world.view.rows) == {Shipment: 2, Progress: 2}
    world.until(START_MS + 31 * DAY_MS)
    assert world.view.rows == {}
    assert not any(kind is Wave for kind, _ in world.view.rows)


ANSWERS = st.lists(
    st.one_of(
        st.sampled_from([(status.value, ()) for status in STEPS]),
        st.tuples(st.just("short_picked"), st.tuples(st.tuples(st.sampled_from("12"), st.integers(1, 3)))),
    ),
    max_size=12,
)


@given(answers=ANSWERS)
def test_whatever_the_order_of_answers_each_step_is_told_once_in_order(
    answers: list[tuple[str, tuple[tuple[str, int], ...]]],
) -> None:
    world = DispatchWorld()
    world.put(an_order())
    for status, missing in answers:
        assert world.answer(status, *missing)  # every answer leaves a trace
    road = [status for status in statuses(world.emitted) if status != "short_picked"]
    assert road == ["released", *(step.value for step in STEPS)][: len(road)]
    assert all(earlier != later for earlier, later in pairwise(road))
    shipped = [event for event in world.emitted if isinstance(event, ShipmentShipped)]
    short = [event for event in world.emitted if isinstance(event, PickShort)]
    assert len(shipped) == ("shipped" in road)
    assert len(short) <= 1
    if shipped:
        units = Counter({line.line_id: line.quantity for line in shipped[0].lines})
        for event in short:
            units.update({line.line_id: line.quantity for line in event.missing})
        assert units == {"1": 3, "2": 1}
