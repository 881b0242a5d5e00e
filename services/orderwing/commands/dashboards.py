"""`orderwing dashboards`: Grafana's dashboards from the code, and what a Prometheus answers them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orderwing.commands.console import fail
from orderwing.runtime.errors import OperatorError

app = typer.Typer(help="Grafana's dashboards.", no_args_is_help=True)
Root = Annotated[Path, typer.Option(help="The repository.")]
Url = Annotated[str, typer.Option("--prometheus", help="http://host:port")]
Minutes = Annotated[float, typer.Option(help="How far back to look.", min=0.1)]
_LOCAL = "http://localhost:9090"


class Form(StrEnum):
    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


@app.command()
def generate(root: Root = Path()) -> None:
    """Bring deploy/grafana/dashboards up to date."""
    if not (root / "deploy" / "grafana").is_dir():
        fail(f"{root.absolute()} is not orderwing's repository: go there, or name it with --root.")
    try:
        from orderwing.dashboards.build import write
    except ModuleNotFoundError:
        fail("grafana-foundation-sdk is not installed: install orderwing with its extra `test`.")
    typer.echo("\n".join(map(str, write(root))) or "All files are current.")


@app.command()
def check(
    prometheus: Url = _LOCAL,
    minutes: Minutes = 30.0,
    out: Annotated[Path | None, typer.Option(help="Write the answers as Markdown.")] = None,
    root: Root = Path(),
) -> None:
    """Run every query of every dashboard and of the alerts; status 1 if one has no answer."""
    from orderwing.dashboards.check import ask_all, markdown, pictures, silent

    try:
        answers = ask_all(prometheus, minutes * 60, root)
    except OperatorError as error:
        fail(str(error))
    if out is not None:
        out.write_text(markdown(answers, pictures(out)), "utf-8")
    found = silent(answers)
    typer.echo("\n".join(found) or f"All {len(answers)} queries have an answer.")
    raise typer.Exit(1 if found else 0)


@app.command()
def picture(
    names: Annotated[list[str] | None, typer.Argument(metavar="[PAGE]...", help="Those pages; none: all.")] = None,
    prometheus: Url = _LOCAL,
    minutes: Minutes = 30.0,
    out: Annotated[Path, typer.Option(help="The directory to write the pictures to.", file_okay=False)] = Path(),
    form: Annotated[Form, typer.Option("--format")] = Form.PNG,
    root: Root = Path(),
) -> None:
    """Draw pages as Grafana would lay them out, with what Prometheus answers; needs no Grafana."""
    from orderwing.dashboards import page as pages
    from orderwing.dashboards.ask import Run
    from orderwing.dashboards.picture import draw

    try:
        out.mkdir(parents=True, exist_ok=True)
        run = Run(prometheus, minutes * 60)
        for name in names or pages.names(root):
            file = out / f"{name}.{form}"
            draw(pages.answered(root, name, run), file)
            typer.echo(str(file))
    except OperatorError as error:
        fail(str(error))
    except OSError as error:
        fail(f"The pictures cannot be written: {error}.")
