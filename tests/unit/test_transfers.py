"""Transfers in dispatch: asked, sent, arrived; the parcel leaves with all that came, and stock leaves a shelf once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import permutations

import pytest

from orderwing.audit.ledgers import shipped_by_warehouse
from orderwing.dispatch.rows import Coming, Gathering, Progress, State, Transfer
from orderwing.dispatch.stage import STAGE
from orderwing.dispatch.waves import GRACE_MS
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
    TransferAsked,
    TransferLeft,
)
from orderwing_schemas.events.public import WarehouseAnswered, WarehouseStatus
from support.allocation_world import DAY_MS, HERE, HOUR_MS, START_MS, a_lane, a_network, a_site
from support.memory_view import MemoryReference, MemoryView

PART = "o/south/1"
MOVED, PARCEL = f"{PART}/1", f"{PART}/2"
ARRIVES_MS, LEAVES_MS = START_MS + HOUR_MS, START_MS + 2 * HOUR_MS


def lines(*pairs: tuple[str, int]) -> tuple[LineQuantity, ...]:
    return tuple(LineQuantity(line_id=line_id, sku=f"sku-{line_id}", quantity=q) for line_id, q in pairs)


def planned(shipment_id: str, site_id: str, units: tuple[LineQuantity, ...], to: str | None = None) -> PlannedShipment:
    return PlannedShipment(
        shipment_id=shipment_id,
        site_id=site_id,
        lane_id="b-south",
        carrier="transfer" if to else "van",
        departure_at_ms=START_MS if to else LEAVES_MS,
        arrival_at_ms=ARRIVES_MS if to else LEAVES_MS + HOUR_MS,
        lines=units,
        cost_minor=1,
        terms=(("parcel", 1),),
        to_site_id=to,
    )


ORDERED = ShipmentOrdered(
    site_id="b",
    region="south",
    order_id="o",
    order_version=1,
    part_id=PART,
    service_level=ServiceLevel.STANDARD,
    stop_id="stop",
    zone="south",
    delivery_point=HERE,
    promise_at_ms=LEAVES_MS + HOUR_MS,
    shipment=planned(PARCEL, "b", lines(("1", 1), ("2", 2))),
    transfers=(planned(MOVED, "a", lines(("1", 2)), "b"),),
)


class Docks:
    """The two sites' partitions; what one tells the other is `post`, delivered when asked."""

    def __init__(self) -> None:
        network = a_network((a_site("a"), a_site("b")), (a_lane("a"), a_lane("b")))
        self.views = {site_id: MemoryView(MemoryReference(network)) for site_id in ("a", "b")}
        self.now_ms = START_MS
        self.emitted: list[Event] = []
        self.post: list[TransferAsked | TransferLeft] = []

    def put(self, site_id: str, event: Event) -> list[Event]:
        view = self.views[site_id]
        return self._keep([one.event for one in view.apply(STAGE.decide(view, event, self.now_ms)).emits])

    def _keep(self, events: list[Event]) -> list[Event]:
        self.emitted += events
        self.post += [event for event in events if isinstance(event, TransferAsked | TransferLeft)]
        return events

    def deliver(self) -> None:
        while self.post:
            event = self.post.pop(0)
            self.put(event.site_id, event)

    def answer(self, site_id: str, shipment_id: str, status: str, *missing: tuple[str, int], order: str = "o") -> str:
        """Why it was put aside; empty if it was not."""
        told = WarehouseAnswered(
            shipment_id=shipment_id,
            site_id=site_id,
            order_id=order,
            status=WarehouseStatus(status),
            missing=lines(*missing),
            at=datetime(2026, 6, 1, tzinfo=UTC),
        )
        return next((one.reason for one in self.put(site_id, told) if isinstance(one, AnswerIgnored)), "")

    def due(self, at_ms: int) -> None:
        self.now_ms = at_ms
        for view in self.views.values():
            for row in [row for row in view.rows.values() if row.wake_at_ms is not None and row.wake_at_ms <= at_ms]:
                self._keep([one.event for one in view.apply(STAGE.due(view, row, at_ms)).emits])

    def told(self, kind: type) -> list:  # type: ignore[type-arg]
        return [event for event in self.emitted if isinstance(event, kind)]

    def state(self, site_id: str, shipment_id: str) -> State:
        row = self.views[site_id].get(Progress, shipment_id)
        assert row is not None
        return row.state


@pytest.fixture
def docks() -> Docks:
    made = Docks()
    made.put("b", ORDERED)
    made.deliver()
    return made


def by_id(docks: Docks) -> dict[str, ShipmentReleased]:
    return {one.shipment_id: one for one in docks.told(ShipmentReleased)}


def units(found: tuple[LineQuantity, ...]) -> dict[str, int]:
    return {line.line_id: line.quantity for line in found}


def test_the_parcel_waits_and_the_transfer_is_released_to_the_other_site(docks: Docks) -> None:
    (released,) = docks.told(ShipmentReleased)
    assert (released.shipment_id, released.site_id, released.to_site_id) == (MOVED, "a", "b")
    assert docks.state("b", PARCEL) is State.AWAITING
    assert docks.answer("b", PARCEL, "picked") == "not_released"
    assert docks.answer("b", PARCEL, "short_picked", ("2", 1)) == "not_released"


@pytest.mark.parametrize("order", [("shipped", "arrived"), ("arrived", "shipped")])
def test_it_leaves_with_all_that_came_once_both_sites_have_said_so(docks: Docks, order: tuple[str, str]) -> None:
    for status in order:
        assert docks.state("b", PARCEL) is State.AWAITING
        assert docks.answer("b" if status == "arrived" else "a", MOVED, status) == ""
        docks.deliver()
    parcel = by_id(docks)[PARCEL]
    assert (units(parcel.lines), units(parcel.cross_docked)) == ({"1": 3, "2": 2}, {"1": 2})
    assert docks.state("b", PARCEL) is State.RELEASED
    assert docks.state("a", MOVED) is State.TRANSFERRED
    docks.answer("b", PARCEL, "delivered")
    shipped = {one.shipment_id: (one.site_id, units(one.lines)) for one in docks.told(ShipmentShipped)}
    assert shipped == {MOVED: ("a", {"1": 2}), PARCEL: ("b", {"1": 1, "2": 2})}, "each unit leaves the shelf it was on"
    charged = [one for one in docks.told(ShipmentProgressed) if one.status == "shipped"]
    assert [(one.shipment_id, units(one.lines)) for one in charged] == [(PARCEL, {"1": 3, "2": 2})]


def test_answers_told_again_and_out_of_place_change_nothing(docks: Docks) -> None:
    assert docks.answer("b", "o/south/9/1", "arrived") == "unknown_shipment"
    assert docks.answer("b", MOVED, "arrived", order="other") == "wrong_order"
    assert docks.answer("a", MOVED, "in_transit") == "is_transfer"
    for _ in range(2):
        docks.answer("a", MOVED, "shipped")
        docks.answer("b", MOVED, "arrived")
        docks.deliver()
    assert docks.answer("a", MOVED, "packed") == "repeated"
    assert docks.answer("b", MOVED, "arrived") == "repeated"
    docks.put("b", docks.told(TransferLeft)[0])
    assert len(docks.told(ShipmentReleased)) == 2
    assert len(docks.told(ShipmentShipped)) == 1


def test_what_was_not_found_is_a_new_need_and_the_rest_goes_on(docks: Docks) -> None:
    docks.answer("a", MOVED, "short_picked", ("1", 1))
    docks.answer("a", MOVED, "shipped")
    docks.answer("b", MOVED, "arrived")
    docks.deliver()
    (short,) = docks.told(PickShort)
    assert (short.site_id, units(short.missing), short.cross_docked) == ("a", {"1": 1}, ())
    assert units(by_id(docks)[PARCEL].lines) == {"1": 2, "2": 2}


def test_where_nothing_was_found_the_parcel_leaves_without_it(docks: Docks) -> None:
    docks.answer("a", MOVED, "short_picked", ("1", 2))
    docks.deliver()
    assert (units(by_id(docks)[PARCEL].lines), by_id(docks)[PARCEL].cross_docked) == ({"1": 1, "2": 2}, ())
    assert docks.answer("b", MOVED, "arrived") == "ended"


@pytest.mark.parametrize(
    ("missing", "shelf", "dock"),
    [
        ((("1", 1),), {"1": 1}, {}),
        ((("1", 2),), {"1": 1}, {"1": 1}),
        ((("1", 3), ("2", 2)), {"1": 1, "2": 2}, {"1": 2}),
    ],
)
def test_what_is_missing_is_missing_from_the_shelf_first(
    docks: Docks, missing: tuple[tuple[str, int], ...], shelf: dict[str, int], dock: dict[str, int]
) -> None:
    docks.answer("a", MOVED, "shipped")
    docks.answer("b", MOVED, "arrived")
    docks.deliver()
    docks.answer("b", PARCEL, "short_picked", *missing)
    (short,) = docks.told(PickShort)
    assert (units(short.missing), units(short.cross_docked)) == (shelf, dock)
    docks.answer("b", PARCEL, "shipped")
    left = {"1": 1, "2": 2}
    for line_id, quantity in shelf.items():
        left[line_id] -= quantity
    shipped = [units(one.lines) for one in docks.told(ShipmentShipped) if one.shipment_id == PARCEL]
    assert shipped == ([] if len(missing) == 2 else [{line: quantity for line, quantity in left.items() if quantity}])


def test_a_transfer_that_does_not_come_is_told_of_once_and_may_come_later(docks: Docks) -> None:
    docks.due(ARRIVES_MS + GRACE_MS)
    docks.due(ARRIVES_MS + GRACE_MS + HOUR_MS)
    overdue = [one for one in docks.told(ShipmentProgressed) if one.status == "overdue"]
    assert [one.shipment_id for one in overdue] == [PARCEL]
    docks.answer("a", MOVED, "shipped")
    docks.answer("b", MOVED, "arrived")
    docks.deliver()
    assert docks.state("b", PARCEL) is State.RELEASED


def test_a_parcel_whose_departure_has_left_takes_the_next_that_it_can_be_picked_for(docks: Docks) -> None:
    docks.answer("a", MOVED, "shipped")
    docks.deliver()
    docks.now_ms = LEAVES_MS + 1
    docks.answer("b", MOVED, "arrived")
    parcel = by_id(docks)[PARCEL]
    assert parcel.departure_at_ms == LEAVES_MS + HOUR_MS
    assert parcel.arrival_at_ms == LEAVES_MS + 2 * HOUR_MS
    docks.answer("b", PARCEL, "shipped")
    docks.due(LEAVES_MS + HOUR_MS + GRACE_MS)
    (manifest,) = docks.told(ManifestClosed)
    assert (manifest.wave_id, manifest.shipped, manifest.late) == (parcel.wave_id, (PARCEL,), ())


def test_what_came_from_another_site_takes_none_of_the_picking_time() -> None:
    docks = Docks()
    network = a_network((a_site("a"), a_site("b", units_per_hour=5)), (a_lane("a"), a_lane("b")))
    docks.views = {site_id: MemoryView(MemoryReference(network)) for site_id in "ab"}
    docks.put("b", ORDERED.model_copy(update={"transfers": (planned(MOVED, "a", lines(("1", 20)), "b"),)}))
    docks.deliver()
    docks.answer("a", MOVED, "shipped")
    docks.deliver()
    docks.now_ms = LEAVES_MS + 1
    docks.answer("b", MOVED, "arrived")
    assert by_id(docks)[PARCEL].departure_at_ms == LEAVES_MS + HOUR_MS


def test_all_that_is_remembered_is_forgotten_in_the_end(docks: Docks) -> None:
    docks.answer("a", MOVED, "shipped")
    docks.answer("b", MOVED, "arrived")
    docks.deliver()
    docks.answer("b", PARCEL, "delivered")
    docks.due(START_MS + DAY_MS)
    docks.due(START_MS + 40 * DAY_MS)
    rows = [row for view in docks.views.values() for row in view.rows.values()]
    assert [row for row in rows if isinstance(row, Transfer | Gathering | Coming | Progress)] == []


def test_the_auditor_counts_what_crossed_a_dock_on_the_shelf_that_it_left() -> None:
    box = {"shipment_id": PARCEL, "site_id": "b", "status": "shipped"}
    tea = {"line_id": "1", "sku": "tea"}
    book = [
        {"shipment_id": MOVED, "site_id": "a", "status": "shipped", "lines": [{**tea, "quantity": 2}]},
        {**box, "lines": [{**tea, "quantity": 5}]},
    ]
    crossed = {PARCEL: Counter({("1", "tea"): 2})}
    assert shipped_by_warehouse(book, crossed) == {("a", "tea"): 2, ("b", "tea"): 3}
    assert shipped_by_warehouse(book, {}) == {("a", "tea"): 2, ("b", "tea"): 5}, "nothing is excused unsent"


def test_two_transfers_are_both_waited_for_in_any_order() -> None:
    third = planned(f"{PART}/3", "a", lines(("3", 1)), "b")
    words = (("a", MOVED, "shipped"), ("b", MOVED, "arrived"), ("a", third.shipment_id, "shipped"),
             ("b", third.shipment_id, "arrived"))  # fmt: skip
    for order in permutations(words):
        made = Docks()
        made.put("b", ORDERED.model_copy(update={"transfers": (*ORDERED.transfers, third)}))
        made.deliver()
        for word in order:
            assert PARCEL not in by_id(made)
            assert made.answer(*word) == ""
            made.deliver()
        assert units(by_id(made)[PARCEL].lines) == {"1": 3, "2": 2, "3": 1}
