"""The tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orderwing.bench.options import BASKETS, CHAIN, Phase, Restored, Result

_ABOUT = """\
Made by `orderwing bench pipeline`. Part a is a bare chain of eight exactly-once copy processes that write as many
bytes a hop as the road from placed to allocated; all parts run one after the other on the same broker. Each stage and
each copy is one process, so that topics have one partition unless `--partitions` says otherwise. *orders/s* is from
the first order placed to the last that came out when all are fed at once, the filling and emptying of the road
included; latencies are taken at a fixed rate. Both are between the broker's stamps of orders and of their first plans.
CPU is user and system time of each process. *others* is the part of the machine's processors that programs outside the
bench took meanwhile: with more than a few per cent of it, orders/s and latencies tell about the machine's other work
too.
"""


@dataclass(frozen=True)
class Sheet:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def sheets(results: Sequence[Result], restored: Restored | None, rate: float) -> Iterator[Sheet]:
    yield _speeds(results, rate)
    by_part = {result.part: result for result in results}
    if BASKETS in by_part and CHAIN in by_part:
        yield _ratios(by_part[BASKETS], by_part[CHAIN])
    yield _by_process("CPU, µs an order, all fed at once", results, {r.part: r.full.cpu_us for r in results}, True)
    paced = {r.part: r.paced.cpu_us for r in results if r.paced is not None}
    if paced:
        told = [result for result in results if result.part in paced]
        yield _by_process(f"CPU, µs an order, at {rate:g} orders/s", told, paced, True)
    yield _by_process("Memory, MiB resident", results, {r.part: r.memory_mib for r in results}, False)
    yield _hops(results)
    if restored is not None:
        row = (f"{restored.rows:,}", f"{restored.seconds:.1f}", f"{restored.memory_mib:.0f}")
        yield Sheet("Restore of a stage", ("rows", "seconds", "MiB resident"), [row])


def markdown(facts: Mapping[str, str], results: Sequence[Sheet], title: str = "Benchmarks", about: str = _ABOUT) -> str:
    lines = [f"# {title}", "", about]
    lines += [f"- {name}: {f'`{value}`' if name == 'command' else value}" for name, value in facts.items()]
    for sheet in results:
        lines += ["", f"## {sheet.title}", ""]
        lines.append("| " + " | ".join(sheet.columns) + " |")
        lines.append("|---" + "|---:" * (len(sheet.columns) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in sheet.rows]
    return "\n".join(lines) + "\n"


def _speeds(results: Sequence[Result], rate: float) -> Sheet:
    columns = ("part", "lines", "orders", "orders/s", "others", f"at {rate:g}/s", "p50 ms", "p99 ms", "others")
    rows = [
        (
            f"{result.part}: {result.title}",
            "" if result.mean_lines is None else f"{result.mean_lines:.1f}",
            _share(result.full),
            f"{result.full.orders_per_s:,.0f}",
            f"{result.full.others_share:.0%}",
            *(("", "", "", "") if result.paced is None else _paced(result.paced)),
        )
        for result in results
    ]
    return Sheet("Speed", columns, rows)


def _paced(phase: Phase) -> tuple[str, str, str, str]:
    return _share(phase), f"{phase.p50_ms:,.0f}", f"{phase.p99_ms:,.0f}", f"{phase.others_share:.0%}"


def _share(phase: Phase) -> str:
    return f"{phase.arrived:,}" if phase.arrived == phase.fed else f"{phase.arrived:,} of {phase.fed:,}"


def _ratios(road: Result, chain: Result) -> Sheet:
    rows = [("orders/s", f"{road.full.orders_per_s / chain.full.orders_per_s:.2f}", "≥ 0.4")]
    if road.paced and chain.paced and chain.paced.p99_ms:
        rows.append(("p99", f"{road.paced.p99_ms / chain.paced.p99_ms:.2f}", "≤ 2"))
    return Sheet("The pipeline (b) by the bare chain (a)", ("figure", "b / a", "wanted"), rows)


def _by_process(
    title: str, results: Sequence[Result], figures: Mapping[str, Mapping[str, float]], summed: bool
) -> Sheet:
    names = list(dict.fromkeys(name for result in results for name in figures[result.part]))
    rows = [(name, *(_cell(figures[result.part].get(name)) for result in results)) for name in names]
    if summed:
        rows.append(("sum", *(_cell(sum(figures[result.part].values())) for result in results)))
    return Sheet(title, ("process", *(result.part for result in results)), rows)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _hops(results: Sequence[Result]) -> Sheet:
    hops = max(len(result.hop_bytes) for result in results)
    rows = [(result.part, *(str(size) for size in result.hop_bytes)) for result in results]
    return Sheet("Bytes a hop, with key and headers", ("part", *(str(n) for n in range(1, hops + 1))), rows)
