"""The log as the views read it: every partition assigned, no group, positions kept elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from orderwing.kernel.ports import Record
from orderwing.runtime.errors import OperatorError, TopicMissingError
from orderwing.runtime.kafka_client import Cluster, client_config, no_answer
from orderwing.runtime.operator_log import is_passing
from orderwing.views.batch import Place
from orderwing.views.domain import Domain
from orderwing.views.project import Applied, domain_ms
from orderwing_schemas.codec import header_map
from orderwing_schemas.topics import ALL_TOPICS, CLOCK, REFERENCE, Topic

_TIMEOUT_S = 30.0
_AGAIN_S = 0.05
_HEALTH_S = 5.0
_T = TypeVar("_T")
_DOMAIN = (CLOCK, REFERENCE)  # read anew at every start, from one partition: each has all
_LAYOUT = 2  # of what is kept in Redis: with another one the views are built anew
TOPICS = tuple(t for t in ALL_TOPICS if "views" in t.consumers and t.events and t not in _DOMAIN)


@dataclass(frozen=True)
class ClusterHealth:
    """`leaderless` and `under_replicated` count partitions of the topics that are read."""

    brokers: int
    leaderless: int
    under_replicated: int


_UNREADABLE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._AUTO_OFFSET_RESET,
}


class ViewLog:
    """Raises OperatorError when the cluster does not answer or has no topics."""

    def __init__(self, bootstrap: Cluster) -> None:
        self.domain = Domain()
        self._asked: tuple[Future[Any], list[Future[Any]]] | None = None
        self._ask_at_s = 0.0
        self._bootstrap = bootstrap
        self._admin = AdminClient(client_config(bootstrap))
        self._consumer = Consumer(
            {
                **client_config(bootstrap),
                "group.id": "orderwing.views",  # the client asks for one; nothing is committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 65_536,
                "log_level": 3,
            }
        )
        self._at_end: set[Place] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    def name(self) -> str:
        """Names this log: another cluster, or a topic made anew, has another."""
        return self._patiently(self._name)

    def _name(self) -> str:
        self._existing(self._admin.list_topics(timeout=_TIMEOUT_S).topics)
        cluster = self._admin.describe_cluster(request_timeout=_TIMEOUT_S).result(_TIMEOUT_S)
        topics = self._admin.describe_topics(_collection())
        ids = sorted(f"{name}={future.result(_TIMEOUT_S).topic_id}" for name, future in topics.items())
        return f"{cluster.cluster_id}:{blake2b('|'.join(ids).encode(), digest_size=8).hexdigest()}"

    def lows(self) -> dict[Place, int]:
        """The first offset of every partition that the log still has."""
        return self._patiently(lambda: self._offsets(OffsetSpec.earliest()))  # type: ignore[no-untyped-call]  # untyped there

    def ends(self) -> dict[Place, int]:
        """Behind the last committed record, of every partition."""
        return self._patiently(lambda: self._offsets(OffsetSpec.latest()))  # type: ignore[no-untyped-call]  # untyped there

    def start(self, offsets: Mapping[Place, int]) -> None:
        """Read on from these offsets."""
        self._at_end.clear()
        domain = [TopicPartition(topic.name, 0, OFFSET_BEGINNING) for topic in _DOMAIN]
        places = [TopicPartition(topic, part, offset) for (topic, part), offset in offsets.items()]
        self._consumer.assign(domain + places)

    def poll(self, limit: int, timeout_s: float) -> list[tuple[Applied, str]]:
        """Records in the order of their partitions, each with its event type."""
        first = self._consumer.poll(timeout_s)
        messages = [] if first is None else [first, *self._consumer.consume(limit - 1, 0)]
        return [found for message in messages if (found := self._record(message)) is not None]

    def at_end(self, places: Iterable[Place]) -> bool:
        """Whether the end of each was met at least once since `start`."""
        return self._at_end.issuperset(places)

    def health(self) -> ClusterHealth | None:
        """What the brokers have answered, every few seconds; None while there is no new answer. Never waits."""
        if self._asked is None:
            if time.monotonic() >= self._ask_at_s:
                self._ask_at_s = time.monotonic() + _HEALTH_S
                self._asked = (
                    self._admin.describe_cluster(request_timeout=_TIMEOUT_S),
                    list(self._admin.describe_topics(_collection(), request_timeout=_TIMEOUT_S).values()),
                )
            return None
        cluster, topics = self._asked
        if not all(future.done() for future in (cluster, *topics)):
            return None
        self._asked = None
        try:
            parts = [part for future in topics for part in future.result().partitions]
            return ClusterHealth(
                brokers=len(cluster.result().nodes),
                leaderless=sum(part.leader is None or part.leader.id < 0 for part in parts),
                under_replicated=sum(len(part.isr) < len(part.replicas) for part in parts),
            )
        except KafkaException:
            return ClusterHealth(0, 0, 0)

    def _record(self, message: Message) -> tuple[Applied, str] | None:
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        if (error := message.error()) is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add((topic, partition))
            elif error.fatal() or error.code() in _UNREADABLE:  # whatever else it is passes: it is asked again
                raise OperatorError(f"Topic {topic} cannot be read: {error.str()}.")
            return None
        if topic in (CLOCK.name, REFERENCE.name):
            self.domain.apply(Record(topic, partition, offset, None, message.value(), _raw(message), 0))
            return None
        return applied(message)

    def _offsets(self, spec: OffsetSpec) -> dict[Place, int]:
        """By the admin client: the consumer's own requests wait behind its fetches, partition by partition."""
        known = self._admin.list_topics(timeout=_TIMEOUT_S).topics
        places = [
            TopicPartition(topic.name, partition)
            for topic in self._existing(known)
            for partition in known[topic.name].partitions
        ]
        found = self._admin.list_offsets(
            dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_TIMEOUT_S
        )
        return {(place.topic, place.partition): future.result(_TIMEOUT_S).offset for place, future in found.items()}

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        """A topic just made has no leader yet, and a busy broker no answer."""
        end_s = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                if not is_passing(error) or time.monotonic() > end_s:
                    raise self._unreachable(error) from None
            time.sleep(_AGAIN_S)

    def _existing(self, known: Mapping[str, object]) -> Sequence[Topic]:
        if missing := [topic.name for topic in TOPICS if topic.name not in known]:
            raise TopicMissingError(f"There is no topic {missing[0]}: run `orderwing topics apply` first.")
        return TOPICS

    def _unreachable(self, error: KafkaException) -> OperatorError:
        cause: object = error.args[0]
        if isinstance(cause, KafkaError) and cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return TopicMissingError("Topics are missing: run `orderwing topics apply` first.")
        return OperatorError(no_answer(self._bootstrap))


def applied(message: Message) -> tuple[Applied, str]:
    """A record and its event type, whoever wrote it."""
    headers = header_map(_raw(message))
    wall_ms = message.timestamp()[1]
    at_ms = domain_ms(headers.get("ce_time", "")) or wall_ms
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    return Applied(topic, partition, offset, wall_ms, at_ms, message.value() or b""), headers.get("ce_type", "")


def _collection() -> TopicCollection:
    return TopicCollection([topic.name for topic in TOPICS])


def _raw(message: Message) -> tuple[tuple[str, bytes], ...]:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs)
