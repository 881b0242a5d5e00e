"""Break-evens and what-ifs in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing.planning.explaining.asking import WhatIf
from orderwing.planning.explaining.breakeven import BreakEven, Change
from orderwing.planning.explaining.deciding import NOTHING, Verdict
from orderwing.planning.explaining.inputs import Unit
from orderwing.planning.explaining.words import moment, money
from orderwing.planning.moving import Shortfall

MOST = 3  # sentences tell; tables list all
ROOM = "room"
TELLING = (
    ("stock", True),
    (ROOM, True),
    ("delay that the customer accepts", True),
    ("threshold of a move", False),
    ("price of a change", False),
    ("parcel rate", False),
    ("saving threshold", False),
    ("saving threshold", True),
    ("cut-off", False),
    ("stock", False),
    ("parcel rate", True),
    ("threshold of a move", True),
    ("price of a change", True),
    ("time of the decision", False),
)


def duration(milliseconds: int) -> str:
    """The two largest of hours, minutes and seconds."""
    seconds = -(-milliseconds // 1000)
    parts = [(seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    return " ".join([f"{count} {unit}" for count, unit in parts[:2] if count]) or "0 s"


def value(change: Change, amount: int) -> str:
    """A value of the input that changes."""
    match change.input.unit:
        case Unit.MINOR:
            return money(amount)
        case Unit.TIME:
            return moment(amount)
        case Unit.MINUTES if change.input.name == "cut-off":
            return f"{amount} min before leaving"
        case Unit.MINUTES:
            return f"{amount} min"
        case _:
            return str(amount)


def step(change: Change) -> str:
    """By how much, with its sign."""
    by = change.by
    match change.input.unit:
        case Unit.MINOR:
            return f"{'+' if by > 0 else '-'}{money(abs(by))}"
        case Unit.TIME:
            return f"-{duration(-by)}"
        case Unit.MINUTES if change.input.name == "cut-off":
            return f"{-by} min later"
        case Unit.MINUTES:
            return f"{by:+} min"
        case _:
            return f"{by:+}"


def condition(change: Change) -> str:
    one, by = change.input, change.by
    old, new = value(change, one.value), value(change, change.to)
    match one.name:
        case "stock":
            sku, _, site_id = one.about.rpartition(" at ")
            return f"{site_id} had {abs(by)} {'more' if by > 0 else 'fewer'} of {sku} ({new} instead of {old})"
        case "cut-off":
            return f"the cut-off of {one.about} were {-by} minutes later ({new} instead of {one.value})"
        case "room":
            counted = one.unit.removesuffix("s") if change.to == 1 else one.unit
            return f"{one.about} had room for {new} {counted} instead of {old}"
        case "time of the decision":
            return f"it had been decided {duration(-by)} earlier, by {new}"
        case "delay that the customer accepts":
            return f"the customer accepted {abs(by)} minutes {'more' if by > 0 else 'less'} of delay ({new})"
        case "saving threshold":
            return f"the saving threshold for {one.about} were {new} instead of {old}"
    of = f" of {one.about}" if one.about else ""
    return f"the {one.name}{of} were {money(abs(by))} {'higher' if by > 0 else 'lower'} ({new} instead of {old})"


def sentence(found: BreakEven) -> str:
    return f"{found.winner} would win {_if(found)}."


def sentences(found: Sequence[BreakEven]) -> str:
    """For each that could win the most telling few: one for each kind of input, stock to be had and prices first."""
    told = []
    for winner in dict.fromkeys([one.winner for one in found]):
        kinds: dict[tuple[str, bool], BreakEven] = {}
        for one in [one for one in found if one.winner == winner]:
            kinds.setdefault(_kind(one), one)
        chosen = sorted(kinds, key=_rank)[:MOST]
        told.append(f"{winner} would win {', or '.join([_if(kinds[kind]) for kind in chosen])}.")
    return " ".join(told)


def _if(found: BreakEven) -> str:
    return f"if {' and '.join([condition(change) for change in found.changes])}"


def _kind(found: BreakEven) -> tuple[str, bool]:
    return found.changes[0].input.name, found.changes[0].by > 0


def _rank(kind: tuple[str, bool]) -> int:
    return TELLING.index(kind) if kind in TELLING else len(TELLING)


def nearest(found: Shortfall) -> str:
    """Of a plan that lost by cost alone."""
    if found.cost_minor < 0:
        told = f"{found.label} would not be taken even if it cost nothing"
    else:
        less, new, old = money(found.is_minor - found.cost_minor), money(found.cost_minor), money(found.is_minor)
        told = f"{found.label} would be taken if it cost {less} less ({new} instead of {old})"
    if found.threshold_minor is not None:
        limit = money(found.threshold_minor)
        told += f"{', but' if found.cost_minor < 0 else ', or'} if a move had to save more than {limit} only"
    return f"{told}."


def question(asked: WhatIf) -> str:
    """The changes in words."""
    told = [f"without {site_id}" for site_id in asked.without]
    told += [f"with {one.units} of {one.sku} at {one.site_id}" for one in asked.stock]
    if asked.now_ms is not None:
        told.append(f"at {moment(asked.now_ms)}")
    return ", ".join(told)


def difference(before: Verdict, after: Verdict, nothing: str = "Nothing could be held") -> str:
    """What another verdict would mean: sites, cost, units short, promise; `nothing` where nothing is chosen."""
    if after.chosen == NOTHING:
        return f"{nothing}." if before.chosen != NOTHING else f"{nothing}, as before."
    said = "It would be the same" if after.chosen == before.chosen else f"It would be {after.chosen}"
    told = []
    more = after.cost_minor - before.cost_minor
    if before.chosen != NOTHING and more:
        told.append(f"{money(abs(more))} {'dearer' if more > 0 else 'cheaper'}")
    short = after.short_units - before.short_units
    if short:
        units = "unit" if abs(short) == 1 else "units"
        told.append(f"{abs(short)} {units} {'more' if short > 0 else 'fewer'} short")
    if before.promise_at_ms and after.promise_at_ms and after.promise_at_ms != before.promise_at_ms:
        late = after.promise_at_ms - before.promise_at_ms
        told.append(f"there {duration(abs(late))} {'later' if late > 0 else 'sooner'}")
    detail = f": {', '.join(told)}" if told else ""
    return f"{said}{detail}."
