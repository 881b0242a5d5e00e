"""The cluster's topics against those declared in `orderwing_schemas.topics`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Self

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster, client_config, no_answer
from orderwing.runtime.settings import Settings
from orderwing_schemas.topics import ALL_TOPICS, PARTITIONS, REFERENCE, STAGES, Topic

_TIMEOUT_S = 30.0
_MIB = 1 << 20
_CARDS_MS = 90 * 86_400_000
MAX_RECORD_BYTES = 4 * _MIB  # a producer of ours allows as much
MAX_REFERENCE_BYTES = 16 * _MIB  # the network with all its lanes is one record

Finding = Literal["missing", "partitions", "replicas", "config"]
_PARTITIONS_PER_REQUEST = 10_000  # Kafka refuses more
_GONE = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION)  # by the broker, and by the client
_MOST_REPLICAS = 3  # unless asked for


@dataclass(frozen=True)
class Difference:
    """One way in which the cluster differs. `name` is the setting, where it is one. Only `fixable` ones are applied."""

    topic: str
    finding: Finding
    name: str
    wanted: str
    found: str
    fixable: bool = True


def has_rows(topic: Topic) -> bool:
    """Whether partitions of `topic` decide where rows live, so that their count may never change."""
    return any(consumer in STAGES for consumer in topic.consumers)


def wanted_config(topic: Topic) -> dict[str, str]:
    """What is set on the topic; the broker's defaults hold for the rest."""
    config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(_max_bytes(topic))}
    if topic.compacted:
        # The active segment is never compacted: with the default of 1 GB a changelog would keep every change for long.
        compaction = {"segment.bytes": str(32 * _MIB), "min.cleanable.dirty.ratio": "0.1"}
        return config | {"cleanup.policy": "compact"} | compaction
    # The log is the truth: audits, rebuilt views and redrives read it from the beginning. Cards only explain.
    retention = _CARDS_MS if topic.name.endswith(".cards") else -1
    return config | {"cleanup.policy": "delete", "retention.ms": str(retention)}


def _max_bytes(topic: Topic) -> int:
    if topic.stranger:
        return _MIB  # so that a record and its base64 copy in a dead letter both fit
    return MAX_REFERENCE_BYTES if topic is REFERENCE else MAX_RECORD_BYTES


class TopicsAdmin:
    """Raises OperatorError when the cluster does not answer or refuses.

    `partitions` are those of every topic that has not its own; 0: as many as the cluster was made with, else
    `topics.PARTITIONS`.
    `replicas` and `in_sync` are the replicas of each topic and how many must have a record before it counts. 0 leaves
    them to the size of the cluster at a topic's making: up to three replicas, two in sync where there are three.
    """

    def __init__(
        self,
        bootstrap: Cluster,
        topics: Sequence[Topic] = ALL_TOPICS,
        timeout_s: float = _TIMEOUT_S,
        *,
        partitions: int = 0,
        replicas: int = 0,
        in_sync: int = 0,
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._partitions = partitions
        self._replicas = replicas
        self._in_sync = in_sync
        self._timeout_s = timeout_s  # for the first answer
        self._admin = AdminClient(client_config(bootstrap))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """All topics, on the cluster and with the replicas that the settings name."""
        return cls(
            settings.kafka,
            partitions=settings.topics.partitions,
            replicas=settings.topics.replication_factor,
            in_sync=settings.topics.min_insync_replicas,
        )

    def diff(self) -> list[Difference]:
        """Every difference; empty when the cluster is as declared. Topics that are not ours are left alone."""
        _, counts, replicas = self._metadata()
        there = [topic for topic in self._topics if topic.name in counts]
        configs = self._configs(topic.name for topic in there)
        found: list[Difference] = []
        for topic in self._topics:
            if topic.name not in counts:
                found.append(Difference(topic.name, "missing", "", f"{self._count(topic, counts)} partitions", "none"))
                continue
            if (count := counts[topic.name]) != (wanted := self._count(topic, counts)):
                fixable = count < wanted and not has_rows(topic)
                found.append(Difference(topic.name, "partitions", "", str(wanted), str(count), fixable))
            if self._replicas and (copies := replicas[topic.name]) != self._replicas:
                found.append(Difference(topic.name, "replicas", "", str(self._replicas), str(copies), fixable=False))
            config = configs[topic.name]
            found.extend(
                Difference(topic.name, "config", name, value, config.get(name, "none"))
                for name, value in (wanted_config(topic) | self._durability()).items()
                if config.get(name) != value
            )
        return found

    def apply(self) -> list[Difference]:
        """Make the cluster as declared; what was changed. Raises OperatorError, and changes nothing, if it cannot."""
        differences = self.diff()
        if few := [d for d in differences if d.finding == "replicas"]:
            raise OperatorError(
                f"{few[0].topic} has {few[0].found} replicas instead of {few[0].wanted}: "
                "move its partitions with kafka-reassign-partitions, or set ORDERWING_REPLICATION_FACTOR to that."
            )
        if stuck := [d for d in differences if not d.fixable]:
            others = f" and {len(stuck) - 1} other topics differ too" if stuck[1:] else ""
            raise OperatorError(
                f"{stuck[0].topic} has {stuck[0].found} partitions instead of {stuck[0].wanted}{others}: rows depend "
                "on them, so they are never changed; set ORDERWING_PARTITIONS to what it has, or use another cluster."
            )
        by_name = {topic.name: topic for topic in self._topics}
        self._create([by_name[d.topic] for d in differences if d.finding == "missing"])
        self._grow([by_name[d.topic] for d in differences if d.finding == "partitions"])
        self._configure([d for d in differences if d.finding == "config"])
        self._await_visible()
        return differences

    def records(self) -> Mapping[str, int]:
        """Offsets in use by topic, ours or not: records, and a marker for each transaction on each partition."""
        _, counts, _ = self._metadata()
        places = [TopicPartition(name, n) for name, count in counts.items() for n in range(count)]
        starts = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        found: Counter[str] = Counter()
        for place in starts.keys() & ends.keys():
            found[place.topic] += ends[place] - starts[place]
        return found

    def _offsets(self, places: Iterable[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        """Of those that are still there: another may delete a topic after we were told of it."""
        found: dict[TopicPartition, int] = {}
        try:
            asked = self._admin.list_offsets(dict.fromkeys(places, spec), request_timeout=_TIMEOUT_S)
        except KafkaException:
            raise OperatorError(no_answer(self._bootstrap)) from None
        for place, future in asked.items():
            try:
                found[place] = int(future.result(_TIMEOUT_S).offset)
            except KafkaException as error:
                if error.args[0].code() in _GONE:
                    continue
                where, why = f"{place.topic}/{place.partition}", error.args[0].str()
                raise OperatorError(f"{where} cannot be read: start the broker that has it ({why}).") from None
        return found

    def _await_visible(self) -> None:
        """A broker answers from its own copy of the metadata, a little behind what the controller has done."""
        end_s = time.monotonic() + _TIMEOUT_S
        while left := self.diff():
            if time.monotonic() > end_s:
                raise OperatorError(f"Kafka does not show the changed topic {left[0].topic}: see the broker's log.")
            time.sleep(0.05)

    def _durability(self) -> dict[str, str]:
        return {"min.insync.replicas": str(self._in_sync)} if self._in_sync else {}

    def _metadata(self) -> tuple[int, Mapping[str, int], Mapping[str, int]]:
        """Brokers, partitions by topic, and the replicas that every partition of a topic has at least."""
        try:
            cluster = self._admin.list_topics(timeout=self._timeout_s)
        except KafkaException:
            raise OperatorError(no_answer(self._bootstrap)) from None
        topics = {name: topic for name, topic in cluster.topics.items() if topic.error is None}
        counts = {name: len(topic.partitions) for name, topic in topics.items()}
        copies = {
            name: min((len(p.replicas) for p in topic.partitions.values()), default=0) for name, topic in topics.items()
        }
        return len(cluster.brokers), counts, copies

    def _configs(self, names: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        futures = self._admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
        return {
            resource.name: {entry.name: str(entry.value) for entry in future.result(_TIMEOUT_S).values()}
            for resource, future in futures.items()
        }

    def _create(self, topics: Sequence[Topic]) -> None:
        if not topics:
            return
        brokers, counts, _ = self._metadata()
        replicas = self._replicas or min(_MOST_REPLICAS, brokers)
        if replicas > brokers:
            raise OperatorError(
                f"{replicas} replicas are asked for and {brokers} brokers answer: start the others first."
            )
        durable = self._durability() or ({"min.insync.replicas": "2"} if replicas >= _MOST_REPLICAS else {})
        new = [
            NewTopic(t.name, self._count(t, counts), replication_factor=replicas, config=wanted_config(t) | durable)
            for t in topics
        ]
        for some in in_requests(new):
            _await(self._admin.create_topics(some, operation_timeout=_TIMEOUT_S))

    def _grow(self, topics: Sequence[Topic]) -> None:
        if topics:
            _, counts, _ = self._metadata()
            new = [NewPartitions(t.name, self._count(t, counts)) for t in topics]
            _await(self._admin.create_partitions(new))

    def _count(self, topic: Topic, counts: Mapping[str, int]) -> int:
        return topic.own_partitions or self._partitions or counts.get(REFERENCE.name) or PARTITIONS

    def _configure(self, differences: Sequence[Difference]) -> None:
        entries: dict[str, list[ConfigEntry]] = {}
        for d in differences:
            entry = ConfigEntry(d.name, d.wanted, incremental_operation=AlterConfigOpType.SET)
            entries.setdefault(d.topic, []).append(entry)
        resources = [
            ConfigResource(ResourceType.TOPIC, name, incremental_configs=changes) for name, changes in entries.items()
        ]
        if resources:
            futures = self._admin.incremental_alter_configs(resources, request_timeout=_TIMEOUT_S)
            _await({resource.name: future for resource, future in futures.items()})


def in_requests(new: Iterable[NewTopic]) -> Iterator[list[NewTopic]]:
    """In the same order, as many at once as Kafka makes."""
    some: list[NewTopic] = []
    for topic in new:
        if some and sum(one.num_partitions for one in some) + topic.num_partitions > _PARTITIONS_PER_REQUEST:
            yield some
            some = []
        some.append(topic)
    yield some


def _await(futures: Mapping[str, Future[None]]) -> None:
    for name, future in futures.items():
        try:
            future.result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another apply was faster
                raise OperatorError(f"Kafka refuses to change topic {name}: {error.args[0].str()}") from None
