"""`orderwing order show` and `orderwing views rebuild`: what happened to an order."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from orderwing.commands.console import configured, fail
from orderwing.commands.tables import table
from orderwing.planning.explaining.words import moment, money
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.screen import progress_bars
from orderwing.views.facts import Fact
from orderwing.views.read import OrderView, Views

app = typer.Typer(help="Orders: what the views know of one.", no_args_is_help=True)
views_app = typer.Typer(help="The views in Redis.", no_args_is_help=True)
OrderId = Annotated[str, typer.Argument(help="The order's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Json = Mapping[str, Any]


@app.callback()
def group() -> None:
    """A group even while it has one command."""


@app.command()
def show(order_id: OrderId, as_json: AsJson = False) -> None:
    """Print an order's state, timeline, parts, shipments and payments."""
    try:
        with Views(configured().redis.url) as views:
            found = views.order(order_id)
    except OperatorError as error:
        fail(str(error))
    if found is None:
        fail(f"Nothing is known of an order {order_id}: is the id right, and does `orderwing service views` run?")
    if as_json:
        facts = [msgspec.structs.asdict(fact) for fact in found.facts]
        typer.echo(json.dumps({**asdict(found), "facts": facts}, indent=2))
        return
    _print_order(found, Console())


@views_app.callback()
def views_group() -> None:
    """A group even while it has one command."""


@views_app.command()
def rebuild() -> None:
    """Build the views again from the log, beside those that are read, and swap them once they have caught up."""
    from orderwing.views.store import RedisError
    from orderwing.views.worker import rebuild as build

    try:
        with progress_bars() as progress:
            applied = build(configured(), lambda done, size: progress("records", done, size))
    except OperatorError as error:
        fail(str(error))
    except RedisError:
        fail("Redis went away, and the views stay as they were: start it, then rebuild again.")
    typer.echo(f"{applied} records applied; the new views are read from now on.")


def _print_order(order: OrderView, console: Console) -> None:
    console.print(Text(f"Order {order.order_id}: {order.state.replace('_', ' ')}", style="bold"))
    if order.order is not None:
        lines = order.order["lines"]
        units = sum(line["quantity"] for line in lines)
        home, service = order.order["home_region"], order.order["service_level"]
        console.print(Text(f"{len(lines)} lines, {units} units, {service}, home region {home}"))
    console.print(table("Timeline (domain time, UTC)", ("when", "stage", "what"), map(_told, order.facts)))
    if order.plans:
        rows = [
            (
                part_id,
                order.part_states.get(part_id, ""),
                f"v{plan['version']}",
                moment(plan["freeze_at_ms"]),
                moment(plan["promise_at_ms"]),
                money(plan["cost_minor"]),
            )
            for part_id, plan in order.plans.items()
        ]
        console.print(table("Parts", ("part", "state", "plan", "frozen at", "promised for", "cost"), rows))
        console.print(table("Shipments", ("shipment", "from", "by", "leaves", "lines"), _shipments(order.plans)))
    if payments := [fact for fact in order.facts if fact.what.startswith("payment:")]:
        paid = [(moment(fact.at_ms), fact.note, money(fact.units), fact.ref) for fact in payments]
        console.print(table("Payments", ("when", "what", "amount", "for shipment"), paid))
    waiting = (order.reservation or {}).get("waiting", ())
    for line in waiting:
        console.print(Text(f"Waits for {line['quantity']} of {line['sku']} (line {line['line_id']})."))


def _shipments(plans: Mapping[str, Json]) -> Iterator[tuple[str, ...]]:
    for plan in plans.values():
        for shipment in plan["shipments"]:
            lines = ", ".join(f"{line['quantity']} × {line['sku']}" for line in shipment["lines"])
            by = f"{shipment['carrier']} ({shipment['lane_id']})"
            if shipment.get("to_site_id"):
                by = f"transfer to {shipment['to_site_id']}"
            yield shipment["shipment_id"], shipment["site_id"], by, moment(shipment["departure_at_ms"]), lines


def _told(fact: Fact) -> tuple[str, str, str]:
    kind = fact.what.partition(":")[0]
    texts = {
        "accepted": f"accepted, {fact.units} units",
        "rejected": f"rejected: {fact.note}",
        "refused": f"refused: {fact.note}",
        "duplicated": "sent again, alike: ignored",
        "conflicted": f"sent again with another {fact.note}: refused",
        "payment": f"{fact.note} {money(fact.units)}",
        "fraud": f"fraud check: {fact.note.replace('_', ' ')}{f' ({fact.ref})' if fact.ref else ''}",
        "reservation": f"stock {fact.note}: {fact.units} units{_rest(fact)}",
        "planned": f"plan v{fact.rest[0]} of {fact.ref} ({fact.note.replace('_', ' ')}), cost {money(fact.rest[1])}",
        "waiting": f"{fact.ref} waits for room: {fact.note}",
        "frozen": f"plan v{fact.rest[0]} of {fact.ref} is final",
        "told_too_late": f"{fact.units} units of {fact.ref} were missing, told after it had left: nothing was changed",
        "dead_letter": f"a record could not be decided: {fact.note}",
    }
    shipment = fact.ref.rpartition("#")[2]
    if kind == "overdue":
        return moment(fact.at_ms), fact.stage, f"{shipment} still waits for the transfers that it takes with it"
    late = ", late" if kind == "delivered" and fact.rest[0] else ""
    return moment(fact.at_ms), fact.stage, texts.get(kind, f"{kind.replace('_', ' ')} {shipment}{late}")


def _rest(fact: Fact) -> str:
    waiting, declined = fact.rest
    told = [f"{waiting} waiting"] * bool(waiting) + [f"{declined} declined"] * bool(declined)
    return f" ({', '.join(told)})" if told else ""
