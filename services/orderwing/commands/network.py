"""`orderwing network`: the reference data that every partition has."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from orderwing.commands.console import cluster, fail
from orderwing.commands.policy_log import read_policy
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.publish import fix_clock, publish_reference, read_catalogue_file, read_network_file
from orderwing.runtime.publish_prices import publish_prices, read_price_file
from orderwing_schemas.network import Item, Network

NAMED = 5  # faults that an error names
app = typer.Typer(help="Network, catalogue and clock of the cluster.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Network, catalogue and clock of the cluster."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="The network as JSON: regions, sites, lanes, promotions, policies.")],
    catalogue: Annotated[Path, typer.Option(help="The catalogue: a JSON array of items.")],
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Domain seconds a second, fixed with the first load for ever.")
    ] = None,
) -> None:
    """Publish a network and a catalogue to every partition, and fix the cluster's clock."""
    try:
        network, items = read_network_file(file), read_catalogue_file(catalogue)
        require_prices(network, items)
        bootstrap = cluster()
        clock = fix_clock(bootstrap, speed, wall_ms=time.time_ns() // 1_000_000)
        changed = publish_reference(bootstrap, network, items)
        policy = read_policy(bootstrap)
    except OperatorError as error:
        fail(str(error))
    if doubtful := _doubtful(network, items):
        typer.echo(f"orderwing: these can hardly be meant: {_named(doubtful)}.", err=True)
    if unused := not_used_yet(network):
        typer.echo(f"orderwing: no stage uses these yet, `orderwing policy try` does: {', '.join(unused)}.", err=True)
    if policy.unusable:
        typer.echo(
            f"orderwing: {policy.unusable}. Until `orderwing policy load` puts one in force that goes with it, the "
            "network's rules decide.",
            err=True,
        )
    what = f"version {network.version}, {len(network.regions)} regions, {len(network.sites)} sites, {len(items)} items"
    typer.echo(f"{'Published' if changed else 'Already published'}: {what}. The clock runs at {clock.factor:g} x.")


def require_prices(network: Network, items: Sequence[Item]) -> None:
    """Raises OperatorError, which names the fields, where some order could not be priced or planned."""
    from orderwing.planning.sourcing.faults import unusable  # slow to load

    if wrong := unusable(network, items):
        raise OperatorError(f"Not every order could be priced and planned: {_named(wrong)}.")


def _doubtful(network: Network, items: Sequence[Item]) -> list[str]:
    from orderwing.planning.sourcing.faults import faults

    return faults(network, items)


def _named(wrong: Sequence[str]) -> str:
    more = f" (and {len(wrong) - NAMED} more)" if len(wrong) > NAMED else ""
    return f"{'; '.join(wrong[:NAMED])}{more}"


def not_used_yet(network: Network) -> list[str]:
    """Fields with a value that changes decisions of the library and of no stage."""
    given = {
        "policies.backorder_unit_minor": network.policies.backorder_unit_minor is not None,
    }
    return [field for field, value in given.items() if value]


@app.command()
def price(
    file: Annotated[Path, typer.Argument(help="Steering prices as JSON: version, currency, validity, prices.")],
) -> None:
    """Publish what decisions add for stock that later orders need more, to every partition."""
    try:
        prices = read_price_file(file)
        changed = publish_prices(cluster(), prices)
    except OperatorError as error:
        fail(str(error))
    typer.echo(
        f"{'Published' if changed else 'Already published'}: version {prices.version}, {len(prices.prices)} prices."
    )
