"""A generated market on the simulated bus, every stage in it and nothing that goes wrong: for figures, not faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from orderwing.audit.verdict import Verdict, judge
from orderwing.kernel.ports import Outgoing
from orderwing.reoptimizer.replan import Change
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.shop.feed import Feed, TimedRecord
from orderwing.simulation.instances import Instance
from orderwing.simulation.outside import Agenda, Reader, event_of, publish
from orderwing.simulation.planner import Planner
from orderwing.simulation.shop import MINUTE_MS, Publication
from orderwing.simulation.warehouse import Warehouse
from orderwing.simulation.world import STAGES, facts_of, publish_reference
from orderwing_schemas import topics
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose
from orderwing_schemas.events.public import StockReceived
from orderwing_schemas.policy import Policy

_ROUND_MS = 50  # of wall time: how often everyone looks
_PATIENCE_MS = 12 * 60 * MINUTE_MS  # deadlines later than this are of another day
_SLOW_MS, _PROMPT_MS = 3_000, 50  # of wall time, as the demo's provider answers


class Beside(Protocol):
    """A service beside the stages, run in simulated time."""

    def step(self) -> bool:
        """One turn; whether anything was done."""
        ...


class _Calm(Random):
    """Nothing that happens by chance happens."""

    def random(self) -> float:
        return 0.999


class PromptProvider:
    """Payment gateway and provider in one, which books each request once and answers it."""

    def __init__(self, cluster: SimulatedCluster, agenda: Agenda) -> None:
        self.book: list[dict[str, Any]] = []
        self._cluster = cluster
        self._agenda = agenda
        self._held: Counter[str] = Counter()  # authorised and neither captured nor voided, by order
        self._reader = Reader(cluster, topics.PAYMENTS_REQUESTED)
        self._outputs = Outputs("payment_gateway", changelog="")

    def step(self) -> bool:
        requests = [event for event in map(event_of, self._reader.new()) if isinstance(event, PaymentRequested)]
        for request in requests:
            wait_ms = _SLOW_MS if "tok_slow" in (request.payment_token or "") else _PROMPT_MS
            self._agenda.at(self._cluster.wall_ms + wait_ms, lambda r=request: self._answer(r))  # type: ignore[misc]
        return bool(requests)

    def _answer(self, request: PaymentRequested) -> None:
        order_id, key, purpose = request.order_id, request.idempotency_key, request.purpose
        declined = purpose is Purpose.AUTHORISE and "tok_decline" in (request.payment_token or "")
        outcome = Outcome.DECLINED if declined else Outcome.APPROVED
        amount = self._held[order_id] if purpose is Purpose.VOID else request.amount_minor
        if not declined:
            self._held[order_id] += amount if purpose is Purpose.AUTHORISE else -amount
        entry = {"order_id": order_id, "purpose": purpose.value, "idempotency_key": key, "amount_minor": amount}
        self.book.append({**entry, "outcome": outcome.value})
        answer = PaymentAnswered(
            order_id=order_id, purpose=purpose, idempotency_key=key, outcome=outcome, attempts=1,
            amount_minor=amount, reference=None if declined else f"ref-{key}",
        )  # fmt: skip
        publish(self._cluster, topics.PAYMENTS_ANSWERED, answer, source=self._outputs)


class _SoundPlanner(Planner):
    def _propose_oddly(self, *_: object) -> None:
        return

    def _say(self, change: Change, ordinal: int, now_ms: int) -> None:
        raise AssertionError("no odd proposals")


class MarketDay:
    """`feed` from `start_ms` of domain time on, at `factor`, by `policy` or the network's rules.

    `beside` makes what else runs, given cluster and clock.
    """

    def __init__(
        self,
        feed: Feed,
        start_ms: int,
        factor: float,
        beside: Callable[[SimulatedCluster, DomainClock], Beside] | None = None,
        policy: Policy | None = None,
    ) -> None:
        chance, counts = _Calm(0), Counter[str]()
        self.feed = feed
        self.cluster = SimulatedCluster(wall_ms=start_ms)
        self.clock = DomainClock(start_ms, start_ms, factor)
        self.agenda = Agenda()
        publish_reference(self.cluster, feed.network, feed.items, policy)
        self._instances = [Instance(self.cluster, self.clock, stage, "0", None) for stage in STAGES]
        self.provider = PromptProvider(self.cluster, self.agenda)
        self.warehouse = Warehouse(self.cluster, self.clock, self.agenda, chance, counts)
        self._planner = _SoundPlanner(self.cluster, self.clock, self.agenda, chance, counts, feed.network)
        self.beside = beside(self.cluster, self.clock) if beside is not None else None
        for record in (*feed.opening, *feed.records):
            self.agenda.at(start_ms + record.offset_ms, lambda r=record: self._send(r))  # type: ignore[misc]

    def run(self, windows: int = 18) -> Verdict:
        """Until nothing more will happen today; the re-optimizer looks `windows` times."""
        first_ms = self.clock.domain_ms(self.cluster.wall_ms) + self.feed.network.policies.window_minutes * MINUTE_MS
        self._planner.plan(windows, first_ms)
        while not self._at_rest():
            pass
        return judge(
            facts_of(self.cluster), self.feed.network, self.feed.items, self.provider.book, self.warehouse.book,
            settled_before_wall_ms=self.cluster.wall_ms + 1,
        )  # fmt: skip

    def _at_rest(self) -> bool:
        busy = self.agenda.run(self.cluster.wall_ms)
        turns: list[Beside] = [*self._instances, self.provider, self.warehouse]
        turns += [] if self.beside is None else [self.beside]
        for turn in turns:
            busy |= turn.step()
        if busy:
            self.cluster.advance(_ROUND_MS)
            return False
        wakes = [wake for wake in (self.agenda.next_ms, *(i.next_ms for i in self._instances)) if wake is not None]
        next_ms = min(wakes, default=None)
        if next_ms is None or next_ms - self.cluster.wall_ms > _PATIENCE_MS / self.clock.factor:
            return True
        self.cluster.advance(max(_ROUND_MS, min(2_000, next_ms - self.cluster.wall_ms)))
        return False

    def _send(self, record: TimedRecord) -> None:
        topic = next(topic for topic in topics.ALL_TOPICS if topic.name == record.topic)
        partition = key_partition(record.key.decode(), topic.partitions)
        self.cluster.publish(Outgoing(record.topic, partition, record.key, record.value, record.headers))
        if topic is not topics.STOCK_INBOUND:
            return
        event = decode(record.value, header_map(record.headers).get("ce_type"))
        if isinstance(event, StockReceived):
            at_ms = self.clock.domain_ms(self.cluster.wall_ms)
            self.warehouse.heard(Publication(at_ms, topic, record.key.decode(), event.EVENT_TYPE, record.value, event))
