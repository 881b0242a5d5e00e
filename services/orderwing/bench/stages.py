"""What a decision costs: the stages from gate to allocation in one process, without a bus.

Records are decoded, decided and encoded by the runner's own code, in batches as under load; commits and the broker are
left out. The payment provider approves everything.
"""

from __future__ import annotations

import cProfile
import gc
import io
import pstats
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from orderwing.allocation.stage import STAGE as ALLOCATION
from orderwing.bench.market import Market, generated_market, retail_market
from orderwing.bench.report import Sheet
from orderwing.fraud.stage import STAGE as FRAUD
from orderwing.gate.stage import STAGE as GATE
from orderwing.intake.stage import STAGE as INTAKE
from orderwing.kernel.ports import Outgoing, Record
from orderwing.kernel.stage import Stage
from orderwing.payment_hold.stage import STAGE as PAYMENT_HOLD
from orderwing.reservation.stage import STAGE as RESERVATION
from orderwing.runtime.attempt import Attempt
from orderwing.runtime.clock import REAL_TIME
from orderwing.runtime.deciding import Decider
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partition import Partition
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.poison import Budget
from orderwing.runtime.store import changelog_key
from orderwing.shop.feed import TimedRecord
from orderwing_schemas import topics
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested
from orderwing_schemas.events.reference import CataloguePublished, NetworkPublished, PolicyPublished

ROAD = (GATE, INTAKE, PAYMENT_HOLD, FRAUD, RESERVATION, ALLOCATION)
_BATCH = 200
_NOW_MS = 1_790_000_000_000  # a Monday in September, about 14:13
_ITEMS = 2000
_LINES = 45


@dataclass(frozen=True)
class Cost:
    """An order's share of one stage: CPU in microseconds; events and rows written, and their bytes with headers."""

    stage: str
    cpu_us: float
    records_in: float
    events: float
    event_bytes: float
    rows: float
    row_bytes: float


class _Running:
    """A stage with all its partitions."""

    def __init__(self, stage: Stage, reference: Sequence[Record]) -> None:
        self.decider = Decider(stage, REAL_TIME)
        self.partitions = [
            Partition(number, stage, [topic.name for topic in stage.inputs]) for number in range(topics.PARTITIONS)
        ]
        for partition in self.partitions:
            for record in reference:
                partition.reference.apply(record)
        self.queues: list[deque[Record]] = [deque() for _ in self.partitions]
        self.profile: cProfile.Profile | None = None
        self.cpu_s = 0.0
        self.records_in = 0
        self.events: list[int] = []
        self.rows: list[int] = []

    def step(self) -> list[Outgoing]:
        """Decide a batch of each partition. Raises OperatorError for poison."""
        sent: list[Outgoing] = []
        for partition, queue in zip(self.partitions, self.queues, strict=True):
            if queue:
                batch = [queue.popleft() for _ in range(min(_BATCH, len(queue)))]
                self.records_in += len(batch)
                sent += self._decide(partition, batch)
        return sent

    def _decide(self, partition: Partition, batch: Sequence[Record]) -> list[Outgoing]:
        began_s = time.process_time()
        if self.profile is not None:
            self.profile.enable()
        attempt = Attempt(self.decider, partition, _NOW_MS, Budget(share=1.0, consecutive=1))
        for record in batch:
            attempt.record(record)
        rows = [
            self.decider.outputs.row(changelog_key(*place), change.row, change.number, partition.number)
            for place, change in attempt.overlay.changes.items()
        ]
        partition.merge(attempt.overlay.changes, attempt.number)
        if self.profile is not None:
            self.profile.disable()
        self.cpu_s += time.process_time() - began_s
        if attempt.letters:
            raise OperatorError(f"{self.decider.stage.name} made a dead letter of an order: the market is unsound.")
        events = [outgoing for item in attempt.items for outgoing in item.outgoings]
        self.events += map(_size, events)
        self.rows += map(_size, rows)
        return events


def measure(market: Market, repetitions: int) -> list[Cost]:
    """Medians over `repetitions` runs of the whole market, each from empty stages. Raises OperatorError."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)  # as a stage's process does
    try:
        runs = [_run(market) for _ in range(repetitions)]
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
    return [_median([run[place] for run in runs]) for place in range(len(ROAD))]


def markets(orders: int, retail: Path | None) -> Iterable[tuple[str, Market]]:
    yield "generator", generated_market(orders, _NOW_MS)
    if retail is not None:
        yield "real file", retail_market(retail, max(1, orders // 4))


def table(title: str, market: Market, costs: Sequence[Cost]) -> Sheet:
    columns = ("stage", "CPU µs", "records in", "events out", "event bytes", "rows", "row bytes")
    rows: list[Sequence[str]] = [
        (
            cost.stage,
            f"{cost.cpu_us:,.0f}",
            f"{cost.records_in:,.1f}",
            f"{cost.events:,.1f}",
            f"{cost.event_bytes:,.0f}",
            f"{cost.rows:,.1f}",
            f"{cost.row_bytes:,.0f}",
        )
        for cost in costs
    ]
    rows.append(("all", f"{sum(cost.cpu_us for cost in costs):,.0f}", *[""] * 5))
    return Sheet(f"An order's share, {title}, {market.mean_lines:.1f} lines", columns, rows)


def hot_functions(market: Market, name: str) -> str:
    """Of one stage, by time of their own, then with what they call. Raises OperatorError."""
    if name not in {stage.name for stage in ROAD}:
        raise OperatorError(f"There is no stage {name} on the road; there are {', '.join(s.name for s in ROAD)}.")
    profile = cProfile.Profile(time.process_time)
    _run(market, {name: profile})
    told = io.StringIO()
    stats = pstats.Stats(profile, stream=told).strip_dirs()
    stats.sort_stats("tottime").print_stats(_LINES)
    stats.sort_stats("cumulative").print_stats(_LINES)
    return told.getvalue()


def _run(market: Market, profiles: Mapping[str, cProfile.Profile] | None = None) -> list[Cost]:
    reference = _reference(market)
    stages = {stage.name: _Running(stage, reference) for stage in ROAD}
    consumers: dict[str, list[_Running]] = defaultdict(list)
    for running in stages.values():
        for topic in running.decider.stage.inputs:
            consumers[topic.name].append(running)
    road = _Road(stages, consumers)
    road.feed(market.opening)
    gc.collect()
    gc.freeze()
    for running in stages.values():
        running.cpu_s, running.records_in, running.events, running.rows = 0.0, 0, [], []
        running.profile = (profiles or {}).get(running.decider.stage.name)
    road.feed(market.orders)
    orders = len(market.orders)
    return [
        Cost(
            name,
            running.cpu_s * 1e6 / orders,
            running.records_in / orders,
            len(running.events) / orders,
            sum(running.events) / orders,
            len(running.rows) / orders,
            sum(running.rows) / orders,
        )
        for name, running in stages.items()
    ]


@dataclass
class _Road:
    stages: dict[str, _Running]
    consumers: dict[str, list[_Running]]
    offset: int = 0

    def feed(self, records: Iterable[TimedRecord]) -> None:
        """Until nothing is left to decide."""
        self._send(
            Outgoing(r.topic, key_partition(r.key.decode(), topics.PARTITIONS), r.key, r.value, r.headers)
            for r in records
        )
        while any(queue for running in self.stages.values() for queue in running.queues):
            for running in self.stages.values():
                self._send(running.step())

    def _send(self, outgoings: Iterable[Outgoing]) -> None:
        for sent in outgoings:
            outgoing = _approved(sent) if sent.topic == topics.PAYMENTS_REQUESTED.name else sent
            self.offset += 1
            record = Record(
                outgoing.topic,
                outgoing.partition,
                self.offset,
                outgoing.key,
                outgoing.value,
                tuple(outgoing.headers),
                _NOW_MS,
            )
            for running in self.consumers.get(outgoing.topic, ()):
                running.queues[outgoing.partition].append(record)


_gateway = Outputs("payment_gateway", "")


def _approved(outgoing: Outgoing) -> Outgoing:
    asked = decode(outgoing.value, PaymentRequested.EVENT_TYPE)
    assert isinstance(asked, PaymentRequested)
    answer = PaymentAnswered(
        order_id=asked.order_id,
        purpose=asked.purpose,
        idempotency_key=asked.idempotency_key,
        outcome=Outcome.APPROVED,
        amount_minor=asked.amount_minor,
        reference=asked.idempotency_key,
        attempts=1,
    )
    headers = _gateway.headers(answer, asked.idempotency_key, _NOW_MS)
    return Outgoing(topics.PAYMENTS_ANSWERED.name, outgoing.partition, outgoing.key, encode(answer), headers)


def _reference(market: Market) -> list[Record]:
    chunks = [market.items[first : first + _ITEMS] for first in range(0, len(market.items), _ITEMS)]
    events: list[CataloguePublished | NetworkPublished | PolicyPublished] = [
        CataloguePublished(key=f"catalogue-{n}", items=tuple(chunk)) for n, chunk in enumerate(chunks)
    ]
    events.append(NetworkPublished(network=market.network))
    if market.policy is not None:
        events.append(PolicyPublished(policy=market.policy))
    return [
        Record("reference", 0, offset, event.key.encode(), encode(event), (("ce_type", event.EVENT_TYPE.encode()),), 0)
        for offset, event in enumerate(events)
    ]


def _size(outgoing: Outgoing) -> int:
    headers = sum(len(name) + len(value) for name, value in outgoing.headers)
    return headers + len(outgoing.key or b"") + len(outgoing.value or b"")


def _median(costs: Sequence[Cost]) -> Cost:
    """Only the CPU time differs between runs."""
    first = costs[0]
    cpu_us = median(cost.cpu_us for cost in costs)
    return Cost(first.stage, cpu_us, first.records_in, first.events, first.event_bytes, first.rows, first.row_bytes)
