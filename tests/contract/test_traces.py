"""Traces of what a runner decides. Both buses carry headers alike: here the simulated one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from contract.probe_stage import Probe
from contract.test_poison import letters, order, settle
from contract.worlds import HOUR_MS, Cast, SimulatedWorld, bells, decided, outgoing
from orderwing.kernel.ports import Bus, Outgoing, TransactionAbortedError
from orderwing.runtime.runner import Runner
from orderwing.runtime.trace_context import SpanContext, acceptance_of, origin, trace_id_of
from orderwing.runtime.tracing import Tracer
from orderwing.runtime.tracing_export import sampler
from orderwing.runtime.tracing_spans import Span
from orderwing_schemas.events.intake import OrderConflicted
from orderwing_schemas.topics import Topic, dead_letters

TRACE = trace_id_of("order-1")
PRODUCER = SpanContext(TRACE, "b7ad6b7169203331")


@dataclass
class Told:
    """A sink that keeps what it is told."""

    spans: list[Span] = field(default_factory=list)

    def export(self, spans: Sequence[Span]) -> None:
        self.spans += spans

    def close(self) -> None: ...

    def named(self, start: str) -> list[Span]:
        return [span for span in self.spans if span.name.startswith(start)]


class Stopped(BaseException):
    """The process stands still here."""


class Failing:
    """A bus whose next commit fails."""

    def __init__(self, bus: Bus, error: BaseException) -> None:
        self._bus, self._errors = bus, [error]
        self.produced: list[Outgoing] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def produce(self, record: Outgoing) -> None:
        self.produced.append(record)
        self._bus.produce(record)

    def commit(self) -> None:
        if self._errors:
            self._bus.abort()
            raise self._errors.pop()
        self._bus.commit()


@pytest.fixture
def cast() -> Iterator[Cast]:
    made = Cast(SimulatedWorld())
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def probe(cast: Cast) -> Probe:
    made = Probe("traced")
    cast.prepare(made)
    return made


def traced(cast: Cast, probe: Probe, ratio: float = 1.0, bus: Any = None) -> tuple[Runner, Told]:
    told = Told()
    return cast.runner(probe, bus=bus, tracer=Tracer(probe.name, told, sampler(ratio))), told


def send(cast: Cast, topic: Topic, n: int, context: SpanContext) -> None:
    record = outgoing(topic, order(n))
    cast.world.publish(replace(record, headers=[*record.headers, *context.headers()]))


def carried(cast: Cast, topic: Topic) -> list[SpanContext]:
    found = [origin(record.headers).context for record in cast.records(topic)]
    return [context for context in found if context is not None]


def until(cast: Cast, runner: Runner, n: int) -> None:
    cast.until(lambda: decided([runner]) == n, runner)


def test_a_decision_continues_its_record_and_what_it_emits_continues_the_decision(cast: Cast, probe: Probe) -> None:
    send(cast, probe.first, 1, PRODUCER._replace(state=b"vendor=1"))
    runner, told = traced(cast, probe)
    until(cast, runner, 1)

    (span,) = told.named("process")
    assert (span.name, span.kind, span.error) == (f"process {probe.first.name}", "consumer", None)
    assert (span.context.trace_id, span.parent, span.context.state) == (TRACE, PRODUCER.span_id, b"vendor=1")
    assert carried(cast, probe.out) == [span.context]
    (record,) = cast.records(probe.first)
    assert span.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
        "messaging.consumer.group.name": probe.name,
        "orderwing.stage": probe.name,
        "orderwing.order_id": "order-1",
        "orderwing.decision": "record",
        "orderwing.decision.number": 1,
        "orderwing.outcome": "decided",
        "orderwing.queued_ms": span.attributes["orderwing.queued_ms"],
        "orderwing.emitted": ("order.duplicated.v1",),
    }


def test_a_batch_links_to_what_it_received_and_has_no_parent(cast: Cast, probe: Probe) -> None:
    contexts = [SpanContext(trace_id_of(f"order-{n}"), f"{n:016x}") for n in range(1, 6)]
    for n, context in enumerate(contexts, 1):
        send(cast, probe.first, n, context)
    runner, told = traced(cast, probe)
    until(cast, runner, 5)

    batches = told.named("poll")
    assert {link for batch in batches for link in batch.links} == set(contexts)
    assert sum(int(str(batch.attributes["messaging.batch.message_count"])) for batch in batches) == 5
    assert all(batch.parent is None and [name for name, _ in batch.events] == ["decided", "committed"]
               for batch in batches)  # fmt: skip
    of_batches = {batch.context for batch in batches}
    assert all(of_batches.intersection(span.links) for span in told.named("process"))


def test_an_aborted_batch_tells_nothing_and_is_decided_again_to_the_byte(cast: Cast, probe: Probe) -> None:
    send(cast, probe.first, 1, PRODUCER)
    bus = Failing(cast.bus(probe.name), TransactionAbortedError("not this time"))
    runner, told = traced(cast, probe, bus=bus)
    until(cast, runner, 1)

    half = len(bus.produced) // 2
    assert bus.produced[:half] == bus.produced[half:]
    assert half > 0
    assert len(told.named("process")) == len(told.named("poll")) == 1


def identities(produced: list[Outgoing]) -> list[dict[str, bytes]]:
    """Headers that do not tell the time."""
    return [{n: v for n, v in record.headers if n != "ce_time"} for record in produced]


def test_who_takes_over_sends_the_same_ids(cast: Cast, probe: Probe) -> None:
    send(cast, probe.first, 1, PRODUCER)
    first = Failing(cast.bus(probe.name), Stopped())
    runner, told = traced(cast, probe, bus=first)
    with pytest.raises(Stopped):
        until(cast, runner, 1)
    second = Failing(cast.bus(probe.name), TransactionAbortedError("nor this"))
    heir, told_by_heir = traced(cast, probe, bus=second)
    until(cast, heir, 1)

    assert not told.spans
    assert identities(first.produced) == identities(second.produced)[: len(first.produced)]
    (span,) = told_by_heir.named("process")
    assert carried(cast, probe.out) == [span.context]


def test_a_deadline_continues_its_orders_trace(cast: Cast, probe: Probe) -> None:
    wake_at_ms = cast.now_ms() + HOUR_MS // 2
    cast.send(probe.second, OrderConflicted(order_id="order-1", differs_in=("bell", str(wake_at_ms))))
    runner, told = traced(cast, probe)
    cast.until(lambda: bells(runner) == 1, runner)
    cast.clock.leap(1)
    cast.until(lambda: bells(runner) == 0, runner)

    (span,) = told.named("deadline")
    assert (span.name, span.kind) == ("deadline Bell", "internal")
    assert (span.context.trace_id, span.parent) == (TRACE, acceptance_of("order-1"))
    assert carried(cast, probe.out) == [span.context]


def test_a_dead_letter_and_its_redrive_stay_in_the_trace(cast: Cast, probe: Probe) -> None:
    probe.broken.add("order-1")
    send(cast, probe.first, 1, PRODUCER)
    send(cast, probe.first, 1, PRODUCER)
    runner, told = traced(cast, probe)
    cast.until(lambda: len(told.named("process")) == 2, runner)
    failed, parked = told.named("process")
    assert (failed.error, failed.attributes["orderwing.outcome"]) == ("FaultError", "dead_lettered")
    assert (parked.error, parked.attributes["orderwing.outcome"]) == (None, "parked")
    assert carried(cast, dead_letters(probe.name)) == [failed.context]

    probe.broken.clear()
    (letter,) = letters(cast, probe)
    settle(cast, probe, letter, "redrive")
    cast.until(lambda: len(told.named("process")) == 4, runner)
    again = told.named("process")[2:]
    assert [span.attributes["orderwing.decision"] for span in again] == ["redriven", "redriven"]
    assert all(span.parent == PRODUCER.span_id for span in again)
    assert [span.links[0] for span in again] == [failed.context, parked.context]
    assert carried(cast, probe.out) == [span.context for span in again]
    assert len({span.context for span in told.spans}) == len(told.spans)


def test_what_is_not_recorded_says_so(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, order(1))
    runner, told = traced(cast, probe, 0.0)
    until(cast, runner, 1)
    assert not told.spans
    (context,) = carried(cast, probe.out)
    assert (context.trace_id, context.sampled) == (TRACE, False)


def test_without_a_tracer_no_record_carries_a_context(cast: Cast, probe: Probe) -> None:
    send(cast, probe.first, 1, PRODUCER)
    cast.until(lambda: len(cast.records(probe.out)) == 1, cast.runner(probe))
    assert carried(cast, probe.out) == []


@pytest.mark.parametrize("sampled", [True, False])
def test_the_producers_word_on_sampling_holds(cast: Cast, probe: Probe, sampled: bool) -> None:
    send(cast, probe.first, 1, PRODUCER._replace(sampled=sampled))
    runner, told = traced(cast, probe, 0.0 if sampled else 1.0)
    until(cast, runner, 1)
    assert bool(told.spans) == sampled
    assert [context.sampled for context in carried(cast, probe.out)] == [sampled]
