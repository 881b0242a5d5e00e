"""`orderwing solve FILE`: orders onto drivers, from a file to a table and a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderwing.commands.console import configured, fail
from orderwing.commands.road import road_distances
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.screen import print_table

if TYPE_CHECKING:  # solvers are slow to load
    from orderwing.planning.fleet.answer import Plan
    from orderwing.planning.fleet.document import FleetProblem


def solve(
    file: Annotated[Path, typer.Argument(help="The problem, in JSON: see docs/routing.md.")],
    seconds: Annotated[float, typer.Option(min=0.1, max=3_600, help="For the search.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Begins the search alike.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the plan to this file, in JSON.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the routes into this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Draw and list them in this file, for any browser.")] = None,
) -> None:
    """Allocate orders to drivers and plan each route: EXPRESS first, then the most others, then the least distance."""
    from orderwing.planning.budget import Budget
    from orderwing.planning.fleet.bounds import bound
    from orderwing.planning.fleet.checks import BadProblemError
    from orderwing.planning.fleet.exchange import allocation, parse, prepared
    from orderwing.planning.fleet.solve import plan
    from orderwing.runtime.metrics import process_metrics

    _check_outputs(out, png, html)
    try:
        asked = parse(file.read_bytes())
        ready = prepared(asked, road_distances(configured().distances, process_metrics("solver")))
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror}).")
    except OperatorError as error:
        fail(str(error))
    except BadProblemError as error:
        fail(f"{file} is no problem to solve:\n" + "\n".join(f"  {one.sentence}" for one in error.issues))
    found = plan(ready.problem, Budget(seconds), seed)
    if ready.estimated:
        typer.echo("The distances are estimates: the road engine did not answer.", err=True)
    _print(asked, found)
    try:
        if out is not None:
            answer = allocation(found, bound(ready.problem, found), ready)
            out.write_text(answer.model_dump_json(indent=2) + "\n", "utf-8")
        _draw(asked, found, png, html)
    except OSError as error:
        fail(f"{error.filename} cannot be written ({error.strerror}).")


def _check_outputs(out: Path | None, png: Path | None, html: Path | None) -> None:
    """Before the search: what takes long is not to be lost."""
    for file in (out, png, html):
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            fail(f"{file} cannot be written: name a file in a folder that is there.")
    if png is None:
        return
    from orderwing.planning.drawing import check

    try:
        check(png)
    except ValueError as error:
        fail(f"{png} cannot be drawn: {error}.")


def _draw(asked: FleetProblem, found: Plan, png: Path | None, html: Path | None) -> None:
    from orderwing.planning.fleet.picture import page, picture

    if html is not None:
        html.write_text(page(asked, found), "utf-8")
    if png is None:
        return
    drawn = picture(asked, found)
    if drawn is None:
        fail("There is nothing to draw: the problem has a matrix, and not every place has a point.")
    from orderwing.planning.drawing import draw

    draw(drawn, png)


def _print(asked: FleetProblem, found: Plan) -> None:
    from orderwing.planning.fleet.reasons import time_of_day

    rows = [
        (
            route.driver_id,
            str(len(route.stops)),
            *(str(units) for units in route.load),
            f"{route.distance_m / 1000:.1f}",
            time_of_day(route.leave_s),
            time_of_day(route.back_s),
            " ".join(stop.order_id for stop in route.stops),
        )
        for route in found.routes
    ]
    print_table(("driver", "stops", *asked.dimensions, "km", "leaves", "back", "orders in turn"), rows)
    if found.unserved:
        typer.echo("\nNot served")
        print_table(
            ("order", "reason", "more"), [(o.order_id, o.reason.replace("_", " "), o.detail) for o in found.unserved]
        )
    for note in found.notes:
        typer.echo(f"{note}.")
    score = found.score
    proven = "; no plan is better" if found.proven else ""
    typer.echo(
        f"{score.express_left_out} EXPRESS left out, {score.priority_left_out} of the others' priority left out, "
        f"{score.distance_m / 1000:.1f} km, by {found.method}{proven}."
    )
