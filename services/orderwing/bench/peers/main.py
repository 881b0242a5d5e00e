"""A comparison from its first peer to its last."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from orderwing.bench.peers.contenders import CONTENDERS, Contender
from orderwing.bench.peers.field import Field
from orderwing.bench.peers.measure import at_a_rate, at_once, killed, restart
from orderwing.bench.peers.options import Options, Result, Speed, fastest
from orderwing.bench.peers.orders import Orders, Shop
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.progress import Progress

_ORDERS_A_CUSTOMER = 5


def compare(options: Options, progress: Progress, told: Callable[[Result], None]) -> list[Result]:
    """One peer after the other on one broker; `told` hears of each. Raises OperatorError and EmbeddedError."""
    with tempfile.TemporaryDirectory(prefix="orderwing-peers-") as name:
        directory = Path(name)
        contenders = [CONTENDERS[peer](directory, progress) for peer in options.peers]
        with EmbeddedBroker(directory / "kafka", progress=progress) as broker:
            field = Field(broker, directory, progress, Orders(max(1, options.messages // _ORDERS_A_CUSTOMER)))
            field.prepare()
            backlog, filling = _feed(field, options)
            speeds = _speeds(field, contenders, options, backlog)
            results = []
            for contender, runs in zip(contenders, speeds, strict=True):
                results.append(_measure(field, contender, options, runs, filling))
                told(results[-1])
    return results


def _speeds(field: Field, contenders: Sequence[Contender], options: Options, backlog: str) -> list[list[Speed]]:
    """Of each contender, in rounds: a machine that is slower for a while is so for all of them."""
    speeds = [
        [at_once(field, contender, setting, backlog, options.messages) for setting in _settings(contender, options)]
        for contender in contenders
    ]
    best = [fastest(runs).setting for runs in speeds]
    for _ in range(options.rounds - 1):
        for contender, setting, runs in zip(contenders, best, speeds, strict=True):
            runs.append(at_once(field, contender, setting, backlog, options.messages))
    return speeds


def _settings(contender: Contender, options: Options) -> Sequence[float]:
    return contender.settings[: options.settings]


def _feed(field: Field, options: Options) -> tuple[str, str]:
    """The backlog, and one order of each customer whose row shall come back."""
    backlog, filling = field.source("peers.backlog"), field.source("peers.filling")
    Shop(field.bootstrap, backlog).send(field.orders.placed("backlog", options.messages))
    Shop(field.bootstrap, filling).send(Orders(max(1, options.rows)).placed("filling", options.rows))
    return backlog, filling


def _measure(field: Field, contender: Contender, options: Options, speeds: Sequence[Speed], filling: str) -> Result:
    settings = _settings(contender, options)
    paces = [at_a_rate(field, contender, setting, options.rate, options.seconds) for setting in settings]
    result = Result(contender.name, contender.unit, contender.versions, speeds, paces, None, None)
    back = restart(field, contender, result.speed.setting, filling, options.rows) if options.rows else None
    kills = killed(field, contender, result.pace.setting, options) if options.kills else None
    return replace(result, restart=back, kills=kills)
