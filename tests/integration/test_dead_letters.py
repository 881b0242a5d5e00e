"""`orderwing dead-letters` on a real broker: what is listed, and where an operator's word goes."""

import json
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from orderwing.commands.dead_letters import app
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.codec import decode
from orderwing_schemas.events.operations import DeadLettered, DeadLetterSettled
from orderwing_schemas.examples import EXAMPLE_BY_TYPE
from orderwing_schemas.topics import STAGES, control, dead_letters


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
