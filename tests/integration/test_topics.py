"""Declared topics against a real broker: what differs is told, what can be mended is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from typer.testing import CliRunner

from orderwing.audit.log import read_facts
from orderwing.cli import app
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import client_config
from orderwing.runtime.topics_admin import Difference, TopicsAdmin, has_rows
from orderwing_schemas.topics import (
    ALL_TOPICS,
    ORDERS_ACCEPTED,
    ORDERS_PLACED,
    REFERENCE,
    RESERVATION_CARDS,
    Topic,
    changelog,
)
from support.running import wait_until

DEADLINE_S = 120.0


@pytest.fixture
def topics() -> tuple[Topic, ...]:
    """Topics like ours under names of this test's own."""
    models = (ORDERS_PLACED, changelog("intake"), replace(RESERVATION_CARDS, own_partitions=2), REFERENCE)
    prefix = f"test-{uuid4()}"
    return tuple(replace(topic, name=f"{prefix}.{topic.name}") for topic in models)


@pytest.fixture
def admin(broker: str, topics: tuple[Topic, ...]) -> Iterator[AdminClient]:
    client = AdminClient({"bootstrap.servers": broker})
    yield client
    for future in client.delete_topics([topic.name for topic in topics]).values():
        future.exception(DEADLINE_S)


def eventually(true: Callable[[], bool]) -> None:
    """The broker's metadata follows the controller's a little later."""
    wait_until(true, "the broker knows what the controller was told", DEADLINE_S)


def config_of(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(DEADLINE_S)
    return {name: str(entry.value) for name, entry in entries.items()}


def set_config(admin: AdminClient, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(DEADLINE_S)
    eventually(lambda: config_of(admin, topic)[name] == value)


def create(admin: AdminClient, topic: Topic, partitions: int) -> None:
    admin.create_topics([NewTopic(topic.name, partitions)])[topic.name].result(DEADLINE_S)
    eventually(lambda: topic.name in admin.list_topics(timeout=DEADLINE_S).topics)


@pytest.mark.usefixtures("admin")
def test_apply_makes_what_is_missing_and_is_idempotent(broker: str, topics: tuple[Topic, ...]) -> None:
    cluster = TopicsAdmin(broker, topics)
    assert [(d.topic, d.finding) for d in cluster.diff()] == [(topic.name, "missing") for topic in topics]
    assert len(cluster.apply()) == len(topics)
    assert cluster.diff() == []
    assert cluster.apply() == []


def test_topics_are_made_as_declared(broker: str, admin: AdminClient, topics: tuple[Topic, ...]) -> None:
    TopicsAdmin(broker, topics).apply()
    orders, rows, cards, reference = topics
    there = admin.list_topics(timeout=DEADLINE_S).topics
    assert [len(there[topic.name].partitions) for topic in topics] == [4, 4, 2, 4]
    assert {config_of(admin, topic.name)["message.timestamp.type"] for topic in topics} == {"LogAppendTime"}
    assert config_of(admin, orders.name)["retention.ms"] == "-1"
    assert config_of(admin, cards.name)["retention.ms"] == str(90 * 86_400_000)
    for compacted in (rows, reference):
        config = config_of(admin, compacted.name)
        assert config["cleanup.policy"] == "compact"
        assert config["segment.bytes"] == str(32 << 20)
        assert config["min.cleanable.dirty.ratio"] == "0.1"


def test_another_setting_is_told_and_set_back(broker: str, admin: AdminClient, topics: tuple[Topic, ...]) -> None:
    cluster = TopicsAdmin(broker, topics)
    cluster.apply()
    orders = topics[0].name
    set_config(admin, orders, "retention.ms", "1000")
    set_config(admin, orders, "flush.ms", "77777")  # not ours to decide
    expected = [Difference(orders, "config", "retention.ms", "-1", "1000")]
    assert cluster.diff() == expected
    assert cluster.apply() == expected
    assert cluster.diff() == []
    assert config_of(admin, orders)["flush.ms"] == "77777"


@pytest.mark.parametrize("partitions", [1, 5])
def test_partitions_on_which_rows_depend_are_never_changed(
    broker: str, admin: AdminClient, topics: tuple[Topic, ...], partitions: int
) -> None:
    orders = topics[0]
    create(admin, orders, partitions)
    cluster = TopicsAdmin(broker, topics)
    assert Difference(orders.name, "partitions", "", "4", str(partitions), fixable=False) in cluster.diff()
    with pytest.raises(OperatorError, match=rf"{orders.name} has {partitions} partitions instead of 4"):
        cluster.apply()
    names = set(admin.list_topics(timeout=DEADLINE_S).topics)
    assert names & {topic.name for topic in topics} == {orders.name}, "nothing was changed"


def test_a_cluster_is_made_with_as_many_partitions_as_asked_for(
    broker: str, admin: AdminClient, topics: tuple[Topic, ...]
) -> None:
    TopicsAdmin(broker, topics, partitions=6).apply()
    there = admin.list_topics(timeout=DEADLINE_S).topics
    assert [len(there[topic.name].partitions) for topic in topics] == [6, 6, 2, 6]
    assert TopicsAdmin(broker, topics, partitions=6).diff() == []
    with pytest.raises(OperatorError, match="has 6 partitions instead of 3 and 2 other topics differ too"):
        TopicsAdmin(broker, topics, partitions=3).apply()


def test_other_topics_grow_but_do_not_shrink(broker: str, admin: AdminClient, topics: tuple[Topic, ...]) -> None:
    cards = topics[2]
    create(admin, cards, 1)
    grown = TopicsAdmin(broker, [cards])
    assert Difference(cards.name, "partitions", "", "2", "1") in grown.apply()
    assert grown.diff() == []
    with pytest.raises(OperatorError, match="are never changed"):
        TopicsAdmin(broker, [replace(cards, own_partitions=1)]).apply()


def test_every_topic_that_a_stage_reads_has_a_fixed_count() -> None:
    free = {topic.name for topic in ALL_TOPICS if not has_rows(topic)}
    assert "payments.recorded" in free
    assert not {name for name in free if name.endswith((".changelog", ".control"))}
    assert "orders.placed" not in free


def test_no_broker_is_told() -> None:
    with pytest.raises(OperatorError, match=r"^No Kafka answers at 127\.0\.0\.1:1: .*ORDERWING_BOOTSTRAP"):
        TopicsAdmin("127.0.0.1:1", timeout_s=1.0).diff()


def test_more_replicas_than_brokers_are_refused(broker: str, topics: tuple[Topic, ...]) -> None:
    with pytest.raises(OperatorError, match="2 replicas are asked for and 1 brokers answer"):
        TopicsAdmin(broker, topics[:1], replicas=2).apply()


def test_replicas_are_told_and_not_changed(broker: str, topics: tuple[Topic, ...]) -> None:
    TopicsAdmin(broker, topics[:1]).apply()
    cluster = TopicsAdmin(broker, topics[:1], replicas=3, in_sync=2)
    told = {(d.finding, d.name): (d.wanted, d.found, d.fixable) for d in cluster.diff()}
    assert told == {
        ("replicas", ""): ("3", "1", False),
        ("config", "min.insync.replicas"): ("2", "1", True),
    }
    with pytest.raises(OperatorError, match="has 1 replicas instead of 3: move its partitions"):
        cluster.apply()


def test_replicas_in_sync_are_set(broker: str, admin: AdminClient, topics: tuple[Topic, ...]) -> None:
    TopicsAdmin(broker, topics[:1], replicas=1, in_sync=1).apply()
    assert TopicsAdmin(broker, topics[:1], replicas=1, in_sync=1).diff() == []
    assert config_of(admin, topics[0].name)["min.insync.replicas"] == "1"


def test_what_topics_take_on_disk(broker: str, admin: AdminClient, topics: tuple[Topic, ...], tmp_path: Path) -> None:
    TopicsAdmin(broker, [*topics, ORDERS_ACCEPTED]).apply()
    orders = topics[0]
    producer = Producer(client_config(broker))
    for n in range(5):
        producer.produce(orders.name, b"x" * 1000, key=str(n))
    assert producer.flush(DEADLINE_S) == 0
    assert TopicsAdmin(broker).records()[orders.name] == 5

    partitions = [{"partition": f"{orders.name}-{n}", "size": size} for n, size in enumerate((3000, 2300))]
    described = tmp_path / "described.json"
    described.write_text(json.dumps({"brokers": [{"logDirs": [{"partitions": partitions}]}]}))
    words = ["topics", "size", "--described", str(described)]
    done = CliRunner().invoke(app, [*words, "--json"], env={"ORDERWING_BOOTSTRAP": broker})
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["topics"] == [{"topic": orders.name, "bytes": 5300, "records": 5}]
    assert (told["bytes"], told["orders"]) == (5300, len(list(read_facts(broker, [ORDERS_ACCEPTED.name]))))
    as_table = CliRunner().invoke(app, words, env={"ORDERWING_BOOTSTRAP": broker, "COLUMNS": "200"})
    assert "5,300" in as_table.stdout
    assert "Name a broker's log directory" in CliRunner().invoke(app, words[:2]).stderr


def test_a_topic_that_is_deleted_meanwhile_is_left_out(
    broker: str, admin: AdminClient, topics: tuple[Topic, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = TopicsAdmin(broker, topics)
    cluster.apply()
    orders, others = topics[0].name, {topic.name for topic in topics[1:]}
    told = cluster._metadata()
    admin.delete_topics([orders])[orders].result(DEADLINE_S)
    eventually(lambda: orders not in admin.list_topics(timeout=DEADLINE_S).topics)
    monkeypatch.setattr(cluster, "_metadata", lambda: told)
    found = cluster.records()
    assert orders not in found
    assert others <= found.keys()
