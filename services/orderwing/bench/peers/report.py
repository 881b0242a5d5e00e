"""The tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from orderwing.bench.peers.audit import Losses
from orderwing.bench.peers.contenders import BARE, FAUST, OURS, QUIX
from orderwing.bench.peers.options import Kills, Options, Pace, Restart, Result, Speed
from orderwing.bench.report import Sheet

TITLE = "Peers"
ABOUT = f"""\
Made by `orderwing bench peers`. Every peer does the same work exactly once, one after the other on the same broker:
it reads orders of about 1.1 kB from 4 partitions, validates each with the product's pydantic model, adds it to its
customer's row, and tells of the row; one process each. Commits are at most so many records in a transaction for ours
and for the bare loop, so many seconds for the frameworks. Ours and the bare loop keep rows in memory and a changelog
in the same transaction; {FAUST} keeps a table in memory (its default) and a changelog; {QUIX} keeps RocksDB and a
changelog, in an environment of its own. Session and transaction time-outs are the same (6 s and 10 s) where they can
be set.

*messages/s* is from the first to the last output appended, through a backlog that was there before. Peers take turns:
each runs once by each commit setting, then again, in rounds, by its fastest, whose median run counts. Latency is from
the broker's stamp of an order until a reader of committed records has the answer. CPU is user and system time of the
process while it worked; the broker's beside it. *others* is the part of the machine's processors that programs outside
the bench took meanwhile. *Restart* is from starting a process that was stopped in order until a new order is answered.
Under kills orders come at the fixed rate all the time, and each SIGKILL falls within two seconds of the first answer
after the one before. *Lost*, *doubled* and *row wrong* are counted by a reader of committed records that shares no code
with any peer and follows every row by itself.
"""


def sheets(results: Sequence[Result], options: Options) -> Iterator[Sheet]:
    yield _best(results, options)
    yield _wanted(results)
    yield Sheet(
        f"{options.messages:,} at once, by commit",
        ("peer", "a commit", "messages/s", "CPU µs", "broker's", "others", "not out", "doubled", "row wrong"),
        [_speed(result, speed) for result in results for speed in result.speeds],
    )
    yield Sheet(
        f"{options.rate:g} a second, by commit",
        ("peer", "a commit", "answered", "p50 ms", "p99 ms", "CPU µs", "others"),
        [_pace(result, pace) for result in results for pace in result.paces],
    )
    if options.rows:
        yield Sheet(
            f"Restart with {options.rows:,} rows",
            ("peer", "seconds", "with its files lost", "row was right"),
            [_restart(result.name, result.restart) for result in results if result.restart],
        )
    if options.kills:
        yield Sheet(
            f"{options.kills} kills at {options.rate:g} a second",
            ("peer", "a commit", "in", "lost", "doubled", "row wrong", "back, median s", "longest", "ended itself"),
            [_kills(result, result.kills) for result in results if result.kills],
        )


def summary(result: Result) -> str:
    """A line, as soon as a peer is through."""
    told = f"{result.name}: {result.speed.per_s:,.0f} messages/s, p99 {result.pace.p99_ms:,.0f} ms"
    back = "" if result.restart is None else f", restart {_seconds(result.restart.seconds)} s"
    if result.kills is None:
        return f"{told}{back}"
    lost, doubled, wrong = _lost(result.kills.losses)
    return f"{told}{back}; under kills {lost} lost, {doubled} doubled, {wrong} rows wrong"


def versions(results: Sequence[Result]) -> Mapping[str, str]:
    return {result.name: result.versions for result in results}


def _best(results: Sequence[Result], options: Options) -> Sheet:
    columns = ("peer", "messages/s", "CPU µs", "p50 ms", "p99 ms", "restart s", "lost", "doubled", "row wrong")
    rows = []
    for result in results:
        speed, pace, again, kills = result.speed, result.pace, result.restart, result.kills
        lost = ("", "", "") if kills is None else _lost(kills.losses)
        back = "" if again is None else _seconds(again.seconds)
        figures = (f"{speed.per_s:,.0f}", f"{speed.cpu_us:,.0f}", f"{pace.p50_ms:,.0f}", f"{pace.p99_ms:,.0f}")
        rows.append((result.name, *figures, back, *lost))
    return Sheet(f"Each at its best; losses under {options.kills} kills", columns, rows)


def _wanted(results: Sequence[Result]) -> Sheet:
    by_name = {result.name: result for result in results}
    ours = by_name.get(OURS)
    rows = []
    for other, wanted in ((FAUST, "≥ 5"), (QUIX, "> 1"), (BARE, "≥ 0.5")):
        if ours is not None and other in by_name:
            ratio = ours.speed.per_s / by_name[other].speed.per_s
            rows.append((f"messages/s, {OURS} by {other}", f"{ratio:.2f}", wanted))
    if ours is not None and ours.kills is not None:
        found = ours.kills.losses
        rows.append((f"{OURS}: lost, doubled, row wrong", f"{found.lost}, {found.doubled}, {found.wrong}", "0, 0, 0"))
    return Sheet("What was wanted", ("figure", "found", "wanted"), rows)


def _speed(result: Result, speed: Speed) -> tuple[str, ...]:
    figures = (f"{speed.per_s:,.0f}", f"{speed.cpu_us:,.0f}", f"{speed.broker_us:,.0f}", f"{speed.others_share:.0%}")
    return (result.name, _commit(result, speed.setting), *figures, *_lost(speed.losses))


def _pace(result: Result, pace: Pace) -> tuple[str, ...]:
    answered = f"{pace.answered:,}" if pace.answered == pace.fed else f"{pace.answered:,} of {pace.fed:,}"
    figures = (f"{pace.p50_ms:,.0f}", f"{pace.p99_ms:,.0f}", f"{pace.cpu_us:,.0f}", f"{pace.others_share:.0%}")
    return (result.name, _commit(result, pace.setting), answered, *figures)


def _restart(name: str, found: Restart) -> tuple[str, ...]:
    return (name, _seconds(found.seconds), _seconds(found.bare_s, ""), "yes" if found.kept else "no")


def _kills(result: Result, found: Kills) -> tuple[str, ...]:
    back = [seconds for seconds in found.back_s if seconds is not None]
    missed = len(found.back_s) - len(back)
    longest = f"{max(back):.1f}" if back else ""
    if missed:
        longest = f"{longest} ({missed} × not within 60)".strip()
    orders = f"{found.losses.orders:,}"
    middle = f"{median(back):.1f}" if back else ""
    return (
        result.name,
        _commit(result, found.setting),
        orders,
        *_lost(found.losses),
        middle,
        longest,
        str(found.ended),
    )


def _commit(result: Result, setting: float) -> str:
    return f"{setting:,g} {result.unit}"


def _lost(found: Losses) -> tuple[str, str, str]:
    return f"{found.lost:,}", f"{found.doubled:,}", f"{found.wrong:,}"


def _seconds(seconds: float | None, none: str = "none within 60") -> str:
    return none if seconds is None else f"{seconds:.1f}"
