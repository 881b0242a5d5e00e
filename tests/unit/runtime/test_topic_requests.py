"""Topics are made in requests that Kafka takes; what is gone meanwhile is left out of what is counted."""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.topics_admin import TopicsAdmin, in_requests


def test_no_request_makes_more_partitions_than_kafka_does_at_once() -> None:
    new = [NewTopic(f"t{n}", 1000) for n in range(25)]
    some = list(in_requests(new))
    assert [len(request) for request in some] == [10, 10, 5]
    assert [topic.topic for request in some for topic in request] == [topic.topic for topic in new]


def test_what_fits_is_made_at_once() -> None:
    assert [len(request) for request in in_requests([NewTopic("a", 9_999), NewTopic("b", 1)])] == [2]
    assert [len(request) for request in in_requests([NewTopic("a", 10_001), NewTopic("b", 1)])] == [1, 1]


@dataclass(frozen=True)
class Answers:
    """A client that finds the first partition of each topic, and of the others has only an error."""

    code: int

    def list_topics(self, timeout: float) -> Any:
        topic = SimpleNamespace(
            error=None, partitions={0: SimpleNamespace(replicas=[1]), 1: SimpleNamespace(replicas=[1])}
        )
        return SimpleNamespace(topics={"orders": topic}, brokers={1: None})

    def list_offsets(self, asked: Iterable[TopicPartition], **_: float) -> dict[TopicPartition, Future[Any]]:
        found: dict[TopicPartition, Future[Any]] = {place: Future() for place in asked}
        for place, answer in found.items():
            if place.partition:
                answer.set_exception(KafkaException(KafkaError(self.code, "why")))
            else:
                answer.set_result(SimpleNamespace(offset=7))
        return found


def counted(code: int) -> dict[str, int]:
    cluster = TopicsAdmin("nowhere.invalid:9092", ())
    cluster._admin = Answers(code)  # type: ignore[assignment]
    return dict(cluster.records())


@pytest.mark.parametrize("code", [KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION])
def test_a_partition_that_is_gone_is_left_out_whoever_says_so(code: int) -> None:
    assert counted(code) == {"orders": 0}


def test_a_partition_that_cannot_be_read_is_told() -> None:
    with pytest.raises(OperatorError, match=r"^orders/1 cannot be read: start the broker that has it \(why\)"):
        counted(KafkaError.LEADER_NOT_AVAILABLE)
