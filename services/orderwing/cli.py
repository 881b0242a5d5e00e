"""The command line: every group of commands is added by one line."""

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

import orderwing

app = typer.Typer(
    name="orderwing",
    help="Order management on Apache Kafka, exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(orderwing.__version__)


@app.command()
def servers(
    data: Annotated[Path, typer.Option(help="Where the servers keep their data.")] = Path(".orderwing"),
    kafka_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9092,
    redis_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 6379,
) -> None:
    """Run the embedded broker and Redis until Ctrl-C."""
    from orderwing.runtime.embedded.broker import EmbeddedBroker
    from orderwing.runtime.embedded.errors import EmbeddedError
    from orderwing.runtime.embedded.redis import EmbeddedRedis
    from orderwing.runtime.screen import progress_bars

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with progress_bars() as progress:
            redis = EmbeddedRedis(data / "redis", redis_port, progress=progress).start()
            broker = EmbeddedBroker(data / "kafka", kafka_port, progress=progress).start()
    except EmbeddedError as error:
        fail(str(error))
    typer.echo(f"Kafka {broker.bootstrap}\nRedis {redis.url}\nCtrl-C stops both.")
    while not stopped.wait(0.5) and broker.running and redis.running:
        pass
    ended = [server for server in (broker, redis) if not server.running]
    broker.stop()
    redis.stop()
    if ended and not stopped.is_set():
        fail(f"{ended[0].name} ended by itself: see {ended[0].log_file}.")
    typer.echo("Stopped.")


def fail(message: str) -> None:
    """Print one sentence for the operator and exit with status 1."""
    typer.echo(f"orderwing: {message}", err=True)
    sys.exit(1)


def main() -> None:
    """The entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
