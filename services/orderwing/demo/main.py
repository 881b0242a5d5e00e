"""The demo from its first line to its last."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from rich.console import Console

from orderwing.demo.invoices import count_invoices
from orderwing.demo.options import DEFAULT_ORDERS, Options
from orderwing.demo.phases import Phases
from orderwing.demo.product import Product
from orderwing.demo.report import failed, report_of, verdict_on
from orderwing.demo.run import run_demo
from orderwing.demo.rundir import RunDirectory, run_directory
from orderwing.demo.screen import Lines, Screen, died, print_summary
from orderwing.runtime.screen import progress_bars
from orderwing.runtime.tracing_read import traced_orders

Told = Callable[[dict[str, Any]], None]


def main(options: Options, began_s: float, tell: Told) -> bool:
    """Whether the run kept every promise; `tell` gets its figures. Raises OperatorError and EmbeddedError."""
    console = Console()
    with run_directory(options.keep) as directory:
        try:
            sound = _run(options, directory, console, began_s, tell)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if directory.tells_of(error):
                directory.keep()
            raise
        if not sound or options.traced is not None:
            directory.keep()
        if directory.kept:
            console.print(f"Data, logs and books are in {directory.path}.", highlight=False, soft_wrap=True)
    return sound


def _run(options: Options, directory: RunDirectory, console: Console, began_s: float, tell: Told) -> bool:
    show = Screen(console) if options.screen and console.is_terminal else Lines(console)
    phases = Phases(began_s)
    with progress_bars() as progress:
        product = Product(
            directory,
            seed=options.seed,
            without=() if options.reoptimizer else ("reoptimizer",),
            also=("steering",) if options.steering else (),
            environment={**_telemetry(options.traced), **_steering(options)},
            progress=progress,
            died=died(show),
        ).start()
    phases.ended("servers")
    with product:
        try:
            outcome = run_demo(options, directory, product, show, phases)
        finally:
            show.close()
        show.step("Stop the services and audit the run")
        product.stop_services()
        phases.ended("stopping")
        verdict = verdict_on(outcome.feed, product.broker.bootstrap, directory)
        phases.ended("audit")
    invoices = None if options.retail is None else count_invoices(options.retail, options.orders_wanted)
    policy = None if options.policy is None else options.policy.policy
    report = report_of(outcome, verdict, directory.input, phases, invoices, policy)
    print_summary(console, report, verdict, time.monotonic() - began_s)
    tell(report)
    if options.traced is not None:
        _tell_traces(directory, console)
    if not outcome.drained:
        console.print("Not everything came to rest in time.", style="red")
    return outcome.drained and not failed(report)


def _steering(options: Options) -> Mapping[str, str]:
    """The shop opens with stock for all its orders: so long that has to last."""
    if not options.steering:
        return {}
    minutes = ceil((options.orders_wanted or DEFAULT_ORDERS) / options.orders_a_second * options.speed / 60)
    told = {"EVERY_MINUTES": 5, "EVERY_ORDERS": 100, "HALF_LIFE_MINUTES": 60, "HORIZON_MINUTES": minutes}
    return {f"ORDERWING_STEERING_{name}": str(value) for name, value in told.items()}


def _telemetry(ratio: float | None) -> Mapping[str, str]:
    if ratio is None:
        return {}
    return {"ORDERWING_TELEMETRY_EXPORTER": "file", "ORDERWING_TELEMETRY_RATIO": str(ratio)}


def _tell_traces(directory: RunDirectory, console: Console) -> None:
    traced = list(dict.fromkeys(traced_orders(directory.services)))
    console.print(f"Traces of {len(traced)} orders are in {directory.services}.", highlight=False, soft_wrap=True)
    if traced:
        command = f"orderwing trace {traced[0]} --dir {directory.services}"
        console.print(f"A journey: {command}", highlight=False, soft_wrap=True, markup=False)
