"""Those outside the pipeline: shops, reviewers and operators, and what all outsiders share."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from orderwing.kernel.ports import Outgoing, Record, TopicPartition
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.shop import Publication
from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, encode, header_map
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.operations import DeadLettered, DeadLetterSettled
from orderwing_schemas.events.public import (
    ReviewVerdict,
    Verdict,
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

    def plan(self, publications: list[Publication], told: Callable[[Publication], Publication]) -> None:
        """`told` hears of each when its time has come, and may say it better."""
        for publication in publications:
            self._agenda.at(self._clock.wall_ms(publication.at_ms), lambda p=publication: self._send(told(p)))  # type: ignore[misc]

    def _send(self, p: Publication) -> None:
        headers = [("ce_type", p.type.encode()), ("ce_subject", p.key.encode())]
        partition = key_partition(p.key, p.topic.partitions)
        self._cluster.publish(Outgoing(p.topic.name, partition, p.key.encode(), p.value, headers))


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
