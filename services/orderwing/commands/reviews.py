"""`orderwing reviews`: orders that wait for a person's word, and that word."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from getpass import getuser
from typing import Annotated

import typer

from orderwing.commands.console import cluster, fail
from orderwing.kernel.ports import Record
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.screen import print_table
from orderwing.runtime.skipping import event_in
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.public import ReviewVerdict, Verdict
from orderwing_schemas.topics import FRAUD_DECIDED, OPERATIONS_INBOUND

app = typer.Typer(help="Fraud reviews: list them, clear or block an order.", no_args_is_help=True)
_LONGEST_NAME = 200  # of `ReviewVerdict.reviewer`
OrderId = Annotated[str, typer.Argument(help="As `orderwing reviews list` shows it.")]
Reviewer = Annotated[str, typer.Option(help="Who decides; default: the user who is logged in.")]


@app.command("list")
def list_reviews(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the open reviews, the one that falls due first on top."""
    try:
        with _log() as log:
            found = open_reviews(log)
    except OperatorError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps([review.model_dump(mode="json") for review in found], indent=2))
    elif not found:
        typer.echo("No review is open.")
    else:
        rows = [(one.order_id, one.customer_key, ", ".join(one.rules), _due(one)) for one in found]
        print_table(("order", "customer", "rules", "decided without you at"), rows)


@app.command()
def clear(order_id: OrderId, reviewer: Reviewer = "") -> None:
    """Let an order under review go on."""
    _settle(order_id, Verdict.CLEAR, reviewer)


@app.command()
def block(order_id: OrderId, reviewer: Reviewer = "") -> None:
    """Block an order under review: its stock and money are given back."""
    _settle(order_id, Verdict.BLOCK, reviewer)


def open_reviews(log: OperatorLog) -> list[FraudDecided]:
    """The orders whose latest word is `in_review`, by deadline. Raises OperatorError."""
    latest: dict[str, FraudDecided] = {}
    for partition in range(log.partitions(FRAUD_DECIDED.name)):
        latest.update((event.order_id, event) for event in _decided(log.read(FRAUD_DECIDED.name, partition)))
    waiting = [event for event in latest.values() if event.outcome == "in_review"]
    return sorted(waiting, key=lambda event: (event.review_until_ms or 0, event.order_id))


def publish_verdict(log: OperatorLog, review: FraudDecided, verdict: Verdict, reviewer: str) -> None:
    event = ReviewVerdict(
        order_id=review.order_id, customer_key=review.customer_key, verdict=verdict, reviewer=reviewer
    )
    partition = key_partition(event.order_id, log.partitions(OPERATIONS_INBOUND.name))
    log.write([outgoing(OPERATIONS_INBOUND.name, partition, event.order_id, event)])


def _settle(order_id: str, verdict: Verdict, reviewer: str) -> None:
    if len(reviewer) > _LONGEST_NAME:
        fail(f"--reviewer may have at most {_LONGEST_NAME} characters.")
    if not reviewer.isprintable():
        fail("--reviewer is no readable text.")
    try:
        with _log() as log:
            review = next((one for one in open_reviews(log) if one.order_id == order_id), None)
            if review is None:
                fail(f"No review of {order_id} is open: see `orderwing reviews list`.")
            publish_verdict(log, review, verdict, reviewer or _user())
    except OperatorError as error:
        fail(str(error))
    typer.echo(f"{order_id}: {verdict}. Should its deadline come first, that decides.")


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        fail("Nobody is logged in by name: say who decides with --reviewer.")


def _log() -> OperatorLog:
    return OperatorLog(cluster(), "reviews")


def _decided(records: Iterable[Record]) -> Iterable[FraudDecided]:
    return (event for event in map(event_in, records) if isinstance(event, FraudDecided))


def _due(review: FraudDecided) -> str:
    """Domain time, UTC."""
    at_s = (review.review_until_ms or 0) / 1000
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
