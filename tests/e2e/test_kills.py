"""Under load every service is killed three times, broker and Redis once: nothing is lost, doubled, oversold, stuck."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from orderwing.audit.input_count import count_input
from orderwing.demo.product import Product
from orderwing.demo.report import verdict_on
from orderwing.demo.run import LOOK_S, drained
from orderwing.demo.rundir import RunDirectory
from orderwing.demo.stream import Stream
from orderwing.demo.watch import Watch
from orderwing.runtime.supervisor import Supervisor
from orderwing.shop.feed import Feed
from orderwing.shop.generator import generated_feed
from support.product import READY_S, START_MS
from support.running import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SPEED = 480.0
RATE = 5.0
ROUNDS = 3
ORDERS = 3_000  # more than are ever sent: the stream ends when the killing does
DRAIN_S = 400.0


def kill_all(supervisor: Supervisor, random: Random, kills: Counter[str]) -> None:
    """Every service once, at whatever it does, in any order; then all are ready again."""
    before = supervisor.pids()
    for name in random.sample(sorted(before), len(before)):
        supervisor.kill(name)
        kills[name] += 1
    wait_until(lambda: not set(supervisor.pids().values()) & set(before.values()), "the dead are replaced", READY_S)
    supervisor.wait_ready(READY_S)


def orders_flow(watch: Watch) -> None:
    """Until more orders have been answered: what was killed works again, and what is killed next has work."""
    answered = watch.following.answered

    def more() -> bool:
        watch.look(LOOK_S)
        return watch.following.answered >= answered + 10

    wait_until(more, "orders are answered again", READY_S)


def kill_everything(product: Product, supervisor: Supervisor, watch: Watch) -> Counter[str]:
    kills: Counter[str] = Counter()
    for number in range(ROUNDS):
        orders_flow(watch)
        kill_all(supervisor, Random(number), kills)
    orders_flow(watch)
    for server in (product.redis, product.broker):
        server.kill()
        kills[server.name] += 1
        server.start()
        orders_flow(watch)
    return kills


def test_nothing_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run", kept=True)
    directory.services.mkdir(parents=True)
    with Product(directory) as product:
        clock = product.fix_clock(SPEED, START_MS)
        feed = generated_feed(ORDERS, 11, RATE, clock.domain_ms(time.time_ns() // 1_000_000), SPEED)
        product.publish(feed.network, feed.items)
        supervisor = product.start_services()
        kills = _run(product, supervisor, feed)
        assert {kills[name] for name in supervisor.restarts} == {ROUNDS}
        assert kills["Kafka"] == kills["Redis"] == 1
        assert all(restarts >= ROUNDS for restarts in supervisor.restarts.values())
        product.stop_services()
        verdict = verdict_on(feed, product.broker.bootstrap, directory)
    placed = count_input(directory.input).placed
    assert verdict.violations == ()
    assert placed == len(verdict.traces) + verdict.rejected.total() + verdict.duplicates
    assert verdict.states["delivered"] > 0.6 * placed
    assert verdict.dead_letters == 0


def _run(product: Product, supervisor: Supervisor, feed: Feed) -> Counter[str]:
    with (
        closing(Stream(product.broker.bootstrap, product.directory.input, None)) as stream,
        closing(Watch(product.broker.bootstrap, product.redis.url, supervisor)) as watch,
    ):
        stream.send(feed.opening)
        supervisor.wait_ready(READY_S)
        stream.records = feed.records
        stream.start()
        kills = kill_everything(product, supervisor, watch)
        stream.stop()
        stream.require_sent()
        assert drained(stream, watch, lambda: watch.look(LOOK_S), DRAIN_S), dict(watch.following.states)
    return kills
