"""Gateway and provider as their own processes on a real broker: slow, declined, failing, killed, replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from orderwing.gateways.asking import Patience
from orderwing.gateways.envelope import NAME
from orderwing.gateways.payments import run_patiently
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.settings import Kafka, Payments, Runtime, Settings
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.codec import decode, encode, header_map
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose
from orderwing_schemas.topics import PARTITIONS, PAYMENTS_ANSWERED, PAYMENTS_REQUESTED

DEADLINE_S = 120.0
ROUNDS = 6  # tries to kill a process in the middle of its work, each with twice as much of it
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway's topics and group have fixed names, so these tests have a broker of their own."""
    with EmbeddedBroker(tmp_path_factory.mktemp("payments-kafka"), heap_mb=384) as server:
        TopicsAdmin(server.bootstrap, (PAYMENTS_REQUESTED, PAYMENTS_ANSWERED)).apply()
        yield server.bootstrap


@dataclass
class Shop:
    """Asks for payments and reads the answers; its order ids are its own."""

    bootstrap: str
    run_dir: Path
    stack: ExitStack
    name: str = field(default_factory=lambda: f"T{uuid4().hex[:8]}")
    asked: list[PaymentRequested] = field(default_factory=list)

    def start(self, service: str, instance: str = "0", **environment: str) -> subprocess.Popen[bytes]:
        told = {
            "ORDERWING_BOOTSTRAP": self.bootstrap,
            "ORDERWING_RUN_DIR": str(self.run_dir),
            "ORDERWING_PSP_URL": "http://127.0.0.1:0",
            "ORDERWING_INSTANCE": instance,
            **environment,
        }
        with (self.run_dir / f"{service}.{instance}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orderwing.commands.service", service],
                env=os.environ | told,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.stack.callback(stop, process)
        return process

    def request(self, token: str, n: int) -> PaymentRequested:
        order_id = f"{self.name}-{n}"
        return PaymentRequested(
            order_id=order_id,
            purpose=Purpose.AUTHORISE,
            idempotency_key=f"{order_id}:authorise:1",
            amount_minor=100 + n,
            currency="GBP",
            payment_token=token,
        )

    def ask(self, tokens: Sequence[str]) -> None:
        first = len(self.asked)
        new = [self.request(token, first + n) for n, token in enumerate(tokens)]
        self.asked += new
        self.send(new, commit=True)

    def send(self, requests: Sequence[PaymentRequested], commit: bool) -> None:
        """In one transaction, as the runner does."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": f"{self.name}-{commit}"})
        producer.init_transactions()
        producer.begin_transaction()
        for request in requests:
            producer.produce(
                PAYMENTS_REQUESTED.name,
                encode(request),
                request.order_id,
                key_partition(request.order_id, PARTITIONS),
                headers=[("ce_type", request.EVENT_TYPE.encode()), ("traceparent", TRACE.encode())],
            )
        producer.flush()
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()

    def answers(self, enough: Callable[[dict[str, list[PaymentAnswered]]], bool]) -> dict[str, list[PaymentAnswered]]:
        """Every answer to this shop's orders so far, by idempotency key, as soon as they are `enough`."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.name, "enable.auto.commit": False})
        found: dict[str, list[PaymentAnswered]] = {}
        try:
            consumer.assign([TopicPartition(PAYMENTS_ANSWERED.name, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
            end_s = time.monotonic() + DEADLINE_S
            while not enough(found):
                assert time.monotonic() < end_s, f"{len(found)} of {len(self.asked)} answered"
                for message in consumer.consume(500, 0.2):
                    assert message.error() is None
                    headers = header_map(message.headers())  # type: ignore[arg-type]  # the client's stubs are wider
                    event = decode(message.value(), headers["ce_type"])
                    assert isinstance(event, PaymentAnswered)
                    if event.order_id.startswith(self.name):
                        assert headers["ce_subject"] == event.order_id
                        assert headers["traceparent"] == TRACE
                        assert message.partition() == key_partition(event.order_id, PARTITIONS)
                        found.setdefault(event.idempotency_key, []).append(event)
        finally:
            consumer.close()
        return found

    def all_answered(self) -> dict[str, list[PaymentAnswered]]:
        return self.answers(lambda found: len(found) >= len(self.asked))

    def ledger(self) -> list[dict[str, object]]:
        lines = (self.run_dir / "psp.ledger.jsonl").read_text("utf-8").splitlines()
        return [entry for entry in map(json.loads, lines) if entry["order_id"].startswith(self.name)]

    def assert_each_charged_once(self) -> None:
        charged = Counter(entry["idempotency_key"] for entry in self.ledger() if entry["outcome"] == "approved")
        assert charged == {request.idempotency_key: 1 for request in self.asked}
        assert not [entry for entry in self.ledger() if entry["flags"]]


def stop(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


@contextmanager
def gateway_in_a_thread(shop: Shop, patience: Patience) -> Iterator[None]:
    settings = Settings(
        kafka=Kafka(bootstrap=shop.bootstrap),
        payments=Payments(url="http://127.0.0.1:0"),
        runtime=Runtime(run_dir=shop.run_dir),
    )
    stopped = threading.Event()
    worker = threading.Thread(target=run_patiently, args=(settings, stopped, patience), name=NAME)
    worker.start()
    try:
        yield
    finally:
        stopped.set()
        worker.join(DEADLINE_S)


def killed_midway(shop: Shop, start: Callable[[], subprocess.Popen[bytes]], done: Callable[[], int]) -> None:
    """Kill what `start` starts while it works on what is asked, and start it again."""
    process = start()
    for round_ in range(ROUNDS):
        before = len(shop.asked)
        shop.ask(["tok_ok"] * (600 << round_))
        shop.answers(lambda found, least=before + 50: len(found) >= least)  # type: ignore[misc]
        kill(process)
        midway = done() < len(shop.asked)
        process = start()
        if midway:
            return
    raise AssertionError("killed too late to prove anything")


@pytest.fixture
def shop(own_broker: str, tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(own_broker, tmp_path, stack)


@pytest.mark.slow
def test_slow_declined_and_failing_calls_are_each_answered_and_charged_once(shop: Shop) -> None:
    never = shop.request("tok_ok", 9_999)
    shop.send([never], commit=False)
    # A late answer comes after the gateway's patience for one call: the key alone prevents a second charge.
    shop.start("psp", ORDERWING_PSP_SLOW_MS="7000", ORDERWING_PSP_HANG_MS="100", ORDERWING_PSP_LATENCY_MS="1")
    gateway = shop.start("payment_gateway")
    shop.ask(["tok_ok_1", "tok_slow_1", "tok_decline_1", "tok_error_1"] * 5)
    answered = shop.all_answered()
    tokens = {request.idempotency_key: request.payment_token or "" for request in shop.asked}
    for key, told in answered.items():
        declined = tokens[key].startswith("tok_decline")
        assert {answer.outcome for answer in told} == {Outcome.DECLINED if declined else Outcome.APPROVED}
        assert len(told) == 1
        # More where the provider's process was not up yet.
        assert told[0].attempts >= {"tok_slow_1": 2, "tok_error_1": 3}.get(tokens[key], 1)
    booked = Counter((entry["idempotency_key"], entry["outcome"]) for entry in shop.ledger())
    assert booked == {
        (key, "declined" if token.startswith("tok_decline") else "approved"): 1 for key, token in tokens.items()
    }
    assert stop(gateway) == 0


@pytest.mark.slow
def test_a_provider_that_is_killed_and_comes_back_charges_once(shop: Shop) -> None:
    # As patient as a slow machine needs to start the provider again.
    with gateway_in_a_thread(shop, Patience(tries=1_000, longest_pause_s=1.0)):
        killed_midway(
            shop,
            lambda: shop.start("psp", ORDERWING_PSP_FAILURE_RATE="0.3", ORDERWING_PSP_LATENCY_MS="5"),
            lambda: len({entry["idempotency_key"] for entry in shop.ledger()}),
        )
        answered = shop.all_answered()
    assert {answer.outcome for told in answered.values() for answer in told} == {Outcome.APPROVED}
    shop.assert_each_charged_once()


@pytest.mark.slow
def test_a_gateway_that_is_killed_loses_no_request_and_charges_once(shop: Shop) -> None:
    shop.start("psp", ORDERWING_PSP_LATENCY_MS="50")
    killed_midway(shop, lambda: shop.start("payment_gateway"), lambda: len(shop.ledger()))
    shop.all_answered()
    shop.assert_each_charged_once()


@pytest.mark.slow
def test_a_second_gateway_takes_its_share_and_gives_it_back(shop: Shop) -> None:
    shop.start("psp", ORDERWING_PSP_LATENCY_MS="100")
    first = shop.start("payment_gateway", "0")
    shop.ask(["tok_ok"] * 1_000)
    shop.answers(lambda found: len(found) >= 50)
    shop.start("payment_gateway", "1")
    shop.ask(["tok_ok"] * 1_000)
    shop.answers(lambda found: len(found) >= 1_000)
    assert stop(first) == 0
    shop.all_answered()
    shop.assert_each_charged_once()


def test_a_provider_that_stays_away_is_told_as_failed(shop: Shop) -> None:
    with gateway_in_a_thread(shop, Patience(tries=3, first_pause_s=0.01)):
        shop.ask(["tok_ok"] * 3)
        answered = shop.all_answered()
    told = [(a.outcome, a.reason, a.attempts) for answers in answered.values() for a in answers]
    assert set(told) == {(Outcome.FAILED, "unreachable", 3)}
