"""`orderwing market`: a made-up shop on any cluster."""

import signal
import threading
from typing import Annotated

import typer

from orderwing.commands.console import configured, fail, reached
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.topics_admin import TopicsAdmin

app = typer.Typer(help="A made-up shop and its stock, to try a cluster with.", no_args_is_help=True)
Rate = Annotated[float, typer.Option(min=0.01, max=5000, help="Orders a second.")]


@app.command("open")
def open_(
    rate: Rate = 2.0,
    speed: Annotated[float, typer.Option(min=0.001, max=3600, help="Domain seconds a second.")] = 60.0,
) -> None:
    """Make the topics, fix the clock, publish network and catalogue, deliver the first stock: once, again no harm."""
    from orderwing.demo.market import open_market

    try:
        settings = configured()
        reached(settings.kafka)
        TopicsAdmin.of(settings).apply()
        settings.runtime.run_dir.mkdir(parents=True, exist_ok=True)
        opened = open_market(settings.kafka, settings.runtime.run_dir, rate, speed)
    except OperatorError as error:
        fail(str(error))
    typer.echo("The market is open." if opened else "The market was open already.")


@app.command()
def stream(
    rate: Rate = 2.0,
    orders: Annotated[int | None, typer.Option(min=1, help="So many; else until it is stopped.")] = None,
) -> None:
    """Send made-up orders, and keep a copy of all that was sent in the run directory, for `orderwing audit`."""
    from orderwing.demo.market import stream_orders

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = configured()
        settings.runtime.run_dir.mkdir(parents=True, exist_ok=True)
        placed = stream_orders(
            reached(settings.kafka),
            settings.runtime.run_dir,
            rate,
            settings.runtime.seed,
            stop,
            lambda n: typer.echo(f"placed {n}"),
            orders,
        )
    except OperatorError as error:
        fail(str(error))
    typer.echo(f"Placed {placed} in all.")
