"""Whole demos by the plain rule and by the rule in use, one after the other, seed by seed: what their reports say."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from orderwing.bench.report import Sheet
from orderwing.demo.options import DEFAULT_ORDERS, DEFAULT_RATE, Options
from orderwing.demo.report import PROMISES, failed
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.errors import OperatorError

TITLE = "Demos"
ABOUT = """\
Made by `orderwing bench demos`: `orderwing demo`, real broker and all, by the plain rule and by the rule in use, with
the same orders. Costs are minor units an order, over orders with a plan; *late* are parcels after their promise because
of our plan or its release, *dock* those that a warehouse sent later than planned. A warehouse is late with the same
goods by both rules; which goods it does not find follows the shipments' ids.
"""
PLAIN_RULE = Path("deploy", "policies", "plain-rule.yaml")
_OURS = ("planned_late", "released_late")
_DEADLINE_S = 900.0
_LINES = 5
Report = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """`speed` is domain seconds a second; orders come at the demo's rate in domain time."""

    seeds: Sequence[int]
    against: Path
    orders: int = DEFAULT_ORDERS
    speed: float = 1.5 * Options.speed


class Pair(NamedTuple):
    """The reports of a seed."""

    seed: int
    plain: Report
    ours: Report

    @property
    def cheaper(self) -> bool:
        return bool(self.ours["cost_minor_per_order"] < self.plain["cost_minor_per_order"])

    @property
    def kept_no_worse(self) -> bool:
        return bool(self.ours["promise_kept"] >= self.plain["promise_kept"])

    @property
    def same_goods(self) -> bool:
        """Whether both costs are of as many orders, and of as many units in them."""
        return bool(self.ours["planned"] == self.plain["planned"])


def pairs(asked: Asked, progress: Progress, tell: Callable[[str], None]) -> Iterator[Pair]:
    """`tell` hears of each demo as it ends. Raises OperatorError for a demo that makes no report."""
    total, done = 2 * len(asked.seeds), 0
    progress("Demos", done, total)
    for seed in asked.seeds:
        told = []
        for rule in ("plain", "in use"):
            told.append(report := _demo(asked, seed, rule))
            progress("Demos", done := done + 1, total)
            cost, kept = report["cost_minor_per_order"], report["promise_kept"]
            tell(f"seed {seed}, {rule}: {cost} an order, promise kept {kept:.2%}, {_verdict(report)}")
        yield Pair(seed, *told)


def _demo(asked: Asked, seed: int, rule: str) -> Report:
    rate = DEFAULT_RATE * asked.speed / Options.speed
    with tempfile.TemporaryDirectory(prefix="orderwing-demos-") as directory:
        report, log = Path(directory, "report.json"), Path(directory, "log")
        command = [sys.executable, "-m", "orderwing", "demo", "--no-ui", "--seed", f"{seed}", "--report", f"{report}"]
        command += ["--orders", f"{asked.orders}", "--rate", f"{rate:g}", "--speed", f"{asked.speed:g}"]
        command += ["--policy", f"{asked.against.resolve()}"] if rule == "plain" else []
        demo = ChildProcess(command, log=log)
        try:
            demo.wait(_DEADLINE_S)
        except TimeoutError:
            raise OperatorError(f"The demo of seed {seed} takes longer than {_DEADLINE_S:g} s.") from None
        finally:
            demo.stop()
        written = report.read_text("utf-8") if report.exists() else ""
        if not written:
            last = " / ".join(log.read_text("utf-8", "replace").strip().splitlines()[-_LINES:])
            raise OperatorError(f"The demo of seed {seed} made no report: {last}")
    told: Report = json.loads(written)
    return told


def sheets(told: Sequence[Pair]) -> Iterator[Sheet]:
    """Raises ValueError without any pair."""
    plain, ours = _sums([pair.plain for pair in told]), _sums([pair.ours for pair in told])
    better = {
        "cost": _of(pair.cheaper for pair in told),
        "promise kept": _of(pair.kept_no_worse for pair in told),
        "orders with a plan": _of(pair.same_goods for pair in told),
    }
    rows = [(name, plain[name], ours[name], better.get(name, "")) for name in plain]
    title = f"The demo by the plain rule and by the rule in use, seeds {told[0].seed} to {told[-1].seed}"
    yield Sheet(title, ("figure", "plain", "in use", "better, no worse or same on"), rows)
    each = ("seed", "rule", "orders", "units", "cost", "parcels", "promise", "late", "dock", "verdict")
    by_seed = [_row(pair.seed, *named) for pair in told for named in (("plain", pair.plain), ("in use", pair.ours))]
    yield Sheet("The same by seed", each, by_seed)


def _of(marks: Iterable[bool]) -> str:
    told = list(marks)
    return f"{sum(told)} of {len(told)}"


def _sums(reports: Sequence[Report]) -> dict[str, str]:
    late, dock = (sum(counts) for counts in zip(*map(_late, reports), strict=True))
    return {
        "cost": f"{fmean(report['cost_minor_per_order'] for report in reports):.1f}",
        "parcels": f"{fmean(report['parcels_per_order'] for report in reports):.3f}",
        "promise kept": f"{fmean(report['promise_kept'] for report in reports):.2%}",
        "late": f"{late}",
        "dock": f"{dock}",
        "orders with a plan": f"{sum(report['planned']['orders'] for report in reports):,}",
        "units in them": f"{sum(report['planned']['units'] for report in reports):,}",
        "delivered": f"{sum(report['states'].get('delivered', 0) for report in reports):,}",
        "looks an order": f"{fmean(report['reoptimizer']['looks_per_order'] for report in reports):.2f}",
        "saved by the re-optimizer": f"{sum(report['reoptimizer']['saved_minor'] for report in reports):,}",
        "clean": _of(not failed(report) for report in reports),
    }


def _row(seed: int, rule: str, report: Report) -> tuple[str, ...]:
    return (
        f"{seed}",
        rule,
        *(f"{report['planned'][name]:,}" for name in ("orders", "units")),
        f"{report['cost_minor_per_order']:.1f}",
        f"{report['parcels_per_order']:.3f}",
        f"{report['promise_kept']:.2%}",
        *map(str, _late(report)),
        _verdict(report),
    )


def _late(report: Report) -> tuple[int, int]:
    """Parcels late by our doing, and by what happened once they were released in time."""
    ours = sum(report["promise_missed"].get(cause, 0) for cause in _OURS)
    return ours, sum(report["promise_missed"].values()) - ours


def _verdict(report: Report) -> str:
    broken = {name: report[name] for name in PROMISES if report[name]}
    return ", ".join(f"{name} {n}" for name, n in broken.items()) or "clean"
