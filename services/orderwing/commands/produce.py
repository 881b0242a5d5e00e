"""`orderwing produce FILE.jsonl`: anybody's own orders."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from orderwing.commands.console import fail, listening
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.screen import progress_bars
from orderwing.shop.feed import TimedRecord
from orderwing.shop.jsonl import Problem, checked, read_lines, unchecked
from orderwing.shop.produce import ShopProducer

_SHOWN = 20  # problems, before the rest is only counted


def produce(
    file: Annotated[Path, typer.Argument(help="JSON Lines: an order a line, or {topic, type, value}.")],
    raw: Annotated[bool, typer.Option("--raw", help="Send every line as it is, unchecked.")] = False,
) -> None:
    """Send orders from a file. Without --raw, nothing is sent unless every line keeps the contract."""
    try:
        total = sum(1 for _ in read_lines(file))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")
    except OperatorError as error:
        fail(str(error))
    if not total:
        fail(f"{file} holds no lines.")
    if not raw:
        _require_sound(file)
    try:
        bootstrap = listening()
    except OperatorError as error:
        fail(str(error))
    shop = ShopProducer(bootstrap)
    with progress_bars() as progress:
        shop.send_all(_records(file, raw), lambda sent: progress(file.name, sent, total))
    tally = shop.tally
    typer.echo(f"Sent {tally.sent}, acknowledged {tally.acknowledged}.")
    if tally.acknowledged != tally.sent:
        why = tally.first_error or "the broker did not answer"
        fail(
            f"{tally.sent - tally.acknowledged} records did not arrive ({why}): check ORDERWING_BOOTSTRAP={bootstrap}."
        )


def _records(file: Path, raw: bool) -> Iterator[TimedRecord]:
    for number, line in read_lines(file):
        record = unchecked(number, line) if raw else checked(number, line)
        if isinstance(record, TimedRecord):
            yield record


def _require_sound(file: Path) -> None:
    found = (checked(number, line) for number, line in read_lines(file))
    problems = (record for record in found if isinstance(record, Problem))
    shown = list(islice(problems, _SHOWN))
    for problem in shown:
        typer.echo(f"{file.name}:{problem.line}: {problem.text}", err=True)
    if shown:
        more = sum(1 for _ in problems)
        found_lines = "1 line breaks" if len(shown) + more == 1 else f"{len(shown) + more} lines break"
        fail(f"{found_lines} the contract; nothing was sent. Mend them, or send as is with --raw.")
