"""Break-evens and what-ifs in sentences. Money is told in units of a hundred minor ones, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from orderwing.planning.calendar import MINUTE_MS
from orderwing.planning.explaining.asking import WhatIf
from orderwing.planning.explaining.breakeven import BreakEven, Change
from orderwing.planning.explaining.deciding import NOTHING, Verdict
from orderwing.planning.explaining.inputs import Unit


def money(minor: int) -> str:
    return f"{minor / 100:.2f}"


def moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(minutes: int) -> str:
    """Whole minutes, in hours where they are many."""
    hours, rest = divmod(minutes, 60)
    told = [f"{hours} h"] * bool(hours) + [f"{rest} min"] * (bool(rest) or not hours)
    return " ".join(told)


def value(change: Change, amount: int) -> str:
    """A value of the input that changes."""
    match change.input.unit:
        case Unit.MINOR:
            return money(amount)
        case Unit.TIME:
            return moment(amount)
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
            return f"-{duration(-(by // MINUTE_MS))}"
        case Unit.MINUTES:
            return f"{by:+} min"
        case _:
            return f"{by:+}"


def condition(change: Change) -> str:
    one, by = change.input, change.by
    old, new = value(change, one.value), value(change, change.to)
    match one.name:
        case "stock":
            return f"there were {abs(by)} {'more' if by > 0 else 'fewer'} of {one.about} ({new} instead of {old})"
        case "cut-off":
            return f"the cut-off of {one.about} were {-by} minutes later (picking takes {new} instead of {old})"
        case "time of the decision":
            return f"it had been decided {duration(-(by // MINUTE_MS))} earlier, by {new}"
        case "delay that the customer accepts":
            return f"the customer accepted {abs(by)} minutes {'more' if by > 0 else 'less'} of delay ({new})"
        case "saving threshold":
            return f"the saving threshold for {one.about} were {new} instead of {old}"
    of = f" of {one.about}" if one.about else ""
    return f"the {one.name}{of} were {money(abs(by))} {'higher' if by > 0 else 'lower'} ({new} instead of {old})"


def sentence(found: BreakEven) -> str:
    return f"{found.winner} would win if {' and '.join(condition(change) for change in found.changes)}."


def question(asked: WhatIf) -> str:
    """The changes in words."""
    told = [f"without {site_id}" for site_id in asked.without]
    told += [f"with {one.units} of {one.sku} at {one.site_id}" for one in asked.stock]
    if asked.now_ms is not None:
        told.append(f"at {moment(asked.now_ms)}")
    return ", ".join(told)


def difference(before: Verdict, after: Verdict) -> str:
    """What another verdict would mean: sites, cost, units short, promise."""
    if after.chosen == NOTHING:
        return "Nothing could be held." if before.chosen != NOTHING else "Nothing could be held, as before."
    said = "It would be the same" if after.chosen == before.chosen else f"It would be {after.chosen}"
    told = []
    more = after.cost_minor - before.cost_minor
    if before.chosen != NOTHING and more:
        told.append(f"{money(abs(more))} {'dearer' if more > 0 else 'cheaper'}")
    short = after.short_units - before.short_units
    if short:
        told.append(f"{abs(short)} units {'more' if short > 0 else 'fewer'} short")
    if before.arrival_at_ms and after.arrival_at_ms and after.arrival_at_ms != before.arrival_at_ms:
        late = after.arrival_at_ms - before.arrival_at_ms
        told.append(f"there {duration(abs(late) // MINUTE_MS)} {'later' if late > 0 else 'sooner'}")
    detail = f": {', '.join(told)}" if told else ""
    return f"{said}{detail}."
