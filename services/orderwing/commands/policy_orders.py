"""Orders to try a policy on, with the stock there was: those of a cluster's log, or made-up ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from orderwing.commands.explaining.view import Rules
from orderwing.intake.decide import placed
from orderwing.kernel.ports import Record
from orderwing.kernel.row import R
from orderwing.planning.policies.replay import Moment, Shelf
from orderwing.reservation.everywhere import TOGETHER
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog
from orderwing.runtime.publish import read_reference
from orderwing.shop.feed import TimedRecord
from orderwing.shop.generator import generated_feed
from orderwing_schemas.base import Event
from orderwing_schemas.codec import UndecodableError, decode, header_map
from orderwing_schemas.domain import Order
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.public import OrderPlaced, StockReceived
from orderwing_schemas.events.reservation import DecisionCard, StockMoved
from orderwing_schemas.network import Item, Network
from orderwing_schemas.topics import ORDERS_ACCEPTED, RESERVATION_CARDS, STOCK_MOVED

RATE, SPEED = 2.0, 60.0  # the demo's: 120 orders in an hour of domain time
START_MS = 1_778_052_300_000  # 2026-05-06, 7:25 at the shop


class Orders(NamedTuple):
    """`told` says where they are from."""

    network: Network
    items: tuple[Item, ...]
    moments: Sequence[Moment]
    told: str


class _Fresh(NamedTuple):
    """Intake's view while it has seen no order."""

    reference: Rules

    def get(self, kind: type[R], key: str) -> R | None:
        return None

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        return iter(())


def made_up(orders: int, seed: int, network: Network | None = None) -> Orders:
    """Sound orders of the generator as intake accepts them, and its stock, on `network` or the demo's own.

    Raises OperatorError where the generator's stock lies at sites that the network does not have.
    """
    feed = generated_feed(orders, seed, RATE, START_MS, SPEED, faults=False)
    chosen = network or feed.network
    reference = Rules(chosen, {item.sku: item for item in feed.items})
    opening = tuple(_units(record) for record in feed.opening)
    if unknown := {site_id for site_id, _, _ in opening} - set(chosen.site_by_id):
        raise OperatorError(
            f"Made-up stock lies at site {min(unknown)}, which the network does not have: use --cluster."
        )
    moments: list[Moment] = []
    waiting = list(opening)
    for record in feed.records:
        event = _event(record)
        if isinstance(event, StockReceived):
            waiting.append((event.site_id, event.sku, event.quantity))
        elif isinstance(event, OrderPlaced) and (order := _accepted(event, reference)) is not None:
            moments.append(Moment(order, order.accepted_at_ms, tuple(waiting)))
            waiting.clear()
    return Orders(chosen, feed.items, moments, f"{len(moments)} made-up orders of seed {seed}")


def _units(record: TimedRecord) -> tuple[str, str, int]:
    event = _event(record)
    assert isinstance(event, StockReceived)
    return event.site_id, event.sku, event.quantity


def _event(record: TimedRecord) -> Event:
    return decode(record.value, header_map(record.headers).get("ce_type"))


def _accepted(event: OrderPlaced, reference: Rules) -> Order | None:
    decision = placed(_Fresh(reference), event, int(event.placed_at.timestamp() * 1000))
    return next((one.event.order for one in decision.emits if isinstance(one.event, OrderAccepted)), None)


def of_cluster(bootstrap: Cluster, orders: int, network: Network | None = None) -> Orders:
    """The last so many orders for which a cluster's reservation decided, with all shelves as they were then.

    Raises OperatorError where the cluster does not answer, or has decided nothing.
    """
    published = read_reference(bootstrap)
    chosen = network or published.network
    if chosen is None:
        raise OperatorError("No network is published: run `orderwing network load` or `orderwing market open`.")
    with OperatorLog(bootstrap, "reader") as log:
        records = log.read_topics([ORDERS_ACCEPTED.name, RESERVATION_CARDS.name, STOCK_MOVED.name])
    moments = moments_of(events_of(records), orders)
    if not moments:
        raise OperatorError(
            "Reservation has decided about no order of this cluster yet: send orders, or leave --cluster."
        )
    return Orders(chosen, published.items, moments, f"the last {len(moments)} orders of the cluster")


def events_of(records: Iterable[Record]) -> list[tuple[int, Event]]:
    """With the wall time of each. What is not understood is a dead letter of those it was sent to, and left out."""
    events = []
    for record in records:
        with suppress(UndecodableError):
            events.append((record.timestamp_ms, decode(record.value, header_map(record.headers).get("ce_type"))))
    return events


def moments_of(events: Sequence[tuple[int, Event]], orders: int) -> list[Moment]:
    """Of (wall time, event): each order at its first card, with the levels told before it and the stock it saw."""
    accepted = {event.order.order_id: event.order for _, event in events if isinstance(event, OrderAccepted)}
    turned = sorted(
        (at_ms, isinstance(event, StockMoved), place)  # a decision's card goes out before the stock that it moves
        for place, (at_ms, event) in enumerate(events)
        if isinstance(event, DecisionCard | StockMoved)
    )
    first = _first_cards(events, [place for _, _, place in turned], accepted)
    wanted = set(list(first.values())[-orders:])
    levels: dict[Shelf, int] = {}
    moments: list[Moment] = []
    for _, _, place in turned:
        event = events[place][1]
        if isinstance(event, StockMoved):
            levels.update({(shelf.site_id, shelf.sku): shelf.atp for shelf in event.shelves})
        elif isinstance(event, DecisionCard) and place in wanted:
            order = accepted[event.order_id]
            skus = {line.sku for line in order.lines}
            seen = {shelf: units for shelf, units in levels.items() if shelf[1] in skus}
            for site_id, sku, units in event.seen:
                if event.decision != TOGETHER or (site_id, sku) not in seen:  # others had told it a while ago
                    seen[site_id, sku] = units
            moments.append(Moment(order, event.at_ms, (), seen))
    return moments


def _first_cards(
    events: Sequence[tuple[int, Event]], turned: Sequence[int], accepted: Mapping[str, Order]
) -> dict[str, int]:
    """By order, the place of the first card that reservation wrote, in their turn."""
    found: dict[str, int] = {}
    for place in turned:
        event = events[place][1]
        if isinstance(event, DecisionCard) and event.stage == "reservation" and event.order_id in accepted:
            found.setdefault(event.order_id, place)
    return found
