"""`orderwing servers`: a broker and a Redis in the foreground."""

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from orderwing.commands.console import fail
from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.server import EmbeddedServer
from orderwing.runtime.screen import progress_bars


def servers(
    data: Annotated[Path, typer.Option(help="Where the servers keep their data.")] = Path(".orderwing"),
    kafka_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9092,
    redis_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 6379,
) -> None:
    """Run the embedded broker and Redis until Ctrl-C."""
    from orderwing.runtime.embedded.broker import EmbeddedBroker
    from orderwing.runtime.embedded.redis import EmbeddedRedis

    try:
        with ExitStack() as stack:
            with progress_bars() as progress:
                redis = stack.enter_context(EmbeddedRedis(data / "redis", redis_port, progress=progress))
                broker = stack.enter_context(EmbeddedBroker(data / "kafka", kafka_port, progress=progress))
            stopped = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopped.set())
            typer.echo(f"Kafka {broker.bootstrap}\nRedis {redis.url}\nCtrl-C stops both.")
            _await(stopped, redis, broker)
    except EmbeddedError as error:
        fail(str(error))
    except OSError as error:  # of their directories
        fail(f"{error.filename or data} cannot be used: {error.strerror}; name another directory with --data.")
    typer.echo("Stopped.")


def _await(stopped: threading.Event, *servers: EmbeddedServer) -> None:
    while not stopped.wait(0.5):
        for server in servers:
            if not server.running:
                raise EmbeddedError(f"{server.name} ended by itself: see {server.log_file}.")
