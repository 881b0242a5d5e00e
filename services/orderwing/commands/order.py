"""`orderwing order show`, `orderwing explain` and `orderwing views rebuild`: what happened to an order, and why."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderwing.commands.console import configured, fail
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.screen import progress_bars
from orderwing.views.facts import Fact
from orderwing.views.read import Explanation, OrderView, Views

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


def explain(order_id: OrderId, as_json: AsJson = False) -> None:
    """Print why an order ships from where it does: what was weighed, why each lost, and what was proposed since."""
    try:
        with Views(configured().redis.url) as views:
            found = views.explain(order_id)
    except OperatorError as error:
        fail(str(error))
    if not found.cards and not found.proposals:
        fail(f"Nothing was decided about an order {order_id} yet: see `orderwing order show {order_id}`.")
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    _print_explanation(found, Console())


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
    console.print(_table("Timeline (domain time, UTC)", ("when", "stage", "what"), map(_told, order.facts)))
    if order.plans:
        rows = [
            (
                part_id,
                order.part_states.get(part_id, ""),
                f"v{plan['version']}",
                _time(plan["freeze_at_ms"]),
                _time(plan["promise_at_ms"]),
                _money(plan["cost_minor"]),
            )
            for part_id, plan in order.plans.items()
        ]
        console.print(_table("Parts", ("part", "state", "plan", "frozen at", "promised for", "cost"), rows))
        console.print(_table("Shipments", ("shipment", "from", "by", "leaves", "lines"), _shipments(order.plans)))
    if payments := [fact for fact in order.facts if fact.what.startswith("payment:")]:
        paid = [(_time(fact.at_ms), fact.note, _money(fact.units), fact.ref) for fact in payments]
        console.print(_table("Payments", ("when", "what", "amount", "for shipment"), paid))
    waiting = (order.reservation or {}).get("waiting", ())
    for line in waiting:
        console.print(Text(f"Waits for {line['quantity']} of {line['sku']} (line {line['line_id']})."))


def _shipments(plans: Mapping[str, Json]) -> Iterator[tuple[str, ...]]:
    for plan in plans.values():
        for shipment in plan["shipments"]:
            lines = ", ".join(f"{line['quantity']} × {line['sku']}" for line in shipment["lines"])
            by = f"{shipment['carrier']} ({shipment['lane_id']})"
            yield shipment["shipment_id"], shipment["site_id"], by, _time(shipment["departure_at_ms"]), lines


def _told(fact: Fact) -> tuple[str, str, str]:
    kind = fact.what.partition(":")[0]
    texts = {
        "accepted": f"accepted, {fact.units} units",
        "rejected": f"rejected: {fact.note}",
        "refused": f"refused: {fact.note}",
        "duplicated": "sent again, alike: ignored",
        "conflicted": f"sent again with another {fact.note}: refused",
        "payment": f"{fact.note} {_money(fact.units)}",
        "fraud": f"fraud check: {fact.note.replace('_', ' ')}{f' ({fact.ref})' if fact.ref else ''}",
        "reservation": f"stock {fact.note}: {fact.units} units{_rest(fact)}",
        "planned": f"plan v{fact.rest[0]} of {fact.ref} ({fact.note.replace('_', ' ')}), cost {_money(fact.rest[1])}",
        "waiting": f"{fact.ref} waits for room: {fact.note}",
        "frozen": f"plan v{fact.rest[0]} of {fact.ref} is final",
        "told_too_late": f"{fact.units} units of {fact.ref} were missing, told after it had left: nothing was changed",
        "dead_letter": f"a record could not be decided: {fact.note}",
    }
    shipment = fact.ref.rpartition("#")[2]
    late = ", late" if kind == "delivered" and fact.rest[0] else ""
    return _time(fact.at_ms), fact.stage, texts.get(kind, f"{kind.replace('_', ' ')} {shipment}{late}")


def _rest(fact: Fact) -> str:
    waiting, declined = fact.rest
    told = [f"{waiting} waiting"] * bool(waiting) + [f"{declined} declined"] * bool(declined)
    return f" ({', '.join(told)})" if told else ""


def _print_explanation(found: Explanation, console: Console) -> None:
    for card in found.cards:
        part = f", part {card['part_id']}" if card["part_id"] else ""
        console.print(Text(f"{_time(card['at_ms'])}  {card['stage']}{part}: {card['decision']}", style="bold"))
        console.print(Text(_sentence(card)))
        console.print(_candidates(card["candidates"]))
        if card["seen"]:
            seen = [(site_id, sku, str(atp)) for site_id, sku, atp in card["seen"]]
            console.print(_table("Stock seen", ("site", "SKU", "available"), seen))
        if card["truncated"]:
            console.print(Text("The card was too long and is cut.", style="dim"))
    for proposal, answer in found.proposals:
        gain = _gain("worth", "for its customer at a cost of", proposal["expected_gain_minor"])
        console.print(Text(f"Re-optimizer: a better plan, {gain} net of churn", style="bold"))
        console.print(Text(_answered(answer)))
        console.print(_candidates(proposal["candidates"]))


def _sentence(card: Json) -> str:
    lost = sum(1 for candidate in card["candidates"] if candidate["lost_because"])
    others = {0: "nothing else was possible", 1: "one other was weighed"}.get(lost, f"{lost} others were weighed")
    notes = "".join(f" {note[:1].upper()}{note[1:]}." for note in card["notes"])
    return f"Chosen: {card['chosen']}; {others}.{notes}"


def _answered(answer: Json | None) -> str:
    if answer is None:
        return "Allocation has not answered."
    if answer["accepted"]:
        return f"Allocation accepted it; it {_gain('saved', 'cost', answer['gain_minor'] or 0)}."
    return f"Allocation refused it: {answer['reason'].replace('_', ' ')}."


def _gain(saved: str, cost: str, gain_minor: int) -> str:
    return f"{cost} {_money(-gain_minor)}" if gain_minor < 0 else f"{saved} {_money(gain_minor)}"


def _candidates(candidates: Iterable[Json]) -> Table:
    rows = [
        (
            one["label"],
            "" if one["cost_minor"] is None else _money(one["cost_minor"]),
            ", ".join(f"{name} {_money(amount_minor)}" for name, amount_minor in one["terms"]),
            one["lost_because"] or "chosen",
        )
        for one in candidates
    ]
    return _table("", ("candidate", "cost", "of which", "why not"), rows)


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # an id that is cut cannot be used
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # ids are data, never markup
    return table


def _money(minor: int) -> str:
    return f"{minor / 100:.2f}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
