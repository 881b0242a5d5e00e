"""The command line: every group of commands is added by one line."""

from pathlib import Path
from typing import Annotated

import typer

import orderwing
from orderwing.commands import (
    api,
    bench,
    config,
    dashboards,
    dead_letters,
    distances,
    market,
    network,
    order,
    policy,
    reviews,
    schemas,
    topics,
)
from orderwing.commands.audit import audit
from orderwing.commands.demo import demo
from orderwing.commands.explain import explain
from orderwing.commands.produce import produce
from orderwing.commands.servers import servers
from orderwing.commands.service import service
from orderwing.commands.simulate import simulate
from orderwing.commands.solve import solve
from orderwing.commands.trace import trace
from orderwing.composition import SERVICES
from orderwing.runtime.settings import CommandLine, use_command_line

app = typer.Typer(
    name="orderwing",
    help="Order management on Apache Kafka, exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def given(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="A file of settings, in TOML.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", help="A setting: section.key=value; repeatable.")] = None,
) -> None:
    use_command_line(CommandLine(config, tuple(values or ())))
    context.call_on_close(lambda: use_command_line(CommandLine()))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(orderwing.__version__)


# A single command: app.command()(function). A group: app.add_typer(group.app, name="group").
app.command()(audit)
app.command()(demo)
app.command()(explain)
app.command()(produce)
app.command()(servers)
app.command(epilog=f"Services: {', '.join(SERVICES)}.")(service)
app.command()(simulate)
app.command()(solve)
app.command()(trace)
app.add_typer(api.app, name="api")
app.add_typer(bench.app, name="bench")
app.add_typer(config.app, name="config")
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(distances.app, name="distances")
app.add_typer(market.app, name="market")
app.add_typer(network.app, name="network")
app.add_typer(order.app, name="order")
app.add_typer(order.views_app, name="views")
app.add_typer(policy.app, name="policy")
app.add_typer(reviews.app, name="reviews")
app.add_typer(schemas.app, name="schemas")
app.add_typer(topics.app, name="topics")


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="orderwing")
