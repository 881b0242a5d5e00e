"""`orderwing demo`: the whole product in one line."""

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwing.commands.console import INTERRUPTED, fail, loading

if TYPE_CHECKING:  # YAML and planning, which every other command would load too
    from orderwing.planning.policies.file import Parsed


def demo(
    orders: Annotated[int | None, typer.Option(min=1, help="How many; of a file all, if not said.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same orders.")] = 1,
    rate: Annotated[float | None, typer.Option(min=0.01, max=5000, help="Orders a second.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, max=3600, help="Domain seconds a second.")] = 60.0,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Plain lines instead of a live screen.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data, and go on with it next time.")] = False,
    without_reoptimizer: Annotated[bool, typer.Option("--without-reoptimizer", help="For comparison.")] = False,
    steering: Annotated[
        bool, typer.Option("--steering", help="Steer by prices of stock, made as the day goes.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write the figures to this file as JSON.")] = None,
    online_retail: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="Real orders: the UCI Online Retail file (.xlsx, .csv, .parquet).",
        ),
    ] = None,
    trace: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="RATIO", help="Trace a share of the orders."),
    ] = None,
    duration_s: Annotated[float | None, typer.Option(min=1, help="Stop placing orders after so long.")] = None,
    policy: Annotated[Path | None, typer.Option(help="A sourcing policy, in force from the first order on.")] = None,
) -> None:
    """Run broker, Redis and every service, stream orders until all are delivered or rest, and audit the run.

    Exit status 1 if anything is lost, doubled, oversold, stuck or wrong in any other way.
    """
    began_s = time.monotonic()
    with loading():
        from orderwing.demo.main import main
        from orderwing.demo.options import Options
        from orderwing.runtime.embedded.errors import EmbeddedError
        from orderwing.runtime.errors import OperatorError

    options = Options(
        policy=None if policy is None else _policy(policy),
        orders=orders,
        seed=seed,
        rate=rate,
        speed=speed,
        screen=not no_ui,
        keep=keep,
        reoptimizer=not without_reoptimizer,
        steering=steering,
        report=report,
        retail=online_retail,
        duration_s=duration_s,
        traced=trace,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if report is not None:
            _require_writable(report)
        sound = main(options, began_s, lambda figures: _write(report, figures))
    except (EmbeddedError, OperatorError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing runs any more.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if sound else 1)


def _policy(file: Path) -> "Parsed":
    from orderwing.commands.policy_log import read_policy_file
    from orderwing.commands.policy_warnings import warnings
    from orderwing.runtime.errors import OperatorError

    try:
        parsed = read_policy_file(file)
    except OperatorError as error:
        fail(str(error))
    for warning in warnings(parsed.policy):
        typer.echo(f"orderwing: {warning}", err=True)
    return parsed


def _require_writable(report: Path) -> None:
    try:
        report.open("a").close()
    except OSError as error:
        fail(f"{report} cannot be written: {error.strerror}.")


def _write(report: Path | None, figures: dict[str, Any]) -> None:
    if report is not None:
        report.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
