"""`orderwing bench`: how fast the product is, as a ratio to bare Kafka on the same machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderwing.commands.console import fail
from orderwing.runtime.screen import print_table, progress_bars
from orderwing.runtime.settings import load

if TYPE_CHECKING:
    from orderwing.bench.report import Sheet

app = typer.Typer(help="Measure the product.", no_args_is_help=True)
_RETAIL = Path("online_retail", "online_retail.parquet")


@app.command()
def pipeline(
    orders: Annotated[int, typer.Option(min=1, help="Fed at once; part c takes a quarter.")] = 10_000,
    seconds: Annotated[float, typer.Option(min=0, help="How long orders come at the fixed rate.")] = 20.0,
    rate: Annotated[float, typer.Option(min=1, help="The fixed rate, orders a second.")] = 500.0,
    part: Annotated[list[str] | None, typer.Option(help="a, b, c or d; may be repeated. All, if not said.")] = None,
    restore_rows: Annotated[int, typer.Option(min=0, help="Rows to restore; 0 leaves that out.")] = 1_000_000,
    partitions: Annotated[int, typer.Option(min=1, max=1000, help="Of every topic; each stage is one process.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the tables to this file as Markdown.")] = None,
    profile: Annotated[str | None, typer.Option(help="Run this service under cProfile.")] = None,
) -> None:
    """From placed to allocated, beside a bare chain of as many exactly-once copies, on one embedded broker."""
    from orderwing.bench.machine import facts
    from orderwing.bench.main import bench
    from orderwing.bench.options import PARTS, Options
    from orderwing.bench.report import sheets
    from orderwing.runtime.embedded.errors import EmbeddedError
    from orderwing.runtime.errors import OperatorError

    parts = tuple(sorted(part or PARTS))
    if unknown := set(parts) - set(PARTS):
        fail(f"There is no part {min(unknown)}; there are {', '.join(PARTS)}.")
    told = facts(shlex.join(["orderwing", *sys.argv[1:]]))
    options = Options(orders, seconds, rate, parts, _retail_file(), restore_rows, partitions, profile)
    try:
        with progress_bars() as progress:
            results, restored = bench(options, progress, lambda text: typer.echo(text, err=True))
    except (EmbeddedError, OperatorError) as error:
        fail(str(error))
    _tell(told, sheets(results, restored, rate), out)


def _tell(told: Mapping[str, str], tables: Iterable[Sheet], out: Path | None, *heading: str) -> None:
    """`heading`: title and text of the file, if not those of the pipeline."""
    from orderwing.bench.report import markdown

    tables = list(tables)
    for name, value in told.items():
        typer.echo(f"{name}: {value}")
    for table in tables:
        typer.echo(f"\n{table.title}")
        print_table(table.columns, table.rows)
    if out is not None:
        out.write_text(markdown(told, tables, *heading), "utf-8")


def _data() -> Path:
    """ORDERWING_BENCH_DATA, by default `../shared/data` beside the project."""
    return load().bench.data or Path(__file__).resolve().parents[3].parent / "shared" / "data"


def _retail_file() -> Path | None:
    file = _data() / _RETAIL
    return file if file.is_file() else None


@app.command()
def stages(
    orders: Annotated[int, typer.Option(min=1, help="A quarter of them with the real file's baskets.")] = 2_000,
    repetitions: Annotated[int, typer.Option(min=1, help="Medians are told.")] = 3,
    profile: Annotated[str | None, typer.Option(help="Show the hot functions of this stage instead.")] = None,
    policy: Annotated[Path | None, typer.Option(help="A sourcing policy that is in force.")] = None,
) -> None:
    """What each stage's decisions cost in CPU, in one process and without a broker."""
    from orderwing.bench.stages import hot_functions, markets, measure, table
    from orderwing.commands.policy_log import read_policy_file
    from orderwing.runtime.errors import OperatorError

    try:
        rules = None if policy is None else read_policy_file(policy).policy
        for title, made in markets(orders, _retail_file()):
            market = replace(made, policy=rules)
            if profile is not None:
                typer.echo(hot_functions(market, profile))
                continue
            sheet = table(title, market, measure(market, repetitions))
            typer.echo(f"\n{sheet.title}")
            print_table(sheet.columns, sheet.rows)
    except OperatorError as error:
        fail(str(error))


@app.command()
def gateway(
    requests: Annotated[int, typer.Option(min=1, help="Of each way, a round.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Medians are told.")] = 10,
) -> None:
    """What a payment request costs in CPU, beside the bare HTTP library, without a broker."""
    from orderwing.bench.gateway import measure
    from orderwing.runtime.errors import OperatorError

    try:
        sheet = measure(requests, rounds)
    except OperatorError as error:
        fail(str(error))
    typer.echo(sheet.title)
    print_table(sheet.columns, sheet.rows)


@app.command()
def peers(
    messages: Annotated[int, typer.Option(min=1, help="How many are there before a peer starts.")] = 100_000,
    rate: Annotated[float, typer.Option(min=1, help="The fixed rate, messages a second.")] = 500.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long messages come at it.")] = 10.0,
    rows: Annotated[int, typer.Option(min=0, help="Rows to restart with; 0 leaves that out.")] = 100_000,
    kills: Annotated[int, typer.Option(min=0, help="How often each is killed; 0 leaves that out.")] = 10,
    settings: Annotated[int, typer.Option(min=1, max=3, help="How many commit settings of each are tried.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="How often each runs at once by its fastest setting.")] = 3,
    peer: Annotated[list[str] | None, typer.Option(help="May be repeated. All, if not said.")] = None,
    quick: Annotated[bool, typer.Option(help="Small numbers and one commit setting: does it work?")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the tables to this file as Markdown.")] = None,
) -> None:
    """The same work on our runner, faust-streaming, quixstreams and a bare loop, on one embedded broker."""
    from orderwing.bench.machine import facts
    from orderwing.bench.peers.contenders import CONTENDERS
    from orderwing.bench.peers.main import compare
    from orderwing.bench.peers.options import Options
    from orderwing.bench.peers.report import ABOUT, TITLE, sheets, summary, versions
    from orderwing.runtime.embedded.errors import EmbeddedError
    from orderwing.runtime.errors import OperatorError

    names = tuple(name for name in CONTENDERS if not peer or name in peer)
    if unknown := set(peer or ()) - set(CONTENDERS):
        fail(f"There is no peer {min(unknown)}; there are {', '.join(CONTENDERS)}.")
    options = Options(messages, rate, seconds, rows, kills, settings, rounds, names)
    options = options.quick() if quick else options
    told = facts(shlex.join(["orderwing", *sys.argv[1:]]))
    try:
        with progress_bars() as progress:
            results = compare(options, progress, lambda result: typer.echo(summary(result), err=True))
    except (EmbeddedError, OperatorError) as error:
        fail(str(error))
    _tell({**told, **versions(results)}, sheets(results, options), out, TITLE, ABOUT)


@app.command()
def decisions(
    subset: Annotated[list[str] | None, typer.Option(help="May be repeated. All, if not said.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds of what is random.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="For one solve, where time bounds it.")] = 10.0,
    quick: Annotated[bool, typer.Option(help="Few and small cases: does it work?")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the tables to this file as Markdown.")] = None,
) -> None:
    """What decisions cost and how good they are, beside the best that others have."""
    from orderwing.bench.decisions.main import ABOUT, SUBSETS, TITLE, Options, measure
    from orderwing.bench.machine import facts
    from orderwing.runtime.errors import OperatorError

    names = tuple(name for name in SUBSETS if not subset or name in subset)
    if unknown := set(subset or ()) - set(SUBSETS):
        fail(f"There is no subset {min(unknown)}; there are {', '.join(SUBSETS)}.")
    told = facts(shlex.join(["orderwing", *sys.argv[1:]]), ("numpy", "scipy", "ortools", "pyvrp"))
    try:
        with progress_bars() as progress:
            data = _data() if _data().is_dir() else None
            tables = list(measure(names, Options(data, seeds, seconds, quick, progress)))
    except OperatorError as error:
        fail(str(error))
    _tell(told, tables, out, TITLE, ABOUT)


@app.command()
def demos(
    seeds: Annotated[str, typer.Option(help="A range of seeds, FIRST-LAST.")] = "0-9",
    orders: Annotated[int, typer.Option(min=1, help="Of each demo.")] = 300,
    speed: Annotated[float, typer.Option(min=1, max=480, help="Domain seconds a second; a demo has 60.")] = 90.0,
    against: Annotated[Path | None, typer.Option(help="A policy, if not deploy/policies/plain-rule.yaml.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the tables to this file as Markdown.")] = None,
) -> None:
    """Whole demos on a real broker, by a plain rule and by the rule in use, one after the other."""
    from orderwing.bench.demos import ABOUT, PLAIN_RULE, TITLE, Asked, pairs, sheets
    from orderwing.bench.machine import facts
    from orderwing.commands.policy_log import read_policy_file
    from orderwing.commands.simulate import seed_range
    from orderwing.runtime.errors import OperatorError

    chosen = seed_range(seeds)
    file = against or Path(__file__).resolve().parents[3] / PLAIN_RULE
    told = facts(shlex.join(["orderwing", *sys.argv[1:]]))
    try:
        read_policy_file(file)  # before the first demo, not after it
        with progress_bars() as progress:
            results = list(pairs(Asked(chosen, file, orders, speed), progress, lambda text: typer.echo(text, err=True)))
    except OperatorError as error:
        fail(str(error))
    _tell(told, sheets(results), out, TITLE, ABOUT)
