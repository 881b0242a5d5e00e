"""The review queue as an operator meets it, on a real broker."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from orderwing.commands.reviews import app
from orderwing.kernel.ports import Outgoing
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.public import ReviewVerdict
from orderwing_schemas.topics import FRAUD_DECIDED, OPERATIONS_INBOUND


class Desk:
    """`orderwing reviews` against one broker, with orders of its own."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.name = f"R{uuid4().hex[:8]}"
        TopicsAdmin(bootstrap, (FRAUD_DECIDED, OPERATIONS_INBOUND)).apply()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"ORDERWING_BOOTSTRAP": self.bootstrap})

    def decide(self, *told: tuple[str, str, int | None]) -> None:
        """(order, outcome, deadline), in this order."""
        with OperatorLog(self.bootstrap, self.name) as log:
            for order_id, outcome, until_ms in told:
                event = FraudDecided.model_validate(
                    {
                        "order_id": order_id,
                        "customer_key": f"guest:{order_id}",
                        "outcome": outcome,
                        "rules": ("velocity",),
                        "by": "rules",
                        "review_until_ms": until_ms,
                    }
                )
                partition = key_partition(order_id, FRAUD_DECIDED.partitions)
                log.write([outgoing(FRAUD_DECIDED.name, partition, order_id, event)])

    def open(self) -> list[str]:
        listed = json.loads(self.run("list", "--json").stdout)
        return [one["order_id"] for one in listed if one["order_id"].startswith(self.name)]

    def verdicts(self) -> list[tuple[ReviewVerdict, str | None]]:
        found = []
        with OperatorLog(self.bootstrap, self.name) as log:
            for partition in range(log.partitions(OPERATIONS_INBOUND.name)):
                for record in log.read(OPERATIONS_INBOUND.name, partition):
                    headers = header_map(record.headers)
                    event = decode(record.value, headers["ce_type"])
                    if isinstance(event, ReviewVerdict) and event.order_id.startswith(self.name):
                        assert partition == key_partition(event.order_id, OPERATIONS_INBOUND.partitions)
                        found.append((event, headers.get("ce_subject")))
        return found


@pytest.fixture
def desk(broker: str) -> Desk:
    return Desk(broker)


def test_only_what_is_still_under_review_is_listed_by_deadline(desk: Desk) -> None:
    first, second, closed = (f"{desk.name}-{n}" for n in range(3))
    desk.decide(
        (second, "in_review", 2_000),
        (closed, "in_review", 500),
        (first, "in_review", 1_000),
        (closed, "blocked", None),
        (f"{desk.name}-3", "cleared", None),
    )
    assert desk.open() == [first, second]
    table = desk.run("list").stdout
    assert "velocity" in table
    assert "1970-01-01" in table


@pytest.mark.parametrize("word", ["clear", "block"])
def test_a_verdict_names_the_customer_that_keys_the_review(desk: Desk, word: str) -> None:
    order_id = f"{desk.name}-1"
    desk.decide((order_id, "in_review", 1_000))
    assert desk.run(word, order_id, "--reviewer", "ann").exit_code == 0
    ((verdict, subject),) = desk.verdicts()
    assert (verdict.order_id, verdict.customer_key) == (order_id, f"guest:{order_id}")
    assert (verdict.verdict, verdict.reviewer, subject) == (word, "ann", order_id)


def test_an_order_without_an_open_review_is_refused_in_one_sentence(desk: Desk) -> None:
    order_id = f"{desk.name}-1"
    desk.decide((order_id, "in_review", 1_000), (order_id, "cleared", None))
    result = desk.run("clear", order_id)
    assert result.exit_code == 1
    assert "see `orderwing reviews list`" in result.output
    assert not desk.verdicts()


def test_a_record_that_is_no_event_keeps_nobody_from_the_reviews(desk: Desk) -> None:
    order_id = f"{desk.name}-1"
    desk.decide((order_id, "in_review", 1_000))
    with OperatorLog(desk.bootstrap, desk.name) as log:
        log.write([Outgoing(FRAUD_DECIDED.name, 0, b"\xff", b"{", [("ce_type", b"fraud.decided.v1")])])
    assert desk.open() == [order_id]
    assert desk.run("clear", order_id, "--reviewer", "ann").exit_code == 0
