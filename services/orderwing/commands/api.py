"""`orderwing api`: the allocation engine over HTTP."""

import json
from typing import Annotated

import typer

from orderwing.commands.console import configured, fail
from orderwing.commands.road import road_distances
from orderwing.runtime.errors import OperatorError

app = typer.Typer(help="The allocation engine over HTTP.", no_args_is_help=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a problem, as `orderwing solve` reads it."""
    from orderwing.planning.fleet.document import FleetProblem

    typer.echo(json.dumps(FleetProblem.model_json_schema(), indent=2))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 in containers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    processes: Annotated[int, typer.Option(min=1, help="Searches that run at a time.")] = 2,
    waiting: Annotated[int, typer.Option(min=0, help="Searches that may wait for their turn.")] = 16,
) -> None:
    """Answer at /v1/allocations until SIGTERM or Ctrl-C; /docs tells how to ask."""
    from orderwing.api.server import is_loopback
    from orderwing.api.server import serve as listen
    from orderwing.runtime.health import process_health
    from orderwing.runtime.metrics import process_metrics

    metrics, health = process_metrics("solver"), process_health()
    health.set(True)
    try:
        settings = configured()
        token = None if settings.api.token is None else settings.api.token.get_secret_value()
        if token is None and not settings.api.open and not is_loopback(host):
            fail(
                f"Anybody who reaches {host} could ask without a token: give one (ORDERWING_API_TOKEN, or a file that "
                "ORDERWING_API_TOKEN_FILE names), or say that it is meant so (ORDERWING_API_OPEN=true)."
            )
        distances = road_distances(settings.distances, metrics)
        listen(
            host,
            port,
            processes,
            waiting,
            lambda address: typer.echo(f"Listening at {address}"),
            distances,
            lambda: metrics.exposition(health),
            token,
        )
    except OperatorError as error:
        fail(str(error))
