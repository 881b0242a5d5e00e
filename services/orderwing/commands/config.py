"""`orderwing config`: the settings in force, and their documentation."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from orderwing.commands.console import fail
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import Option, Resolved, docs, options, resolve

app = typer.Typer(help="The settings: each value and where it is from; what is wrong.", no_args_is_help=True)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    TOML = "toml"


@app.command()
def show(
    form: Annotated[Format, typer.Option("--format", help="`toml` is a file to begin with.")] = Format.TABLE,
) -> None:
    """Print every option, its value and where that is from; secrets are masked."""
    from orderwing.runtime.screen import print_table

    resolved = _resolved()
    if form is Format.TOML:
        typer.echo(docs.as_toml(resolved))
        return
    entries = [_entry(option, resolved) for option in options().values()]
    if form is Format.JSON:
        typer.echo(json.dumps(entries, indent=2))
        return
    rows = [(e["name"], "" if e["value"] is None else str(e["value"]), e["origin"], e["variable"]) for e in entries]
    print_table(("option", "value", "from", "variable"), rows)


@app.command()
def check() -> None:
    """Say what is wrong with the settings, and which variables mean nothing; status 1 if any."""
    resolved = _resolved()
    if not resolved.warnings:
        where = f"{resolved.file} and the environment" if resolved.file else "The environment"
        typer.echo(f"{where} can be used.")
    raise typer.Exit(1 if resolved.warnings else 0)


@app.command("docs")
def write_docs(root: Annotated[Path, typer.Option(help="The repository.")] = Path()) -> None:
    """Bring docs/configuration.md up to date with the code."""
    file = root / docs.PATH
    if not file.parent.is_dir():
        fail(f"{root.absolute()} is not orderwing's repository: go there, or name it with --root.")
    file.write_text(docs.markdown(), "utf-8")
    typer.echo(str(file))


def _resolved() -> Resolved:
    try:
        resolved = resolve()
    except OperatorError as error:
        fail(str(error))
    for warning in resolved.warnings:
        typer.echo(f"orderwing: {warning}", err=True)
    return resolved


def _entry(option: Option, resolved: Resolved) -> dict[str, Any]:
    return {
        "name": option.name,
        "value": option.shown(option.of(resolved.settings)),
        "default": option.shown(option.default),
        "origin": resolved.origins[option.name],
        "variable": option.variable,
        "secret": option.secret,
        "about": option.about,
    }
