"""Those outside the pipeline, each with a book of its own: provider, warehouse, reviewers, operators, shops."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from orderwing.kernel.ports import Outgoing, Record, TopicPartition
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.shop import MINUTE_MS, Publication
from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, encode, header_map
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import ShipmentReleased
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.operations import DeadLettered, DeadLetterSettled
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose
from orderwing_schemas.events.public import (
    ReviewVerdict,
    StockAdjusted,
    StockReceived,
    Verdict,
    WarehouseAnswered,
    WarehouseStatus,
)
from orderwing_schemas.topics import Topic

_STRANGER = Outputs("stranger", changelog="")


class Reader:
    """What is committed of some topics, each record once."""

    def __init__(self, cluster: SimulatedCluster, *read: Topic) -> None:
        self._cluster = cluster
        self._seen = -1
        self._next = {TopicPartition(topic.name, n): 0 for topic in read for n in range(topic.partitions)}

    def new(self) -> Iterator[Record]:
        if self._seen == self._cluster.changes:
            return
        self._seen = self._cluster.changes
        for place, begin in self._next.items():
            log = self._cluster.logs[place]
            end = log.last_stable_offset
            if end > begin:
                self._next[place] = end
                yield from log.committed(begin, end)


class Agenda:
    """Things to do at wall times, the earliest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, wall_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (wall_ms, next(self._order), action))

    @property
    def next_ms(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def run(self, wall_ms: int) -> bool:
        """Do what is due; whether there was anything."""
        done = False
        while self._heap and self._heap[0][0] <= wall_ms:
            heapq.heappop(self._heap)[2]()
            done = True
        return done


def publish(cluster: SimulatedCluster, topic: Topic, event: Event, *, source: Outputs = _STRANGER) -> None:
    key = topic.key_of(event)
    headers = source.headers(event, f"{event.EVENT_TYPE}|{key}", 0)
    cluster.publish(Outgoing(topic.name, key_partition(key, topic.partitions), key.encode(), encode(event), headers))


def event_of(record: Record) -> Event:
    return decode(record.value, header_map(record.headers).get("ce_type"))


class Shops:
    """Publishes the market's records at their times."""

    def __init__(self, cluster: SimulatedCluster, clock: DomainClock, agenda: Agenda) -> None:
        self._cluster = cluster
        self._clock = clock
        self._agenda = agenda

    def plan(self, publications: list[Publication], heard: Callable[[Publication], None]) -> None:
        for publication in publications:
            self._agenda.at(self._clock.wall_ms(publication.at_ms), lambda p=publication: self._send(p, heard))  # type: ignore[misc]

    def _send(self, p: Publication, heard: Callable[[Publication], None]) -> None:
        headers = [("ce_type", p.type.encode()), ("ce_subject", p.key.encode())]
        partition = key_partition(p.key, p.topic.partitions)
        self._cluster.publish(Outgoing(p.topic.name, partition, p.key.encode(), p.value, headers))
        heard(p)


class Provider:
    """Payment gateway and provider in one: answers late, twice, or with a failure; charges each key once."""

    def __init__(self, cluster: SimulatedCluster, agenda: Agenda, random: Random, faults: Counter[str]) -> None:
        self.book: list[dict[str, Any]] = []
        self._cluster = cluster
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._answers: dict[str, Outcome] = {}
        self._amounts: dict[str, int] = {}
        self._asked: Counter[str] = Counter()
        self._held: Counter[str] = Counter()  # authorised and neither captured nor voided, by order
        self._voided: set[str] = set()
        self._reader = Reader(cluster, topics.PAYMENTS_REQUESTED)
        self._outputs = Outputs("payment_gateway", changelog="")

    def step(self) -> bool:
        busy = False
        for record in self._reader.new():
            request = event_of(record)
            assert isinstance(request, PaymentRequested)
            self._agenda.at(self._cluster.wall_ms + self._delay_ms(request), lambda r=request: self._answer(r))  # type: ignore[misc]
            busy = True
        return busy

    def _delay_ms(self, request: PaymentRequested) -> int:
        if "tok_slow" in (request.payment_token or ""):
            self._faults["provider slow"] += 1
            return self._random.randrange(100_000)  # up to 100 minutes of domain time: holds lapse meanwhile
        return self._random.randrange(20, 600)

    def _answer(self, request: PaymentRequested) -> None:
        outcome = self._decide(request)
        self._tell(request, outcome)
        if self._random.random() < 0.08:
            self._faults["provider answered twice"] += 1
            self._tell(request, outcome)

    def _tell(self, request: PaymentRequested, outcome: Outcome) -> None:
        answer = PaymentAnswered(
            order_id=request.order_id, purpose=request.purpose, idempotency_key=request.idempotency_key,
            outcome=outcome, attempts=1,
            amount_minor=self._amounts.get(request.idempotency_key, request.amount_minor),
            reference=f"ref-{request.idempotency_key}" if outcome is Outcome.APPROVED else None,
        )  # fmt: skip
        publish(self._cluster, topics.PAYMENTS_ANSWERED, answer, source=self._outputs)

    def _decide(self, request: PaymentRequested) -> Outcome:
        """Some fail at the first asking, some for ever; of those that were booked all the same, some answer late."""
        key, token = request.idempotency_key, request.payment_token or ""
        self._asked[key] += 1
        if "tok_dead" in token:
            self._faults["provider dead"] += 1
            return Outcome.FAILED
        odds = 1.0 if "tok_error" in token else 0.3 if "tok_decline" in token else 0.04
        if self._asked[key] > 1 or self._random.random() >= odds:
            return self._book(request)
        self._faults["provider failed"] += 1
        if self._random.random() < 0.5:
            booked = self._book(request)
            later_ms = self._cluster.wall_ms + self._random.randrange(100, 3_000)
            self._agenda.at(later_ms, lambda: self._tell(request, booked))
        return Outcome.FAILED

    def _book(self, request: PaymentRequested) -> Outcome:
        """Each key once. A void gives back what is left, and keeps an authorisation that comes later from standing."""
        key, order_id, purpose = request.idempotency_key, request.order_id, request.purpose
        if key not in self._answers:
            held, amount = self._held[order_id], request.amount_minor
            refused = "tok_decline" in (request.payment_token or "") or order_id in self._voided
            declined = purpose is Purpose.AUTHORISE and refused
            if purpose is Purpose.VOID:
                amount = max(0, held)
                self._voided.add(order_id)
            self._answers[key] = Outcome.DECLINED if declined else Outcome.APPROVED
            self._amounts[key] = amount
            if not declined:
                self._held[order_id] += amount if purpose is Purpose.AUTHORISE else -amount
            self.book.append(
                {
                    "order_id": order_id,
                    "purpose": purpose.value,
                    "idempotency_key": key,
                    "amount_minor": amount,
                    "outcome": self._answers[key].value,
                }
            )
        return self._answers[key]


class Warehouse:
    """Picks what is physically there, whatever the systems believe, and tells in any order, some of it twice."""

    def __init__(
        self, cluster: SimulatedCluster, clock: DomainClock, agenda: Agenda, random: Random, faults: Counter[str]
    ) -> None:
        self.book: list[dict[str, Any]] = []
        self._cluster = cluster
        self._clock = clock
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._physical: Counter[tuple[str, str]] = Counter()
        self._counted: set[tuple[str, int]] = set()
        self._reader = Reader(cluster, topics.SHIPMENTS_RELEASED)

    def heard(self, publication: Publication) -> None:
        """The goods that a movement tells of are there from then on."""
        event = publication.event
        if isinstance(event, StockReceived | StockAdjusted) and (event.site_id, event.sequence) not in self._counted:
            self._counted.add((event.site_id, event.sequence))
            delta = event.quantity if isinstance(event, StockReceived) else event.delta
            self._physical[event.site_id, event.sku] += delta

    def step(self) -> bool:
        busy = False
        for record in self._reader.new():
            told = event_of(record)
            assert isinstance(told, ShipmentReleased)
            self._enter(told, "received", told.lines)
            now_ms = self._clock.domain_ms(self._cluster.wall_ms)
            pick_ms = now_ms + self._random.randrange(max(1, told.departure_at_ms - now_ms))
            self._agenda.at(self._clock.wall_ms(pick_ms), lambda t=told: self._pick(t))  # type: ignore[misc]
            busy = True
        return busy

    def _pick(self, told: ShipmentReleased) -> None:
        found, missing = [], []
        for line in told.lines:
            there = max(0, min(line.quantity, self._physical[told.site_id, line.sku]))
            if there and self._random.random() < 0.04:
                there -= 1  # not found, though it is there
            self._physical[told.site_id, line.sku] -= there
            if there:
                found.append(line.model_copy(update={"quantity": there}))
            if there < line.quantity:
                missing.append(line.model_copy(update={"quantity": line.quantity - there}))
        if missing:
            self._faults["short pick"] += 1
            self._tell_short(told, tuple(missing))
        if found:
            self._tell(told, WarehouseStatus.PICKED, tuple(found))
            self._plan_rest(told, tuple(found))

    def _tell_short(self, told: ShipmentReleased, missing: tuple[LineQuantity, ...]) -> None:
        """Sometimes only after the parcel was called picked, or packed."""
        early = self._random.choices((0, 1, 2), (6, 2, 2))[0]
        self._faults["short after picked"] += early > 0
        for status in (WarehouseStatus.PICKED, WarehouseStatus.PACKED)[:early]:
            self._tell(told, status, told.lines)
        self._tell(told, WarehouseStatus.SHORT_PICKED, missing)

    def _plan_rest(self, told: ShipmentReleased, found: tuple[LineQuantity, ...]) -> None:
        late_ms = self._random.randrange(40 * MINUTE_MS) if self._random.random() < 0.1 else 0
        leaves_ms = max(told.departure_at_ms, self._clock.domain_ms(self._cluster.wall_ms)) + late_ms
        road_ms = told.arrival_at_ms - told.departure_at_ms
        times = {
            WarehouseStatus.PACKED: leaves_ms - MINUTE_MS,
            WarehouseStatus.SHIPPED: leaves_ms,
            WarehouseStatus.IN_TRANSIT: leaves_ms + MINUTE_MS,
            WarehouseStatus.DELIVERED: leaves_ms + road_ms,
        }
        if self._random.random() < 0.1:
            self._faults["answers out of order"] += 1
            times[WarehouseStatus.PACKED] = leaves_ms + 3 * MINUTE_MS
        for status, at_ms in times.items():
            self._agenda.at(self._clock.wall_ms(at_ms), lambda s=status: self._tell(told, s, found))  # type: ignore[misc]

    def _tell(self, told: ShipmentReleased, status: WarehouseStatus, lines: tuple[LineQuantity, ...]) -> None:
        self._enter(told, status.value, lines)
        answer = WarehouseAnswered(
            shipment_id=told.shipment_id, site_id=told.site_id, order_id=told.order_id, status=status,
            missing=lines if status is WarehouseStatus.SHORT_PICKED else (),
            at=_utc(self._clock.domain_ms(self._cluster.wall_ms)),
        )  # fmt: skip
        twice = self._random.random() < 0.06
        self._faults["answer told twice"] += twice
        for _ in range(1 + twice):
            publish(self._cluster, topics.WMS_INBOUND, answer)

    def _enter(self, told: ShipmentReleased, status: str, lines: tuple[LineQuantity, ...]) -> None:
        self.book.append(
            {
                "shipment_id": told.shipment_id,
                "order_id": told.order_id,
                "site_id": told.site_id,
                "status": status,
                "lines": [line.model_dump() for line in lines],
            }
        )


class Staff:
    """Reviewers, who answer some reviews, and operators, who redrive and then drop dead letters."""

    def __init__(self, cluster: SimulatedCluster, agenda: Agenda, random: Random) -> None:
        self._cluster = cluster
        self._agenda = agenda
        self._random = random
        self._reviews = Reader(cluster, topics.FRAUD_DECIDED)
        self._stages = {topics.dead_letters(stage).name: stage for stage in topics.STAGES}
        self._letters = Reader(cluster, *map(topics.dead_letters, topics.STAGES))
        self._tries: dict[str, int] = defaultdict(int)
        self.letters: list[DeadLettered] = []

    def step(self) -> bool:
        busy = False
        for record in self._reviews.new():
            decided = event_of(record)
            if isinstance(decided, FraudDecided) and decided.outcome == "in_review" and self._random.random() < 0.6:
                later_ms = self._cluster.wall_ms + self._random.randrange(40_000)
                self._agenda.at(later_ms, lambda d=decided: self._judge(d))  # type: ignore[misc]
                busy = True
        for record in self._letters.new():
            letter = event_of(record)
            assert isinstance(letter, DeadLettered)
            self.letters.append(letter)
            later_ms = self._cluster.wall_ms + self._random.randrange(500, 5_000)
            self._agenda.at(later_ms, lambda x=letter, r=record: self._settle(x, r))  # type: ignore[misc]
            busy = True
        return busy

    def _judge(self, decided: FraudDecided) -> None:
        verdict = Verdict.CLEAR if self._random.random() < 0.7 else Verdict.BLOCK
        publish(
            self._cluster,
            topics.OPERATIONS_INBOUND,
            ReviewVerdict(
                order_id=decided.order_id, customer_key=decided.customer_key, verdict=verdict, reviewer="simulated"
            ),
        )

    def _settle(self, letter: DeadLettered, record: Record) -> None:
        """A first try redrives, a later one drops."""
        topic = topics.control(self._stages[record.topic])
        again = self._tries[letter.dead_letter_id] == 0 and self._random.random() < 0.5
        self._tries[letter.dead_letter_id] += 1
        event = DeadLetterSettled(
            dead_letter_id=letter.dead_letter_id, order_id=letter.order_id, action="redrive" if again else "drop"
        )
        headers = _STRANGER.headers(event, letter.dead_letter_id, 0)
        key = letter.dead_letter_id.encode()
        self._cluster.publish(Outgoing(topic.name, record.partition, key, encode(event), headers))


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
