"""`orderwing policy`: check a policy file, compare two, try one on the last orders, and put one in force."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderwing.commands.console import fail, listening
from orderwing.runtime.errors import OperatorError

if TYPE_CHECKING:  # solvers, which every other command would load too
    from orderwing.commands.policy_orders import Orders
    from orderwing.planning.policies.comparing import Change, Comparison, Figures
    from orderwing.planning.policies.compiling import Compiled
    from orderwing.planning.policies.file import Parsed
    from orderwing.planning.policies.replay import Outcome
    from orderwing_schemas.network import Network

app = typer.Typer(help="Sourcing policies: check, compare, try on past orders, put in force.", no_args_is_help=True)
DEMO = "demo"
PolicyFile = Annotated[Path, typer.Argument(help="A policy, YAML or JSON.")]
NetworkFile = Annotated[str, typer.Option("--network", help=f"A network file, or `{DEMO}` for the demo's market.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(file: PolicyFile, network: NetworkFile) -> None:
    """Say what is wrong in a policy file, or with it on a network; exit 1 if anything is."""
    policy = _compiled(_read(file), _network(network))
    names = ", ".join(one.name for one in policy.policy.strategies) or "none"
    typer.echo(f"{policy.label} can be used; its strategies, in this order: {names}.")


@app.command()
def diff(old: PolicyFile, new: PolicyFile, as_json: AsJson = False) -> None:
    """Print what differs between two policies, field by field, strategies by their names."""
    from orderwing.planning.policies.changes import differences

    found = differences(_read(old).policy, _read(new).policy)
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], indent=2))
    elif not found:
        typer.echo("They say the same.")
    else:
        rows = [(one.field, _short(one.before), _short(one.after)) for one in found]
        Console().print(_table("", ("field", str(old), str(new)), rows))


@app.command()
def load(file: PolicyFile) -> None:
    """Put a policy in force in every partition: reservation decides by it from then on."""
    from orderwing.commands.policy_log import publish_policy
    from orderwing.commands.policy_warnings import warnings

    parsed = _read(file)
    try:
        changed = publish_policy(listening(), parsed)
    except OperatorError as error:
        fail(str(error))
    for warning in warnings(parsed.policy):
        typer.echo(f"orderwing: {warning}", err=True)
    label = f"{parsed.policy.policy} v{parsed.policy.version}"
    typer.echo(f"{label} is in force." if changed else f"{label} is in force already.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Print which policy is in force, and whether it goes with the network."""
    from orderwing.commands.policy_log import read_policy

    try:
        state = read_policy(listening())
    except OperatorError as error:
        fail(str(error))
    last = state.last
    if last is None or not last.in_force:
        label = "" if last is None else f" {last.policy.policy} v{last.policy.version} was taken back."
        if as_json:
            typer.echo("null")
        else:
            typer.echo(f"No policy is in force: the network's rules decide.{label}")
        return
    if as_json:
        typer.echo(last.policy.model_dump_json(indent=2, exclude_defaults=True))
        return
    names = ", ".join(one.name for one in last.policy.strategies) or "none"
    typer.echo(f"{last.policy.policy} v{last.policy.version} is in force; its strategies, in this order: {names}.")
    if state.unusable:
        fail(f"The network's rules decide all the same: {state.unusable}. Load a policy that goes with it.")


@app.command()
def withdraw() -> None:
    """Take back the policy in force: the network's rules decide from then on."""
    from orderwing.commands.policy_log import withdraw_policy

    try:
        taken = withdraw_policy(listening())
    except OperatorError as error:
        fail(str(error))
    if taken is None:
        typer.echo("No policy is in force.")
    else:
        typer.echo(f"{taken.policy} v{taken.version} is taken back: the network's rules decide.")


@app.command("try")
def try_(
    file: PolicyFile,
    against: Annotated[Path | None, typer.Option(help="Another policy; else the network's own rules.")] = None,
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="The last so many orders.")] = 500,
    cluster: Annotated[bool, typer.Option("--cluster", help="Orders of this cluster, and the stock they saw.")] = False,
    seed: Annotated[int, typer.Option(help="Of made-up orders, without --cluster.")] = 0,
    network: Annotated[str | None, typer.Option(help="Another network file than the cluster's or the demo's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Source the last orders again by a policy, and print what would have been otherwise. Nothing is changed."""
    from orderwing.planning.policies.comparing import compare
    from orderwing.planning.policies.compiling import network_rules

    found = _orders(cluster, orders, seed, None if network is None else _network(network))
    before = network_rules(found.network) if against is None else _compiled(_read(against), found.network)
    after = _compiled(_read(file), found.network)
    outcomes = [_replayed(policy, found) for policy in (before, after)]
    comparison = compare(*outcomes)
    if as_json:
        typer.echo(json.dumps(_as_json(before, after, found, comparison), indent=2))
    else:
        labels = "network's rules" if against is None else before.label, after.label
        _print(comparison, labels, found, Console())


def _replayed(policy: Compiled, found: Orders) -> list[Outcome]:
    from orderwing.planning.policies.replay import replay

    items = {item.sku: item for item in found.items}
    return list(replay(policy, found.moments, items.get))


def _read(file: Path) -> Parsed:
    from orderwing.commands.policy_log import read_policy_file

    try:
        return read_policy_file(file)
    except OperatorError as error:
        fail(str(error))


def _compiled(parsed: Parsed, network: Network) -> Compiled:
    from orderwing.planning.policies.compiling import compiled
    from orderwing.planning.policies.file import PolicyError

    try:
        return compiled(parsed, network)
    except PolicyError as error:
        fail(str(error))


def _network(given: str) -> Network:
    from orderwing.commands.network import require_prices
    from orderwing.runtime.publish import read_network_file
    from orderwing.shop.demo_network import demo_network

    if given == DEMO:
        return demo_network()
    try:
        network = read_network_file(Path(given))
        require_prices(network, ())
        return network
    except OperatorError as error:
        fail(str(error))


def _orders(cluster: bool, orders: int, seed: int, network: Network | None) -> Orders:
    from orderwing.commands.policy_orders import made_up, of_cluster

    try:
        return of_cluster(listening(), orders, network) if cluster else made_up(orders, seed, network)
    except OperatorError as error:
        fail(str(error))


def _print(found: Comparison, labels: tuple[str, str], orders: Orders, console: Console) -> None:
    console.print(Text(f"{orders.told}: {found.changed} change, {found.other_sites} of them ship from elsewhere."))
    console.print(_table("", ("", *labels, "change"), _figures(found.before, found.after)))
    loads = [(one.site_id, str(one.before), str(one.after), f"{one.after - one.before:+}") for one in found.site_loads]
    console.print(_table("Units from each site", ("site", *labels, "change"), loads))
    used = [(name or "none: no price", str(count)) for name, count in found.strategies]
    console.print(_table("Strategies used", ("strategy", "orders"), used))
    if found.largest:
        console.print(
            _table("The largest changes", ("order", *labels, "cost", "strategy"), map(_change, found.largest))
        )


def _figures(before: Figures, after: Figures) -> Iterator[tuple[str, ...]]:
    shown: tuple[tuple[str, Callable[[Figures], float], float, int], ...] = (
        ("cost of an order", lambda f: f.cost_per_order, 100, 2),
        ("cost of a unit shipped", lambda f: f.cost_per_unit, 100, 2),
        ("parcels of an order", lambda f: f.parcels_per_order, 1, 3),
        ("sites of an order", lambda f: f.sites_per_order, 1, 3),
        ("hours to arrival", lambda f: f.hours_to_arrival, 1, 2),
        ("in time, %", lambda f: f.in_time_percent, 1, 1),
        ("orders with units that wait", lambda f: f.short_orders, 1, 0),
        ("units that wait", lambda f: f.short_units, 1, 0),
        ("orders of which nothing ships", lambda f: f.nothing_ships, 1, 0),
    )
    for name, value, by, digits in shown:
        old, new = value(before) / by, value(after) / by
        yield name, f"{old:.{digits}f}", f"{new:.{digits}f}", f"{new - old:+.{digits}f}"


def _change(one: Change) -> tuple[str, ...]:
    return one.order_id, _way(one.before), _way(one.after), f"{one.cost_minor / 100:+.2f}", one.after.strategy


def _way(one: Outcome) -> str:
    waits = f", {one.short_units} wait" if one.short_units else ""
    parcels = "1 parcel" if one.parcels == 1 else f"{one.parcels} parcels"
    return f"{one.sites}: {one.cost_minor / 100:.2f}, {parcels}{waits}"


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(title=title or None, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(Text(column), overflow="fold", justify="left" if place == 0 else "default")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # ids are data, never markup
    return table


def _short(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _as_json(before: Compiled, after: Compiled, orders: Orders, found: Comparison) -> dict[str, Any]:
    return {
        "orders": orders.told,
        "before": {"policy": before.label, **found.before._asdict()},
        "after": {"policy": after.label, **found.after._asdict()},
        "changed": found.changed,
        "other_sites": found.other_sites,
        "strategies": dict(found.strategies),
        "site_loads": [one._asdict() for one in found.site_loads],
        "largest": [
            {
                "order_id": one.order_id,
                "cost_minor": one.cost_minor,
                "before": one.before._asdict(),
                "after": one.after._asdict(),
            }
            for one in found.largest
        ],
    }
