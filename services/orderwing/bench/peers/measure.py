"""The measures of one peer."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from random import Random

from orderwing.bench.log import stamps_of
from orderwing.bench.measure import quantile
from orderwing.bench.peers.audit import losses
from orderwing.bench.peers.contenders import Contender
from orderwing.bench.peers.field import Field, Peer, running
from orderwing.bench.peers.options import Kills, Options, Pace, Restart, Speed
from orderwing.bench.peers.orders import Order, Shop
from orderwing.bench.peers.watching import Watch
from orderwing.bench.usage import Usage

PATIENCE_S = 60.0  # without any answer; what has not come by then counts as not answered
_WARM_UP = 200
_UNDER_WAY_S = 0.3  # what was committed before a kill may still be on its way to the watch
_LIFE_S = (0.2, 2.0)  # between the first answer and the next kill


def at_once(field: Field, contender: Contender, setting: float, backlog: str, many: int) -> Speed:
    """Through a backlog that is there before the process starts."""
    task_name = f"{contender.name}: at once, {contender.told(setting)}"
    with (
        field.run(contender, setting, backlog) as task,
        closing(Watch(field.bootstrap, task.target, committed=False)) as appended,
        running(field, contender, task) as peer,
    ):
        _await(field, task_name, peer, appended, lambda: appended.count > 0)
        before, done = peer.usage(), appended.count
        _await(field, task_name, peer, appended, lambda: appended.count >= many, many)
        after = peer.usage()
        answered, (first_ms, last_ms) = appended.count, appended.appended_ms or (0, 0)
        with closing(Watch(field.bootstrap, task.target, committed=True)) as committed:
            _await(field, f"{task_name}, committed", peer, committed, lambda: committed.count >= answered)
        peer.stop()
        cpu_us, broker_us = _cpu_us(after, before, answered - done)
        found = losses(field.bootstrap, task.source, task.target)
    per_s = answered * 1000 / max(1, last_ms - first_ms)
    return Speed(setting, answered, per_s, cpu_us, broker_us, after.others_share_since(before), found)


def at_a_rate(field: Field, contender: Contender, setting: float, rate: float, seconds: float) -> Pace:
    title = f"{contender.name}: {rate:g} a second, {contender.told(setting)}"
    many = int(rate * seconds)
    with (
        field.run(contender, setting) as task,
        closing(Watch(field.bootstrap, task.target, committed=True)) as watch,
        running(field, contender, task) as peer,
    ):
        shop = Shop(field.bootstrap, task.source)
        shop.send(field.orders.placed("warm", _WARM_UP))
        _await(field, f"{title}, warm up", peer, watch, lambda: watch.count >= _WARM_UP)
        orders = list(field.orders.placed("paced", many))
        before = peer.usage()
        with _shopping(Shop(field.bootstrap, task.source), orders, rate):
            _await(field, title, peer, watch, lambda: watch.count >= _WARM_UP + many, many)
        after = peer.usage()
        seen = {order: watch.seen_ms[order] for order, _, _ in orders if order in watch.seen_ms}
        placed = stamps_of(field.bootstrap, task.source)
    waits = sorted(stamp - placed[order] for order, stamp in seen.items())
    cpu_us, _ = _cpu_us(after, before, many)
    others = after.others_share_since(before)
    return Pace(setting, many, len(seen), quantile(waits, 0.50), quantile(waits, 0.99), cpu_us, others)


def restart(field: Field, contender: Contender, setting: float, filling: str, rows: int) -> Restart:
    """Fill the rows, stop as an operator does, start again. `filling` holds at least `rows` customers' first orders."""
    title = f"{contender.name}: {rows:,} rows"
    with field.run(contender, setting, filling) as task, closing(_committed(field, task.target)) as watch:
        with running(field, contender, task) as peer:
            _await(field, title, peer, watch, lambda: watch.count >= rows, rows)
        seconds, kept = _start_again(field, contender, Peer(field, contender, task), watch)
        bare_s = None
        if contender.on_disk:
            shutil.rmtree(task.directory)
            Path(task.directory).mkdir()
            bare_s, also = _start_again(field, contender, Peer(field, contender, task), watch)
            kept = kept and also
    return Restart(rows, seconds, bare_s, kept)


def _start_again(field: Field, contender: Contender, peer: Peer, watch: Watch) -> tuple[float | None, bool]:
    """Seconds to the answer to a new order, and whether that knew of the customer's former ones."""
    field.agains += 1
    mark = f"again-{field.agains}"
    Shop(field.bootstrap, peer.task.source).send(field.orders.placed(mark, 1))
    began_s = time.monotonic()
    try:
        peer.ensure()
        _await(field, f"{contender.name}: start again", peer, watch, lambda: f"{mark}-0" in watch.seen_ms)
        seconds = watch.last_s - began_s
    finally:
        peer.stop()
    told = watch.orders.get(f"{mark}-0")
    return (None, False) if told is None else (seconds, told == 1 + field.agains)


def killed(field: Field, contender: Contender, setting: float, options: Options) -> Kills:
    """Killed again and again while orders keep coming; then time to finish."""
    title = f"{contender.name}: kills"
    lives = Random("peers' lives")
    back_s: list[float | None] = []
    with (
        field.run(contender, setting) as task,
        closing(_committed(field, task.target)) as watch,
        running(field, contender, task) as peer,
    ):
        shop = Shop(field.bootstrap, task.source)
        with _shopping(shop, field.orders.placed("live"), options.rate):
            _await(field, f"{title}, first answer", peer, watch, lambda: watch.count > 0)
            for number in range(options.kills):
                field.progress(title, number, options.kills)
                time.sleep(lives.uniform(*_LIFE_S))
                peer.kill()
                began_s = time.monotonic()
                back = _await(
                    field,
                    "",
                    peer,
                    watch,
                    lambda began_s=began_s: watch.last_s > began_s + _UNDER_WAY_S,  # type: ignore[misc]
                )
                back_s.append(watch.last_s - began_s if back else None)
            field.progress(title, options.kills, options.kills)
        _await(field, f"{title}, finish", peer, watch, lambda: watch.count >= shop.sent, shop.sent)
        ended = peer.ended
        peer.stop()
        found = losses(field.bootstrap, task.source, task.target)
    return Kills(setting, options.kills, found, back_s, ended)


def _committed(field: Field, topic: str) -> Watch:
    return Watch(field.bootstrap, topic, committed=True)


def _await(
    field: Field, title: str, peer: Peer, watch: Watch, done: Callable[[], bool], total: int | None = None
) -> bool:
    """Keep `peer` running until it is `done`, or nothing has come for PATIENCE_S; whether it is."""
    began_s = time.monotonic()
    while not done():
        if time.monotonic() - max(began_s, watch.last_s) > PATIENCE_S:
            return False
        peer.ensure()
        watch.wait(0.1)
        if total is not None:
            field.progress(title, min(watch.count, total), total)
    if total is not None:
        field.progress(title, total, total)
    return True


@contextmanager
def _shopping(shop: Shop, orders: Sequence[Order] | Iterator[Order], rate: float) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=shop.pace, args=(chain(orders), rate, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _cpu_us(after: Usage, before: Usage, many: int) -> tuple[float, float]:
    """A message's, of the process and of the broker."""
    by_name = after.cpu_us_since(before, many)
    broker_us = by_name.pop("broker")
    return sum(by_name.values()), broker_us
