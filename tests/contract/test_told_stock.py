"""What regions tell each other of their stock, on both buses: from partition to partition, and over a restart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from typing import cast as cast_to

import pytest

from contract.probe_stage import Probe
from contract.worlds import Cast, outgoing
from orderwing.kernel.decision import Decision, Emit
from orderwing.kernel.stage import Handler, Stage
from orderwing.kernel.view import View
from orderwing.reservation.stage import STAGE
from orderwing.reservation.told import Told, ToldBy
from orderwing.runtime.runner import Runner
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.public import StockReceived
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.events.reservation import SlipPassed, SlipReturned
from orderwing_schemas.topics import (
    HOLDS_REQUESTED,
    REFERENCE,
    RESERVATION_SLIPS,
    ROAD,
    STOCK_MOVEMENTS,
    Topic,
    changelog,
    control,
    dead_letters,
)
from support.reservation_world import network, order

NETWORK = network()


class Reservation:
    """The stage on topics of its own; each of three regions on its own partition."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._own = {
            topic.name: replace(topic, name=f"{name}.{topic.name}", producer=name, consumers=(name,))
            for topic in ROAD
            if topic is REFERENCE or topic.producer == "reservation" or topic in STAGE.inputs
        }
        self.reference = self.of(REFERENCE)
        self.stage = Stage(
            name=name,
            inputs=tuple([self.of(topic) for topic in STAGE.inputs]),
            handlers=self._redirected(STAGE.handlers),
            rows=STAGE.rows,
            deadlines=self._redirected(STAGE.deadlines),
        )

    @property
    def topics(self) -> tuple[Topic, ...]:
        return (*self._own.values(), changelog(self.name), dead_letters(self.name), control(self.name))

    def of(self, topic: Topic) -> Topic:
        return self._own[topic.name]

    def _redirected(self, handlers: Mapping[Any, Handler]) -> dict[Any, Handler]:
        return {kind: self._redirect(handler) for kind, handler in handlers.items()}

    def _redirect(self, handler: Handler) -> Handler:
        def handle(view: View, about: Any, now_ms: int) -> Decision:
            decision = handler(view, about, now_ms)
            emits = tuple([Emit(self.of(one.topic), one.event) for one in decision.emits])
            return Decision(emits, decision.puts, decision.drops)

        return handle


def test_a_slip_goes_where_stock_was_told_of_before_a_restart(cast: Cast, request: pytest.FixtureRequest) -> None:
    made = Reservation(re.sub(r"[^a-z_]+", "-", request.node.name.lower()).strip("-"))
    probe = as_probe(made)
    cast.world.create(probe)
    for number in range(made.reference.partitions):
        cast.world.publish(outgoing(made.reference, NetworkPublished(network=NETWORK), number))
    for site_id, region in (("S1", "south"), ("W1", "west")):
        movement = StockReceived(site_id=site_id, sku="Z" if region == "south" else "A", quantity=5, sequence=1)
        send(cast, made, STOCK_MOVEMENTS, StockMovementAccepted(region=region, movement=movement))
    bus = cast.bus(made.name)
    runner = cast.runner(probe, bus=bus)
    cast.until(lambda: "west/A" in rows(runner, Told) and {"south", "west"} <= rows(runner, ToldBy).keys(), runner)
    bus.close()

    again = cast.runner(probe, instance="1")
    send(cast, made, HOLDS_REQUESTED, SoftHoldRequested(order=order("o1", {"A": 2})))
    cast.until(lambda: bool(told(cast, made, SlipReturned)), again)
    assert rows(again, Told)["west/A"].units == {"W1": 5}
    (slip,) = told(cast, made, SlipPassed)
    (back,) = told(cast, made, SlipReturned)
    assert (slip.region, slip.route) == ("west", ("south",))
    assert back.held == back.expected == slip.expected


def as_probe(made: Reservation) -> Probe:
    """All that a world asks of a stage."""
    return cast_to(Probe, made)


def send(cast: Cast, made: Reservation, topic: Topic, event: Event) -> None:
    region = topic.key_of(event)
    cast.world.publish(outgoing(made.of(topic), event, NETWORK.ordinals[region]))


def rows(runner: Runner, kind: type[Any]) -> dict[str, Any]:
    """By key, of all partitions."""
    tables = [partition.store.tables[kind] for partition in runner.partitions.values()]
    return {key: table.get(key) for table in tables for key in list(table)}


def told(cast: Cast, made: Reservation, kind: type[Any]) -> list[Any]:
    records = cast.records(made.of(RESERVATION_SLIPS))
    events = [decode(record.value, header_map(record.headers).get("ce_type")) for record in records]
    return [event for event in events if isinstance(event, kind)]
