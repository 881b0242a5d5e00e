"""What a demo shows: a live screen in a terminal, or plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orderwing.audit.verdict import Verdict
from orderwing.demo.stream import Stream
from orderwing.demo.watch import ServiceLine, Watch
from orderwing.runtime.supervisor import Died

_LINE_EVERY_S = 5.0


def died(show: Lines | Screen) -> Died:
    """Tells of a service that is started again in a sentence."""

    def tell(name: str, status: int, again_in_s: float) -> None:
        show.note(f"{name} has ended (status {status}). It is started again in {again_in_s:g} s and loses nothing.")

    return tell


class Lines:
    """A line for every step, and one every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told_s = 0.0

    def step(self, text: str) -> None:
        self._console.print(f"{text} ...", highlight=False)

    def note(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def watched(self, phase: str, watch: Watch, stream: Stream, seconds: float) -> None:
        if seconds - self._told_s < _LINE_EVERY_S:
            return
        self._told_s = seconds
        states = ", ".join(f"{n} {state}" for state, n in sorted(watch.following.states.items(), key=lambda s: -s[1]))
        told = f"{seconds:5.0f} s  {phase}: placed {stream.placed}, answered {watch.following.answered}"
        self._console.print(f"{told}; {states}; lag {watch.lag}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        pass


class Screen:
    """One picture, drawn anew a few times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def step(self, text: str) -> None:
        self._console.print(f"[dim]{text} ...[/]", highlight=False)

    def note(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)  # above the picture

    def watched(self, phase: str, watch: Watch, stream: Stream, seconds: float) -> None:
        picture = _picture(phase, watch, stream, seconds)
        if self._live is None:
            self._live = Live(picture, console=self._console, auto_refresh=False, transient=False)
            self._live.start(refresh=True)
        self._live.update(picture, refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _picture(phase: str, watch: Watch, stream: Stream, seconds: float) -> Group:
    seen, windows = watch.seen, watch.seen.windows
    orders = {"placed": stream.placed, "answered": watch.following.answered, **seen.states}
    goods = {
        "parcels released": seen.parcels.released,
        "shipped": seen.parcels.shipped,
        "delivered": seen.parcels.delivered,
        "in time": seen.parcels.delivered_in_time,
        "late": seen.parcels.delivered_late,
    }
    saved: dict[str, object] = {"views behind by": f"{seen.lag_ms} ms (p99)"}
    if windows is not None:
        saved = {
            "windows": windows.windows,
            "proposed": windows.proposed,
            "accepted": windows.accepted,
            "refused": windows.refused,
            "saved": _money(windows.saved_minor),
        } | saved
    head = Text(f"orderwing: {phase}, {seconds:.0f} s", style="bold")
    panels = (_pairs("orders", orders), _pairs("parcels", goods), _pairs("re-optimizer", saved))
    return Group(head, _services(watch.services), *panels)


def _services(lines: tuple[ServiceLine, ...]) -> Table:
    table = Table(expand=False)
    table.add_column("service")
    for name in ("in", "out", "rejected", "lag", "per s", "p50 ms", "p99 ms", "restarts"):
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(
            Text(line.name, style="" if line.ready else "yellow"),
            *(str(n) for n in (line.records_in, line.records_out, line.rejected, line.lag)),
            f"{line.rate:.0f}",
            _ms(line.p50_s),
            _ms(line.p99_s),
            str(line.restarts or ""),
        )
    return table


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f}"


def _money(minor: int) -> str:
    return f"£{minor / 100:,.2f}"


def _pairs(title: str, pairs: Mapping[str, object]) -> Panel:
    return Panel(Text("   ".join(f"{name} {value}" for name, value in pairs.items())), title=title, expand=False)


def print_summary(console: Console, report: Mapping[str, Any], verdict: Verdict, seconds: float) -> None:
    """The report for people, and the first violations of each kind."""
    table = Table("figure", "value", title="What happened")
    for name, value in report.items():
        table.add_row(name, Text(_told(value)))
    table.add_row("dead letters", str(verdict.dead_letters))
    table.add_row("seconds", f"{seconds:.0f}")
    console.print(table)
    shown: dict[str, int] = {}
    for violation in verdict.violations:
        shown[violation.kind] = shown.get(violation.kind, 0) + 1
        if shown[violation.kind] <= 5:
            console.print(Text(str(violation)), style="red", soft_wrap=True)
    for kind, n in shown.items():
        if n > 5:
            console.print(f"... and {n - 5} more of kind {kind}", style="red")


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items())
    return str(value)
