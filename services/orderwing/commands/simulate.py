"""`orderwing simulate`: the whole pipeline from a seed, with every fault a cluster can have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from orderwing.commands.console import fail
from orderwing.simulation.plants import PLANTS

if TYPE_CHECKING:  # the world brings solvers, which every other command would load too
    from orderwing.simulation.coverage import Coverage
    from orderwing.simulation.world import Outcome


def simulate(
    seed: Annotated[int | None, typer.Option(help="One seed; replays bit for bit.")] = None,
    seeds: Annotated[str, typer.Option(help="A range of seeds, FIRST-LAST.")] = "0-19",
    orders: Annotated[int, typer.Option(min=1, help="Orders of a run.")] = 50,
    fault_rate: Annotated[float, typer.Option(min=0, max=1, help="Chance that a call of a bus is interrupted.")] = 0.01,
    plant: Annotated[str | None, typer.Option(help=f"A defect to find: {', '.join(PLANTS)}.")] = None,
    joined: Annotated[bool, typer.Option("--joined", help="Transfers join the sites of a region.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Run seeds; exit 1 if one of them loses, doubles, oversells or strands anything."""
    from orderwing.simulation.coverage import Coverage

    if plant is not None and plant not in PLANTS:
        fail(f"There is no defect {plant!r} to plant; there are {', '.join(PLANTS)}.")
    chosen = range(seed, seed + 1) if seed is not None else seed_range(seeds)
    console = Console()
    coverage, failed = Coverage(joined=joined), []
    outcomes = _run(chosen, orders, fault_rate, plant, joined, jobs)
    for outcome in track(outcomes, "Simulating", total=len(chosen), console=console, transient=True):
        coverage.add(outcome)
        if outcome.failures:
            failed.append(outcome)
    console.print(_table(coverage))
    for outcome in failed[:10]:
        console.print(f"[red]seed {outcome.seed}[/]: {len(outcome.failures)} violations; the first:")
        for failure in outcome.failures[:3]:
            console.print(f"  {failure}", highlight=False, soft_wrap=True)
        console.print(
            f"  replay: [bold]{replay_command(outcome.seed, orders, fault_rate, plant, joined)}[/]",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"{coverage.runs} runs, {coverage.orders} orders, {len(failed)} runs failed.")
    if failed:
        raise typer.Exit(1)


def replay_command(seed: int, orders: int, fault_rate: float, plant: str | None, joined: bool = False) -> str:
    planted = f' --plant "{plant}"' if plant else ""
    planted += " --joined" if joined else ""
    return f"./orderwing simulate --seed {seed} --orders {orders} --fault-rate {fault_rate:g}{planted}"


def seed_range(text: str) -> range:
    """Fails for what is no FIRST-LAST."""
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        fail(f"--seeds {text} is no range: write FIRST-LAST, as in 0-999.")
    return range(int(first), int(last) + 1)


def _run(seeds: range, orders: int, fault_rate: float, plant: str | None, joined: bool, jobs: int) -> Iterator[Outcome]:
    from orderwing.simulation.world import simulate as simulate_seed
    from orderwing.simulation.world import spare_collector

    if jobs == 1 or len(seeds) == 1:
        yield from (simulate_seed(seed, orders, fault_rate, plant, joined) for seed in seeds)
        return
    count = len(seeds)
    with ProcessPoolExecutor(jobs, initializer=spare_collector) as pool:
        same = [[one] * count for one in (orders, fault_rate, plant, joined)]
        yield from pool.map(simulate_seed, seeds, *same, chunksize=4)


def _table(coverage: Coverage) -> Table:
    table = Table(title="What was covered", show_edge=False)
    table.add_column("kind")
    table.add_column("times", justify="right")
    for kind in coverage.kinds.faults:
        table.add_row(f"fault: {kind}", str(coverage.faults[kind]))
    for name in coverage.kinds.exits:
        table.add_row(f"exit: {name}", str(coverage.exits[name]))
    for transition in coverage.kinds.transitions:
        machine, state, happening = transition
        table.add_row(f"transition: {machine} {state} + {happening}", str(coverage.transitions[transition]))
    return table
