"""Three brokers of which one dies while orders flow: nothing is lost, nothing doubled."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from orderwing.audit.cluster import audit_cluster
from orderwing.audit.follow import TOPICS, Following
from orderwing.audit.input_count import count_input
from orderwing.audit.log import Tail
from orderwing.commands import market
from orderwing.demo.market import INPUT
from orderwing.runtime.embedded.cluster import EmbeddedCluster
from orderwing.runtime.settings import Kafka, Runtime, Settings, Topics, to_environment
from orderwing.runtime.supervisor import ServiceSpec, Supervisor
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.topics import ORDERS_ACCEPTED
from support.running import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

READY_S = 240.0
STAGES = ("gate", "intake")
RATE = ("--rate", "20")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(tmp_path) as brokers:
        yield brokers


@pytest.fixture
def settings(cluster: EmbeddedCluster, tmp_path: Path) -> Settings:
    return Settings(
        kafka=Kafka(bootstrap=cluster.bootstrap),
        runtime=Runtime(run_dir=tmp_path / "run"),
        topics=Topics(replication_factor=3, min_insync_replicas=2),
    )


def open_market(settings: Settings) -> str:
    result = CliRunner().invoke(market.app, ["open", *RATE, "--speed", "1"], env=to_environment(settings))
    assert result.exit_code == 0, result.output
    return result.output


def leader_of(bootstrap: str, topic: str) -> int:
    """The node that leads the topic's first partition."""
    found = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(topic, timeout=READY_S)
    return found.topics[topic].partitions[0].leader


def test_a_broker_of_three_may_die(cluster: EmbeddedCluster, settings: Settings) -> None:
    assert "is open" in open_market(settings)
    assert "was open already" in open_market(settings)
    assert TopicsAdmin.of(settings).diff() == []
    run_dir = settings.runtime.run_dir
    shop = ServiceSpec("shop", command=[sys.executable, "-m", "orderwing", "market", "stream", *RATE])
    with (
        Supervisor(settings, [ServiceSpec(name) for name in STAGES]) as stages,
        closing(Tail(cluster.bootstrap, TOPICS)) as tail,
    ):
        stages.wait_ready(READY_S)
        following = Following()

        def answered(goal: int) -> Callable[[], bool]:
            def reached() -> bool:
                following.take(tail.poll(0.1))
                return following.answered >= goal

            return reached

        with Supervisor(settings, [shop], grace_s=READY_S) as shops:
            wait_until(answered(40), "orders are answered", READY_S)
            victim = cluster.brokers[leader_of(cluster.bootstrap, ORDERS_ACCEPTED.name) - 1]
            victim.kill()
            wait_until(answered(following.answered + 40), "orders are answered without it", READY_S)
            victim.start()
            wait_until(answered(following.answered + 40), "orders are answered with it again", READY_S)
        placed = count_input(run_dir / INPUT).placed
        wait_until(answered(placed), "all orders are answered", READY_S)
        assert shops.restarts == {"shop": 0}
    verdict, figures = audit_cluster(settings.kafka, run_dir, at_rest=False)
    assert following.answered == placed == figures["inbound"]
    assert len(verdict.traces) + verdict.rejected.total() + verdict.duplicates == placed
    assert verdict.violations == ()
