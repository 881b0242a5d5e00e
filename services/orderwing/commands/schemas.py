"""`orderwing schemas`: the contracts as files."""

from pathlib import Path
from typing import Annotated

import typer

from orderwing.commands.console import fail
from orderwing.runtime import contracts
from orderwing.runtime.errors import OperatorError

app = typer.Typer(help="JSON Schemas, examples, AsyncAPI and the list of metrics.", no_args_is_help=True)
Root = Annotated[Path, typer.Option(help="The repository.")]


@app.command()
def generate(
    root: Root = Path(),
    allow_breaking: Annotated[bool, typer.Option(help="Replace schemas that were never released.")] = False,
) -> None:
    """Bring the generated files up to date; refuses to edit an event incompatibly."""
    try:
        changed = contracts.write(root, allow_breaking=allow_breaking)
    except OperatorError as error:
        fail(str(error))
    typer.echo("\n".join(map(str, changed)) or "All files are current.")


@app.command()
def check(root: Root = Path()) -> None:
    """Say which generated files are not current, and what they would break; status 1 if any."""
    if not (root / "schemas" / "orderwing_schemas").is_dir():
        fail(f"{root.absolute()} is not orderwing's repository: go there, or name it with --root.")
    found = [f"not current: {path}" for path in contracts.stale(root)] + contracts.broken(root)
    typer.echo("\n".join(found) or "All files are current.")
    raise typer.Exit(1 if found else 0)
