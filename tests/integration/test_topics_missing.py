"""Services that follow the log wait for its topics, and say what to do, rather than end and be started again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer

from orderwing.runtime.health import process_health
from orderwing.runtime.settings import Kafka, Redis, Settings
from orderwing.steering import worker as steering
from orderwing.views import worker as views
from support.running import in_thread, wait_until


@pytest.fixture
def empty_cluster() -> Iterator[str]:
    """A broker without topics, of the client's own library."""
    host = Consumer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "group.id": "host", "log_level": 0})
    (broker,) = host.list_topics(timeout=60).brokers.values()
    yield f"{broker.host}:{broker.port}"
    host.close()


@pytest.mark.parametrize("run", [steering.run, views.run])
def test_a_service_waits_for_topics_and_says_what_to_do(
    run: Callable[[Settings, threading.Event], None], empty_cluster: str, redis_url: str
) -> None:
    settings = Settings(kafka=Kafka(bootstrap=empty_cluster), redis=Redis(url=redis_url))
    process_health().set(False, message="starting")
    with in_thread(lambda stop: run(settings, stop)):
        wait_until(lambda: "run `orderwing topics apply`" in process_health().state[2], "it says what to do")
    ready, _, message = process_health().state
    assert not ready
    assert message.startswith("There is no topic ")
