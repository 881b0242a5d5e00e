"""`orderwing dead-letters`: records that a stage could not decide, and what shall become of them."""

import base64
import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from orderwing.commands.console import cluster, fail
from orderwing.runtime import dead_letter_box
from orderwing.runtime.dead_letter_box import Action, DeadLetter
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.screen import print_table
from orderwing_schemas.topics import STAGES

app = typer.Typer(help="Records that a stage could not decode or decide.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="As `dead-letters list` shows it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@app.command("list")
def list_letters(
    stage: Annotated[str | None, typer.Option(help="Only this stage's.")] = None,
    settled: Annotated[bool, typer.Option(help="Also those redriven or dropped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the open dead letters, oldest first."""
    if stage is not None and stage not in STAGES:
        fail(f"There is no stage {stage}; there are {', '.join(STAGES)}.")
    try:
        found = dead_letter_box.find_all(cluster(), [stage] if stage else STAGES)
    except OperatorError as error:
        fail(str(error))
    shown = [dead for dead in found if settled or dead.settled is None]
    if as_json:
        typer.echo(json.dumps([_as_json(dead) for dead in shown], indent=2))
    elif not shown:
        typer.echo("There are no dead letters.")
    else:
        columns = ("id", "stage", "order", "record", "reason", "at", "settled")
        print_table(columns, [_row(dead) for dead in shown])


@app.command()
def show(dead_letter_id: Id) -> None:
    """Print one dead letter with its traceback and its original record, which may hold personal data."""
    try:
        dead = dead_letter_box.find(cluster(), dead_letter_id)
    except OperatorError as error:
        fail(str(error))
    letter = dead.letter
    fields = {
        "id": letter.dead_letter_id,
        "stage": letter.stage,
        "order": letter.order_id or "none",
        "record": dead.place,
        "reason": letter.reason,
        "at": _time(letter.at_ms),
        "settled": dead.settled or "no",
        "key": _text(letter.key_base64),
    }
    lines = [f"{name:8} {value}" for name, value in fields.items()]
    headers = [f"  {name}: {value}" for name, value in letter.headers]
    told = [*lines, "headers", *headers, "value", _text(letter.value_base64), letter.traceback]
    typer.echo(harmless("\n".join(told)))


def harmless(text: str) -> str:
    """Without what would steer the terminal: whoever wrote the record chose its bytes."""
    return "".join([c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text])


@app.command()
def redrive(dead_letter_id: Id, dry_run: DryRun = False) -> None:
    """Have the stage decide the record again, and then all that are parked behind it."""
    _settle(dead_letter_id, "redrive", dry_run)


@app.command()
def drop(dead_letter_id: Id, dry_run: DryRun = False) -> None:
    """Have the stage forget the record, and decide all that are parked behind it."""
    _settle(dead_letter_id, "drop", dry_run)


def _settle(dead_letter_id: str, action: Action, dry_run: bool) -> None:
    try:
        bootstrap = cluster()
        dead = dead_letter_box.settle(bootstrap, dead_letter_id, action, dry_run=dry_run)
    except OperatorError as error:
        fail(str(error))
    letter = dead.letter
    behind = f", and after it what waits of order {letter.order_id}" if letter.order_id else ""
    typer.echo(f"{letter.stage} {'would be' if dry_run else 'is'} told to {action} {dead.place}{behind}.")


def _row(dead: DeadLetter) -> tuple[str, ...]:
    letter = dead.letter
    order, settled = letter.order_id or "", dead.settled or ""
    return (letter.dead_letter_id, letter.stage, order, dead.place, letter.reason, _time(letter.at_ms), settled)


def _as_json(dead: DeadLetter) -> dict[str, object]:
    """Without the record itself, which may hold personal data."""
    fields = {"dead_letter_id", "stage", "order_id", "topic", "partition", "offset", "reason", "at_ms"}
    return {**dead.letter.model_dump(include=fields), "settled": dead.settled}


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def _text(encoded: str | None) -> str:
    return "none" if encoded is None else base64.b64decode(encoded).decode("utf-8", "replace")
