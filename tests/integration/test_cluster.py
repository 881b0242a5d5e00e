"""Three brokers of which one dies while orders flow: nothing is lost, nothing doubled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from orderwing.audit.cluster import AUDITED
from orderwing.audit.exactly_once import check_exactly_once
from orderwing.audit.facts import History
from orderwing.audit.follow import TOPICS, Following
from orderwing.audit.log import Tail, read_facts
from orderwing.demo.stream import Stream
from orderwing.runtime.embedded.cluster import EmbeddedCluster
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.settings import Kafka, Runtime, Settings
from orderwing.runtime.supervisor import ServiceSpec, Supervisor
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing.shop.generator import generated_feed
from orderwing_schemas.topics import ORDERS_ACCEPTED
from support.product import START_MS
from support.running import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ORDERS = 3_000  # more than are ever sent: the stream ends when the killing does
READY_S = 240.0
STAGES = ("gate", "intake")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(tmp_path) as brokers:
        yield brokers


def leader_of(bootstrap: str, topic: str) -> int:
    """The node that leads the topic's first partition."""
    found = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(topic, timeout=READY_S)
    return found.topics[topic].partitions[0].leader


def test_a_broker_of_three_may_die(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    settings = Settings(kafka=Kafka(bootstrap=cluster.bootstrap), runtime=Runtime(run_dir=tmp_path / "run"))
    TopicsAdmin(cluster.bootstrap, replicas=3, in_sync=2).apply()
    fix_clock(cluster.bootstrap, 1.0, time.time_ns() // 1_000_000, START_MS)
    feed = generated_feed(ORDERS, 5, 20.0, START_MS, 1.0)
    publish_reference(cluster.bootstrap, feed.network, feed.items)
    with (
        Supervisor(settings, [ServiceSpec(name) for name in STAGES]) as stages,
        closing(Stream(cluster.bootstrap, tmp_path / "input.jsonl", None)) as stream,
        closing(Tail(cluster.bootstrap, TOPICS)) as tail,
    ):
        stages.wait_ready(READY_S)
        following = Following()

        def answered(goal: int) -> Callable[[], bool]:
            def reached() -> bool:
                following.take(tail.poll(0.1))
                return following.answered >= goal

            return reached

        stream.records = feed.records
        stream.start()
        wait_until(answered(following.answered + 40), "orders are answered", READY_S)
        victim = cluster.brokers[leader_of(cluster.bootstrap, ORDERS_ACCEPTED.name) - 1]
        victim.kill()
        wait_until(answered(following.answered + 40), "orders are answered without it", READY_S)
        victim.start()
        wait_until(answered(following.answered + 40), "orders are answered with it again", READY_S)
        stream.stop()
        stream.require_sent()
        wait_until(answered(stream.placed), "all orders are answered", READY_S)
    history = History(read_facts(cluster.bootstrap, AUDITED))
    accepted = [value["order"]["order_id"] for value in history.of("order.accepted.v1")]
    assert following.answered == stream.placed
    assert len(accepted) == len(set(accepted)) > 0.8 * stream.placed
    assert tuple(check_exactly_once(history)) == ()
