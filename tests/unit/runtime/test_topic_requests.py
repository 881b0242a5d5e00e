"""Topics are made in requests that Kafka takes."""

from confluent_kafka.admin import NewTopic

from orderwing.runtime.topics_admin import in_requests


def test_no_request_makes_more_partitions_than_kafka_does_at_once() -> None:
    new = [NewTopic(f"t{n}", 1000) for n in range(25)]
    some = list(in_requests(new))
    assert [len(request) for request in some] == [10, 10, 5]
    assert [topic.topic for request in some for topic in request] == [topic.topic for topic in new]


def test_what_fits_is_made_at_once() -> None:
    assert [len(request) for request in in_requests([NewTopic("a", 9_999), NewTopic("b", 1)])] == [2]
    assert [len(request) for request in in_requests([NewTopic("a", 10_001), NewTopic("b", 1)])] == [1, 1]
