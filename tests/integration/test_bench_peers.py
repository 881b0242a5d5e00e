"""A tiny comparison: ours loses nothing, and what is lost or doubled is counted; nothing is said about speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer

from orderwing.bench.peers import quix_environment
from orderwing.bench.peers.audit import Losses, losses
from orderwing.bench.peers.contenders import OURS
from orderwing.bench.peers.main import compare
from orderwing.bench.peers.options import Options, Result, Speed
from orderwing.bench.peers.orders import Orders, Shop
from orderwing.bench.peers.report import ABOUT, TITLE, sheets, versions
from orderwing.bench.peers.work import encode, placed, tallied
from orderwing.bench.report import markdown
from orderwing.runtime.embedded.progress import silent
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.topics import Topic

ORDERS = 300


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_ours_answers_every_order_once_also_when_it_is_killed() -> None:
    options = Options(messages=ORDERS, rate=100.0, seconds=1.0, rows=200, kills=1, settings=1, rounds=2, peers=(OURS,))
    told: list[str] = []
    (ours,) = compare(options, silent, lambda result: told.append(result.name))
    assert told == [ours.name] == [OURS]
    assert ours.speed.losses == Losses(orders=ORDERS)
    assert ours.speed.per_s > 0  # so few orders may take less CPU than the kernel counts
    assert ours.pace.answered == ours.pace.fed == 100
    assert 0 < ours.pace.p50_ms <= ours.pace.p99_ms
    assert ours.restart is not None
    assert (ours.restart.rows, ours.restart.kept, ours.restart.bare_s) == (200, True, None)
    assert ours.kills is not None
    assert ours.kills.losses.none, ours.kills
    assert ours.kills.losses.orders > 0
    assert None not in ours.kills.back_s
    text = markdown(
        {"command": "orderwing bench peers", **versions([ours])}, list(sheets([ours], options)), TITLE, ABOUT
    )
    assert "| orderwing: lost, doubled, row wrong | 0, 0, 0 | 0, 0, 0 |" in text


def test_the_setting_of_all_rounds_counts_by_its_median_run() -> None:
    def ran(*runs: tuple[float, int, float]) -> float:
        speeds = [Speed(setting, many, per_s, 1.0, 1.0, 0.0, Losses(orders=9)) for setting, many, per_s in runs]
        return Result(OURS, "records", "", speeds, [], None, None).speed.per_s

    assert ran((1, 9, 10.0), (2, 9, 12.0), (5, 9, 11.0)) == 12.0
    assert ran((1, 9, 30.0), (2, 9, 12.0), (2, 9, 11.0), (2, 9, 16.0)) == 12.0
    assert ran((1, 9, 10.0), (2, 9, 12.0), (2, 9, 14.0)) == 12.0
    assert ran((1, 8, 30.0), (2, 9, 12.0)) == 12.0


def test_what_is_lost_doubled_or_told_wrong_is_counted(broker: str) -> None:
    source, target = "peers-audit.in", "peers-audit.out"
    topics = [Topic(name, "customer_id", (), "tests", (), "Orders, or rows.") for name in (source, target)]
    TopicsAdmin(broker, topics).apply()
    orders = list(Orders(customers=2).placed("order", 6))
    Shop(broker, source).send(orders)
    rows: dict[bytes, tuple[int, int]] = {}
    answers = []
    for _, customer, value in orders:
        answer = tallied(placed(value), *rows.get(customer, (0, 0)))
        rows[customer] = answer.orders, answer.total_minor
        answers.append(answer)
    forgetful = answers[4].model_copy(update={"orders": 1})
    producer = Producer({"bootstrap.servers": broker, "transactional.id": "peers-audit", "log_level": 0})
    producer.init_transactions(30.0)
    for committed, sent in ((True, [*answers[:3], answers[0], forgetful, answers[5]]), (False, [answers[3]])):
        producer.begin_transaction()
        for answer in sent:
            producer.produce(target, encode(answer), answer.customer_id)
        producer.flush(30.0)
        (producer.commit_transaction if committed else producer.abort_transaction)(30.0)
    assert losses(broker, source, target) == Losses(orders=6, lost=1, doubled=1, wrong=1)


def test_orders_are_valid_and_each_is_its_customers() -> None:
    for order_id, customer, value in Orders(customers=3).placed("order", 7):
        assert placed(value).order_id == order_id
        assert json.loads(value)["customer_id"].encode() == customer


def test_an_environment_that_cannot_be_made_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("ORDERWING_CACHE", str(file))
    with pytest.raises(OperatorError, match="connect to the network and start again, or name the other peers"):
        quix_environment.make(silent)
    assert "quixstreams 3." in quix_environment.versions()
