"""Fetched messages, handed out partition by partition."""

from confluent_kafka import Message

from orderwing.kernel.ports import TopicPartition
from orderwing.runtime.turns import Turns


def message(topic: str, partition: int, offset: int) -> Message:
    return Message(topic=topic, partition=partition, offset=offset, value=b"")


def offsets(turns: Turns[Message]) -> list[tuple[str | None, int | None, int | None]]:
    return [(one.topic(), one.partition(), one.offset()) for one in turns.take()]


def test_the_number_that_waited_longest_is_next_with_all_its_topics() -> None:
    turns = Turns[Message]()
    turns.add([message("a", 1, 0), message("a", 0, 0), message("b", 1, 7), message("a", 1, 1)])
    assert turns.count == 4
    assert offsets(turns) == [("a", 1, 0), ("b", 1, 7), ("a", 1, 1)]
    turns.add([message("a", 1, 2)])
    assert offsets(turns) == [("a", 0, 0)]
    assert offsets(turns) == [("a", 1, 2)]
    assert offsets(turns) == []
    assert turns.count == 0


def test_what_is_forgotten_tells_where_to_read_again() -> None:
    turns = Turns[Message]()
    turns.add([message("a", 1, 3), message("b", 1, 7), message("a", 1, 4)])
    assert turns.forget(TopicPartition("a", 1)) == 3
    assert turns.forget(TopicPartition("a", 1)) is None
    assert turns.count == 1
    assert offsets(turns) == [("b", 1, 7)]
