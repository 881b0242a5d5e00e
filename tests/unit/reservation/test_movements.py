"""Stock as it is reported: once each, in any order, counts corrected by what they could not know."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from orderwing.kernel.decision import Decision
from orderwing.reservation.stock import (
    COUNT_HORIZON_MS,
    GAP_HORIZON_MS,
    MOST_EXPECTED,
    REMEMBERED_MS,
    Left,
    Moved,
    Postponed,
    Shelf,
    Shipped,
    SiteLog,
)
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.public import StockAdjusted, StockCounted, StockExpected, StockReceived
from orderwing_schemas.events.reservation import StockMoved
from support.reservation_world import World, network, of_kind, order


def received(sequence: int, quantity: int = 10) -> StockReceived:
    return StockReceived(site_id="N1", sku="A", quantity=quantity, sequence=sequence)


def adjusted(sequence: int, delta: int) -> StockAdjusted:
    return StockAdjusted(site_id="N1", sku="A", delta=delta, reason="damage", sequence=sequence)


def counted(sequence: int, on_hand: int, includes: int, shipment: str | None = None) -> StockCounted:
    return StockCounted(
        site_id="N1",
        sku="A",
        on_hand=on_hand,
        includes_sequence=includes,
        includes_shipment=shipment,
        sequence=sequence,
    )


def shipped(world: World, order_id: str, shipment_id: str) -> ShipmentShipped:
    (part,) = world.reserved(order_id)
    return ShipmentShipped(
        region="north",
        order_id=order_id,
        order_version=1,
        part_id=part.part_id,
        shipment_id=shipment_id,
        site_id="N1",
        lines=world.recorded(order_id).reserved,
    )


def test_a_movement_that_comes_twice_counts_once() -> None:
    world = World()
    (moved,) = of_kind(world.move_stock(received(1)), StockMoved)
    assert (moved.kind, moved.shelves[0].on_hand) == ("received", 10)
    assert world.move_stock(received(1)) == []
    world.move_stock(received(3))
    assert world.move_stock(received(3)) == []
    assert world.shelf("N1", "A").on_hand == 20


def test_gaps_can_be_seen() -> None:
    world = World()
    for sequence in (1, 4, 3):
        world.move_stock(received(sequence))
    log = world.views["north"].get(SiteLog, "N1")
    assert log is not None
    assert (log.mark, log.beyond) == (1, ((3, 4),))
    world.move_stock(received(2))
    log = world.views["north"].get(SiteLog, "N1")
    assert log is not None
    assert (log.mark, log.beyond) == (4, ())


def test_a_number_that_never_comes_costs_no_more_the_more_come_after_it() -> None:
    world = World()
    for sequence in (*range(2, 400), *range(401, 500)):
        world.move_stock(received(sequence, 1))
    log = world.views["north"].get(SiteLog, "N1")
    assert log is not None
    assert (log.mark, log.beyond) == (0, ((2, 399), (401, 499)))
    assert world.shelf("N1", "A").on_hand == 497


def test_a_log_of_an_earlier_version_is_read() -> None:
    world = World()
    log = msgspec.json.decode(b'{"site_id":"N1","mark":1,"ahead":[3,4,7],"shipments":2}', type=SiteLog)
    world.views["north"].apply(Decision(puts=(log,)))
    assert world.move_stock(received(4)) != []  # as another than came before under that number
    world.move_stock(received(5))
    now = world.views["north"].get(SiteLog, "N1")
    assert now is not None
    assert (now.mark, now.ahead, now.beyond, now.shipments) == (1, (), ((3, 5), (7, 7)), 2)
    world.move_stock(received(2))
    world.move_stock(received(6))
    now = world.views["north"].get(SiteLog, "N1")
    assert now is not None
    assert now.mark == 7
    assert world.shelf("N1", "A").on_hand == 30


@pytest.mark.parametrize(
    "other",
    [
        received(1, 9),
        received(4, 9),
        StockReceived(site_id="N1", sku="B", quantity=10, sequence=1),
        adjusted(1, 9),
        adjusted(2, -2),
        counted(6, 7, includes=0),
        counted(5, 7, includes=3),
    ],
)
def test_another_movement_under_a_number_that_was_used_is_not_lost_without_a_word(
    other: StockReceived | StockAdjusted | StockCounted,
) -> None:
    world = World()
    told = (received(1), adjusted(2, -3), counted(4, 8, includes=2), adjusted(6, -50))
    for movement in told:
        world.move_stock(movement)
    for movement in told:  # the same again says nothing new
        assert world.move_stock(movement) == []
    world.move_stock(counted(5, 6, includes=3))  # waits
    before = world.shelf("N1", "A")
    (moved,) = of_kind(world.move_stock(other), StockMoved)
    assert moved.shelves == ()
    assert moved.exception is not None
    assert "under a number from 7 on" in moved.exception
    assert world.shelf("N1", "A") == before


def test_a_loss_waits_for_the_receipt_that_it_takes_from() -> None:
    world = World()
    assert world.move_stock(adjusted(2, -4)) == []
    world.move_stock(received(1))
    assert world.shelf("N1", "A").on_hand == 6
    assert not world.all_rows(Postponed)


def test_what_still_waits_is_not_looked_into_at_each_movement(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    waiting = 40
    for sequence in range(3, 3 + waiting, 2):
        count = counted(sequence, 5, includes=2, shipment="s1" if sequence % 4 == 1 else None)
        world.move_stock(count.model_copy(update={"sku": f"C{sequence}"}))
        loss = adjusted(sequence + 1, -4)
        world.move_stock(loss.model_copy(update={"sku": f"L{sequence}"}))
    assert len(world.all_rows(Postponed)) == waiting
    read: list[bytes] = []
    decode = StockMovementAccepted.model_validate_json

    def counting(text: bytes) -> StockMovementAccepted:
        read.append(text)
        return decode(text)

    monkeypatch.setattr(StockMovementAccepted, "model_validate_json", counting)
    world.move_stock(received(100))
    world.move_stock(received(2))
    assert read == []
    enough = StockReceived(site_id="N1", sku="L3", quantity=4, sequence=101)
    world.move_stock(enough)
    assert len(read) == 1
    world.move_stock(received(1))
    assert len(world.all_rows(Postponed)) == waiting // 4  # whose shipment has not come
    assert len(read) == waiting * 3 // 4


def test_a_loss_of_what_was_never_there_is_an_exception() -> None:
    world = World()
    (moved,) = of_kind(world.move_stock(adjusted(1, -4)), StockMoved)
    assert moved.shelves[0].on_hand == 0
    assert moved.exception is not None


def test_a_loss_of_what_is_held_is_an_exception() -> None:
    world = World()
    world.move_stock(received(1, 5))
    world.clear(order("o1", {"A": 5}))
    (moved,) = of_kind(world.move_stock(adjusted(2, -2)), StockMoved)
    assert (moved.shelves[0].on_hand, moved.shelves[0].reserved) == (3, 5)
    assert moved.exception is not None
    world.move_stock(received(3, 3))
    assert world.shelf("N1", "A").atp == 1


def test_a_count_waits_for_what_it_includes_and_is_corrected_by_what_came_after() -> None:
    world = World()
    world.move_stock(received(1))
    world.move_stock(received(3, 7))
    assert world.move_stock(counted(4, 12, includes=2)) == []
    assert len(world.all_rows(Postponed)) == 1
    world.move_stock(adjusted(2, 5))
    assert world.shelf("N1", "A").on_hand == 12 + 7
    world.move_stock(adjusted(5, -1))
    assert world.shelf("N1", "A").on_hand == 18


def test_a_count_knows_the_shipments_after_the_one_it_names() -> None:
    world = World()
    world.move_stock(received(1, 20))
    for name in ("o1", "o2", "o3"):
        world.clear(order(name, {"A": 2}))
    world.send(shipped(world, "o1", "s1"))
    assert world.move_stock(counted(2, 15, includes=1, shipment="s2")) == []
    world.send(shipped(world, "o3", "s2"))
    assert world.shelf("N1", "A").on_hand == 15
    world.send(shipped(world, "o2", "s3"))
    world.move_stock(counted(3, 14, includes=2, shipment="s2"))
    assert world.shelf("N1", "A").on_hand == 14 - 2
    world.check()


def leave(world: World, *names: str, quantity: int = 1) -> None:
    """Each an order of its own, shipped at once."""
    for name in names:
        world.clear(order(f"o{name}", {"A": quantity}))
        world.send(shipped(world, f"o{name}", f"s{name}"))


def test_a_count_knows_all_shipments_after_the_one_it_names_however_many() -> None:
    world = World()
    world.move_stock(received(1, 100))
    leave(world, *map(str, range(41)))
    world.move_stock(counted(2, 99, includes=1, shipment="s0"))
    assert world.shelf("N1", "A").on_hand == 100 - 41
    world.check()


def test_a_shipment_may_take_from_a_shelf_for_several_lines() -> None:
    world = World()
    world.move_stock(received(1, 10))
    leave(world, "1", "2")
    twice = shipped(world, "o2", "s3")
    world.send(twice.model_copy(update={"lines": twice.lines * 2}))
    world.move_stock(counted(2, 9, includes=1, shipment="s1"))
    assert world.shelf("N1", "A").on_hand == 9 - 1 - 2


def test_a_count_that_waited_to_the_end_knows_what_left_and_came_since_it_was_taken() -> None:
    world = World()
    world.move_stock(received(1))
    leave(world, "1", "2")
    world.move_stock(received(4))
    world.move_stock(counted(3, 9, includes=2, shipment="s1"))
    world.now_ms += COUNT_HORIZON_MS
    world.due()
    assert world.shelf("N1", "A").on_hand == 9 - 1 + 10


@pytest.mark.parametrize(("shipment", "includes"), [("s1", 2), ("s2", 1)])
def test_a_count_from_before_all_that_is_remembered_says_so(shipment: str, includes: int) -> None:
    world = World()
    world.move_stock(received(1))
    leave(world, "1")
    world.now_ms += 1
    world.move_stock(received(2))
    leave(world, "2")
    world.now_ms += REMEMBERED_MS
    world.due()
    assert not world.all_rows(Left)
    (moved,) = of_kind(world.move_stock(counted(3, 18, includes=2, shipment="s2")), StockMoved)
    assert (moved.exception, moved.shelves[0].on_hand) == (None, 18)
    (moved,) = of_kind(world.move_stock(counted(4, 9, includes=includes, shipment=shipment)), StockMoved)
    assert moved.exception is not None
    assert "count again" in moved.exception


def test_shelves_and_shipments_of_an_earlier_version_are_read() -> None:
    tail = b'{"site_id":"N1","sku":"A","on_hand":7,"reserved":0,"shipped":[[1,2],[2,1]],"counted":0}'
    first = b'{"order_id":"o1","site_id":"N1","shipment_id":"s1","number":1}'
    view = World().views["north"]
    world = World()
    world.views["north"] = view
    log = SiteLog(site_id="N1", mark=1, shipments=2)
    rows = (msgspec.json.decode(tail, type=Shelf), msgspec.json.decode(first, type=Shipped), log)
    view.apply(Decision(puts=rows))
    (moved,) = of_kind(world.move_stock(counted(2, 8, includes=1, shipment="s1")), StockMoved)
    assert moved.shelves[0].on_hand == 8 - 1
    assert moved.exception is not None  # an earlier version forgot all but the last few
    assert b"shipped" not in msgspec.json.encode(world.shelf("N1", "A"))


def test_an_older_count_does_not_undo_a_later_one() -> None:
    world = World()
    world.move_stock(received(1))
    world.move_stock(counted(3, 8, includes=1))
    assert world.move_stock(counted(2, 9, includes=1)) == []
    assert world.shelf("N1", "A").on_hand == 8


def test_what_waits_in_vain_is_applied_in_the_end_and_says_so() -> None:
    world = World()
    world.move_stock(counted(3, 8, includes=2))
    world.now_ms += COUNT_HORIZON_MS
    world.due()
    assert world.shelf("N1", "A").on_hand == 8
    (moved,) = of_kind(world.emitted, StockMoved)
    assert moved.exception is not None


def test_a_lost_number_is_waited_for_once_and_not_again_by_every_later_count() -> None:
    world = World()
    world.move_stock(received(1))
    world.move_stock(counted(3, 8, includes=2))
    world.move_stock(received(4))
    world.now_ms += GAP_HORIZON_MS - 1
    world.due()
    assert world.shelf("N1", "A").on_hand == 20
    world.now_ms += 1
    world.due()
    assert world.shelf("N1", "A").on_hand == 8 + 10
    (moved,) = of_kind(world.move_stock(counted(5, 15, includes=4)), StockMoved)
    assert moved.exception is None
    assert world.shelf("N1", "A").on_hand == 15
    (moved,) = of_kind(world.move_stock(counted(6, 14, includes=5)), StockMoved)
    assert moved.shelves[0].on_hand == 14


def test_what_waits_for_the_same_lost_number_is_applied_with_the_first_that_has_waited() -> None:
    world = World()
    world.move_stock(counted(2, 8, includes=1))
    world.now_ms += GAP_HORIZON_MS - 1
    world.move_stock(counted(3, 7, includes=2))
    world.now_ms += 1
    world.due()
    assert world.shelf("N1", "A").on_hand == 7
    assert world.all_rows(Postponed) == []


def test_a_lost_number_that_comes_after_all_is_taken_once() -> None:
    world = World()
    world.move_stock(counted(5, 8, includes=4))
    world.now_ms += GAP_HORIZON_MS
    world.due()
    other = StockReceived(site_id="N1", sku="B", quantity=3, sequence=2)
    for _ in range(2):
        world.move_stock(other)
        assert world.shelf("N1", "B").on_hand == 3
        world.move_stock(received(3))
        assert world.shelf("N1", "A").on_hand == 8
    assert world.move_stock(received(3)) == []
    (log,) = world.all_rows(SiteLog)
    assert isinstance(log, SiteLog)
    assert (log.mark, log.beyond, log.lost) == (5, (), ((1, 1), (4, 4)))


def test_a_count_waits_longer_for_a_shipment_than_for_a_movement() -> None:
    world = World()
    world.move_stock(counted(3, 8, includes=2, shipment="s1"))
    world.now_ms += COUNT_HORIZON_MS - 1
    world.due()
    assert world.shelf("N1", "A").on_hand == 0
    world.now_ms += 1
    world.due()
    assert world.shelf("N1", "A").on_hand == 8


def test_what_comes_after_a_count_that_includes_it_is_not_added_again() -> None:
    world = World()
    world.move_stock(counted(4, 8, includes=3))
    world.now_ms += COUNT_HORIZON_MS
    world.due()
    for late in (received(1), adjusted(2, -3), received(3, 2)):
        (moved,) = of_kind(world.move_stock(late), StockMoved)
        assert moved.shelves[0].on_hand == 8
        assert moved.exception is not None
    world.move_stock(received(5, 1))
    assert world.shelf("N1", "A").on_hand == 9
    world.move_stock(counted(6, 20, includes=2))
    assert world.shelf("N1", "A").on_hand == 20 + 2 + 1


def test_effects_are_forgotten_when_no_count_can_ask_for_them() -> None:
    world = World()
    world.move_stock(received(1))
    assert len(world.all_rows(Moved)) == 1
    leave(world, "1")
    assert len(world.all_rows(Left)) == 1
    world.now_ms += REMEMBERED_MS
    world.due()
    assert not world.all_rows(Moved)
    assert not world.all_rows(Left)


def test_receipts_draw_down_what_is_on_order() -> None:
    world = World()
    for sequence, day in ((1, 2), (2, 1)):
        due_at = datetime(2027, 1, day, tzinfo=UTC)
        world.move_stock(StockExpected(site_id="N1", sku="A", quantity=5, due_at=due_at, sequence=sequence))
    world.move_stock(received(3, 7))
    second = int(datetime(2027, 1, 2, tzinfo=UTC).timestamp() * 1000)
    assert world.shelf("N1", "A").expected == ((second, 3),)


def test_deliveries_on_order_that_never_come_are_not_kept_for_ever() -> None:
    world = World()
    for sequence in range(1, 3 * MOST_EXPECTED):
        due_at = datetime.fromtimestamp(world.now_ms / 1000 + sequence * 60, UTC)
        world.move_stock(StockExpected(site_id="N1", sku="A", quantity=5, due_at=due_at, sequence=sequence))
    expected = world.shelf("N1", "A").expected
    assert len(expected) == MOST_EXPECTED
    assert min(expected) == (world.now_ms + 60_000, 5)
    world.now_ms += 31 * 86_400_000
    due_at = datetime.fromtimestamp(world.now_ms / 1000, UTC)
    world.move_stock(StockExpected(site_id="N1", sku="A", quantity=7, due_at=due_at, sequence=1000))
    assert world.shelf("N1", "A").expected == ((world.now_ms, 7),)


def test_safety_is_a_share_of_what_is_on_hand_and_not_for_sale() -> None:
    world = World(network(safety_share_percent=5, regions=("north",)))
    world.move_stock(received(1, 100))
    assert (world.shelf("N1", "A").safety, world.shelf("N1", "A").atp) == (5, 95)
    world.clear(order("o1", {"A": 96}))
    assert [(line.sku, line.quantity) for line in world.recorded("o1").waiting] == [("A", 1)]
    world.move_stock(received(2, 1))
    assert (world.shelf("N1", "A").reserved, world.shelf("N1", "A").safety) == (95, 5)
    world.settle()
    assert world.recorded("o1").waiting == ()
    world.check()
