"""`orderwing dashboards`: Grafana's dashboards from the code, and what a Prometheus answers them."""

from pathlib import Path
from typing import Annotated

import typer

from orderwing.commands.console import fail
from orderwing.runtime.errors import OperatorError

app = typer.Typer(help="Grafana's dashboards.", no_args_is_help=True)
Root = Annotated[Path, typer.Option(help="The repository.")]


@app.command()
def generate(root: Root = Path()) -> None:
    """Bring deploy/grafana/dashboards up to date."""
    try:
        from orderwing.dashboards.build import write
    except ModuleNotFoundError:
        fail("grafana-foundation-sdk is not installed: install orderwing with its extra `test`.")
    typer.echo("\n".join(map(str, write(root))) or "All files are current.")


@app.command()
def check(
    prometheus: Annotated[str, typer.Option(help="http://host:port")] = "http://localhost:9090",
    minutes: Annotated[float, typer.Option(help="How far back to look.", min=0.1)] = 30.0,
    out: Annotated[Path | None, typer.Option(help="Write the answers as Markdown.")] = None,
    root: Root = Path(),
) -> None:
    """Run every query of every dashboard and of the alerts; status 1 if one has no answer."""
    from orderwing.dashboards.check import ask_all, markdown, silent

    try:
        answers = ask_all(prometheus, minutes * 60, root)
    except OperatorError as error:
        fail(str(error))
    if out is not None:
        out.write_text(markdown(answers), "utf-8")
    found = silent(answers)
    typer.echo("\n".join(found) or f"All {len(answers)} queries have an answer.")
    raise typer.Exit(1 if found else 0)
