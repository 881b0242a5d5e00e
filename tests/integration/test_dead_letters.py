"""`orderwing dead-letters` on a real broker: what is listed, where an operator's word goes, and what comes of it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from typer.testing import CliRunner

from orderwing.commands.dead_letters import app
from orderwing.runtime.dead_letter_box import find_all
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.settings import Kafka, Runtime, Settings
from orderwing.runtime.supervisor import ServiceSpec, Supervisor
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.operations import DeadLettered, DeadLetterSettled
from orderwing_schemas.examples import EXAMPLE_BY_TYPE
from orderwing_schemas.topics import INTAKE_OUTCOMES, ORDERS_ACCEPTED, STAGES, control, dead_letters
from support.orders import order_document
from support.running import wait_until
from support.stranger import Stranger


@pytest.fixture
def letter(broker: str, monkeypatch: pytest.MonkeyPatch) -> DeadLettered:
    """A fresh dead letter of payment_hold, from partition 2."""
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", broker)
    monkeypatch.setenv("COLUMNS", "200")
    TopicsAdmin(broker, [make(stage) for stage in STAGES for make in (dead_letters, control)]).apply()
    example = EXAMPLE_BY_TYPE["record.dead_lettered.v1"]
    assert isinstance(example, DeadLettered)
    found = example.model_copy(update={"dead_letter_id": uuid4().hex})
    write_letter(broker, found)
    return found


def write_letter(broker: str, letter: DeadLettered) -> None:
    with OperatorLog(broker, "test") as log:
        log.write([outgoing(dead_letters(letter.stage).name, letter.partition, letter.dead_letter_id, letter)])


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output
    return result.output


def open_ids(*arguments: str) -> set[str]:
    return {entry["dead_letter_id"] for entry in json.loads(run("list", "--json", *arguments))}


def words(broker: str, letter: DeadLettered) -> list[tuple[int, DeadLetterSettled]]:
    with OperatorLog(broker, "test") as log:
        told = [
            (partition, decode(record.value, "dead_letter.settled.v1"))
            for partition in range(4)
            for record in log.read(control(letter.stage).name, partition)
        ]
    return [
        (partition, event)
        for partition, event in told
        if isinstance(event, DeadLetterSettled) and event.dead_letter_id == letter.dead_letter_id
    ]


def test_it_is_listed_and_shown(letter: DeadLettered) -> None:
    assert letter.dead_letter_id in open_ids()
    assert letter.dead_letter_id in open_ids("--stage", "payment_hold")
    assert letter.dead_letter_id not in open_ids("--stage", "gate")
    assert letter.dead_letter_id in run("list")
    shown = run("show", letter.dead_letter_id)
    assert "orders.accepted/2/5512" in shown
    assert '{"type": "order.accepted.v1"' in shown, "the original value"
    assert "order.accepted" not in run("list", "--json", "--stage", "payment_hold").replace("orders.accepted", "")


@pytest.mark.parametrize("action", ["redrive", "drop"])
def test_a_word_goes_to_the_partition_of_the_record(broker: str, letter: DeadLettered, action: str) -> None:
    assert "would be told" in run(action, letter.dead_letter_id, "--dry-run")
    assert words(broker, letter) == []
    assert letter.dead_letter_id in open_ids()

    assert f"is told to {action} orders.accepted/2/5512" in run(action, letter.dead_letter_id)
    ((partition, word),) = words(broker, letter)
    assert partition == letter.partition == 2
    assert (word.action, word.order_id) == (action, letter.order_id)
    assert letter.dead_letter_id not in open_ids()
    assert letter.dead_letter_id in open_ids("--settled")
    assert "settled already" in run(action, letter.dead_letter_id, status=1)


def test_one_that_fails_again_is_open_again(broker: str, letter: DeadLettered) -> None:
    run("redrive", letter.dead_letter_id)
    write_letter(broker, letter)
    assert letter.dead_letter_id in open_ids()
    run("drop", letter.dead_letter_id)
    assert [word.action for _, word in words(broker, letter)] == ["redrive", "drop"]


@pytest.mark.usefixtures("letter")
def test_unknown_ones_are_told() -> None:
    assert "There is no dead letter nothing" in run("show", "nothing", status=1)
    assert "There is no stage nowhere" in run("list", "--stage", "nowhere", status=1)


DEADLINE_S = 180.0


@pytest.fixture
def cluster(
    embedded_broker_factory: Callable[[], EmbeddedBroker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of a broker of its own on which gate and intake run, each as its own process."""
    bootstrap = embedded_broker_factory().bootstrap
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", bootstrap)
    TopicsAdmin(bootstrap).apply()
    fix_clock(bootstrap, 1.0, time.time_ns() // 1_000_000)
    publish_reference(bootstrap, demo_network(), demo_catalogue())
    settings = Settings(kafka=Kafka(bootstrap=bootstrap), runtime=Runtime(run_dir=tmp_path / "services"))
    with Supervisor(settings, [ServiceSpec("gate"), ServiceSpec("intake")]) as services:
        services.wait_ready(DEADLINE_S)
        yield bootstrap


def shrink(bootstrap: str, topic: str, max_bytes: int) -> None:
    """From now on the broker refuses larger records on the topic."""
    size = ConfigEntry("max.message.bytes", str(max_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[size])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(DEADLINE_S)


def letters_of_intake(bootstrap: str) -> dict[str | None, str]:
    """Ids of open dead letters, by order."""
    found = find_all(bootstrap, ["intake"])
    return {dead.letter.order_id: dead.letter.dead_letter_id for dead in found if dead.settled is None}


def said(bootstrap: str, order_id: str) -> Counter[str]:
    """What intake has told about an order, by type."""
    with OperatorLog(bootstrap, "test") as log:
        records = log.read_topics([ORDERS_ACCEPTED.name, INTAKE_OUTCOMES.name])
    events = [decode(record.value, header_map(record.headers).get("ce_type")) for record in records]
    return Counter(event.EVENT_TYPE for event in events if event.subject == order_id)


def becomes_poison(bootstrap: str, shop: Stranger, order_id: str) -> bool:
    shop.send("OrderPlaced", order_document(order_id=order_id), order_id)
    wait_until(
        lambda: order_id in letters_of_intake(bootstrap) or said(bootstrap, order_id) != {}, order_id, DEADLINE_S
    )
    return order_id in letters_of_intake(bootstrap)


def poisoned(bootstrap: str, shop: Stranger, name: str) -> str:
    """The id of an order that is a dead letter, with a copy behind it. Some pass before the broker knows its limit."""
    order_id = next(found for n in count() if becomes_poison(bootstrap, shop, found := f"{name}-{n}"))
    shop.send("OrderPlaced", order_document(order_id=order_id), order_id)
    return order_id


def test_a_running_stage_redrives_and_drops_what_it_has_parked(cluster: str) -> None:
    """The broker refuses what an order leads to; `topics apply` mends that, then one is redriven and one dropped."""
    shrink(cluster, ORDERS_ACCEPTED.name, 256)  # less than an order, more than the marker of a transaction
    shop = Stranger(cluster)
    try:
        redriven, dropped = poisoned(cluster, shop, "redriven"), poisoned(cluster, shop, "dropped")
    finally:
        shop.close()
    letters = letters_of_intake(cluster)
    assert letters.keys() == {redriven, dropped}
    TopicsAdmin(cluster).apply()

    run("redrive", letters[redriven])
    both = {"order.accepted.v1": 1, "order.duplicated.v1": 1}
    wait_until(lambda: said(cluster, redriven) == both, "the order is accepted, and its copy known as one", DEADLINE_S)
    assert said(cluster, dropped) == {}, "nobody has spoken about it yet"
    run("drop", letters[dropped])
    accepted = {"order.accepted.v1": 1}
    wait_until(lambda: said(cluster, dropped) == accepted, "only the copy of the dropped is accepted", DEADLINE_S)

    assert said(cluster, redriven) == both
    assert letters_of_intake(cluster) == {}
