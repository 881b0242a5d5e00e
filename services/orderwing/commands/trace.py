"""`orderwing trace`: the journey of one order, from the spans that services have written to files."""

import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from orderwing.commands.console import configured, fail
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.tracing_read import Journey, JourneySpan, read_journey

_ROW, _WIDTH, _LABEL = 18, 900, 430  # of the waterfall, in pixels


def trace(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", exists=True, file_okay=False, help="Where files of spans are; not said: the run directory."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Write it to FILE.json (OTLP, as Jaeger imports it) or FILE.svg (waterfall)."
        ),
    ] = None,
) -> None:
    """Print an order's journey through the services as a tree, with what each decision took and led to."""
    writers: dict[str, Callable[[Journey], str]] = {".json": _json, ".svg": _waterfall}
    write = None if out is None else writers.get(out.suffix)
    if out is not None and write is None:
        fail(f"{out} cannot be written: name it .json or .svg.")
    try:
        searched = configured().runtime.run_dir if directory is None else directory
    except OperatorError as error:
        fail(str(error))
    journey = read_journey(searched, order_id)
    if not journey.spans:
        fail(
            f"No spans of an order {order_id} are in {searched}: only a share of orders is traced "
            "(telemetry.ratio), and only with telemetry.exporter = file; see docs/tracing.md."
        )
    if out is None or write is None:
        _print(journey, Console())
        return
    try:
        out.write_text(write(journey), "utf-8")
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.")
    typer.echo(f"{len(journey.spans)} spans written to {out}.")


def _print(journey: Journey, console: Console) -> None:
    first_ns = journey.spans[0].start_ns
    seconds = (max(span.end_ns for span in journey.spans) - first_ns) / 1e9
    services = len({span.service for span in journey.spans})
    tree = Tree(Text(f"Order {journey.order_id}: {len(journey.spans)} spans, {services} services, {seconds:,.1f} s"))
    waiting = [(tree, span) for span in reversed(journey.children(None))]
    while waiting:  # a loop: journeys are deeper than Python's stack may be
        branch, span = waiting.pop()
        child = branch.add(_told(span, first_ns))
        waiting += [(child, one) for one in reversed(journey.children(span))]
    console.print(tree)
    if journey.missing:
        console.print(f"{len(journey.missing)} parents are in no file: their services export none, or were killed.")


def _told(span: JourneySpan, first_ns: int) -> Text:
    after, took = (span.start_ns - first_ns) / 1e9, (span.end_ns - span.start_ns) / 1e6
    outcome = str(span.attributes.get("orderwing.outcome", ""))
    text = Text.assemble(
        (span.service, "bold"), f" {span.name} ", (f"+{after:.3f} s, {took:.2f} ms", "cyan"), f" {outcome}"
    )
    if span.emitted:
        text.append(f" → {', '.join(span.emitted)}", "dim")
    if span.failed:
        text.stylize("red")
    return text


def _json(journey: Journey) -> str:
    return json.dumps(journey.request, indent=1) + "\n"


def _waterfall(journey: Journey) -> str:
    first_ns = journey.spans[0].start_ns
    whole_ns = max(1, max(span.end_ns for span in journey.spans) - first_ns)
    services = list(dict.fromkeys(span.service for span in journey.spans))
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABEL + _WIDTH + 20}" '
        f'height="{_ROW * (len(journey.spans) + 1)}" font-family="sans-serif" font-size="11">'
    ]
    for row, span in enumerate(journey.spans):
        x = _LABEL + _WIDTH * (span.start_ns - first_ns) / whole_ns
        width = max(2.0, _WIDTH * (span.end_ns - span.start_ns) / whole_ns)
        colour = f"hsl({360 * services.index(span.service) // len(services)},60%,45%)"
        label = escape(f"{span.service}: {span.name} +{(span.start_ns - first_ns) / 1e9:.3f} s")
        y = _ROW * row
        rows.append(f'<text x="4" y="{y + 13}">{label}</text>')
        rows.append(f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{_ROW - 6}" fill="{colour}"/>')
    return "\n".join([*rows, "</svg>", ""])
