"""By how much an input would have to change for another way to win: found by making the decision again.

Every value told is a boundary: with it the other way wins, and with one unit less of change it does not; nor does it
with half of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orderwing.planning.explaining import inputs
from orderwing.planning.explaining.deciding import NOTHING, Decide, Verdict
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.explaining.inputs import Input

TRIES = 200  # decisions made again for one input
ONE_BY_ONE = 40  # of them in steps of one where no longer step is known to be safe
DECISIONS = 600  # made again for one card
SITES = 6  # that were not weighed, and are told what they lack


@dataclass(frozen=True)
class Change:
    """An input and the value that it would have to have."""

    input: Input
    to: int

    @property
    def by(self) -> int:
        return self.to - self.input.value

    def apply(self, facts: Facts) -> Facts:
        return self.input.turn(facts, self.to)

    def one_less(self) -> Change:
        return Change(self.input, self.to - (1 if self.by > 0 else -1))


@dataclass(frozen=True)
class BreakEven:
    """All `changes` together let `winner` win; with one unit less of any of them it does not."""

    winner: str
    changes: tuple[Change, ...]

    def apply(self, facts: Facts) -> Facts:
        for change in self.changes:
            facts = change.apply(facts)
        return facts

    def halved(self) -> BreakEven:
        """Half of each change; without those of which nothing is left."""
        halves = [Change(one.input, halved(one.input.value, one.to)) for one in self.changes]
        return BreakEven(self.winner, tuple([one for one in halves if one.by]))

    def just_under(self) -> Iterator[BreakEven]:
        for place, change in enumerate(self.changes):
            yield BreakEven(self.winner, (*self.changes[:place], change.one_less(), *self.changes[place + 1 :]))


class Findings(NamedTuple):
    """`complete`: every input was tried; otherwise the last, the prices that also share out the lines, were not."""

    found: tuple[BreakEven, ...]
    complete: bool


def freed(facts: Facts, verdict: Verdict, decide: Decide, tried: Iterable[Input]) -> Iterator[BreakEven]:
    """For each input whoever else wins where it is as large as it can be."""
    for one in tried:
        winner = decide(one.turn(facts, one.high)).chosen
        if winner not in (verdict.chosen, NOTHING):

            def wins(value: int, one: Input = one, winner: str = winner) -> bool:
                return decide(one.turn(facts, value)).chosen == winner

            yield BreakEven(winner, (Change(one, _nearest(wins, one.value, one.value, one.high)),))


class _SpentError(Exception):
    """No more decisions may be made."""


def break_evens(
    facts: Facts, verdict: Verdict, decide: Decide, decisions: int = DECISIONS, own: Sequence[Input] = ()
) -> Findings:
    """For the runner-up each input that alone would do, and for sites that lost for want of stock what they lack.

    A site that would be dearer even so is told with the price that would have to fall, too. At most so many
    `decisions` are made again. `own`: inputs of this kind of decision alone.
    """
    left = decisions

    def counted(changed: Facts) -> Verdict:
        nonlocal left
        if left == 0:
            raise _SpentError
        left -= 1
        return decide(changed)

    found: list[BreakEven] = []
    try:
        for one in _all(facts, verdict, counted, own):
            found.append(one)  # noqa: PERF402  # those found before the budget was spent count
    except _SpentError:
        return Findings(tuple(found), complete=False)
    return Findings(tuple(found), complete=True)


def _all(facts: Facts, verdict: Verdict, decide: Decide, own: Sequence[Input]) -> Iterator[BreakEven]:
    known = set(verdict.cost_of) | {verdict.chosen}
    sites = {site.site_id for site in facts.sites}
    lacking = [one.label for one in verdict.candidates if one.label not in known and one.label in sites]
    rival = verdict.runner_up
    if rival is None or rival.label == verdict.chosen:
        for site_id in lacking[:SITES]:
            yield from _with_what_it_lacks(facts, decide, site_id)
        return
    listed = [*own, *_single_inputs(facts, verdict, rival.label)]
    for one in [one for one in listed if one.is_quick]:
        yield from _turned(facts, verdict, decide, one, rival.label)
    yield from _less_of_the_chosen(facts, verdict, decide, rival.label)
    for site_id in lacking[:SITES]:
        yield from _with_what_it_lacks(facts, decide, site_id)
    slow = [one for one in listed if not one.is_quick]
    for one in sorted(slow, key=lambda one: one.slope is None):  # the others may take all that is left
        yield from _turned(facts, verdict, decide, one, rival.label)


def _single_inputs(facts: Facts, verdict: Verdict, rival: str) -> Iterator[Input]:
    there, here = _sites_of(rival), _sites_of(verdict.chosen)
    packing = there | here if facts.network.cartons else there ^ here  # else it is one parcel of a site either way
    yield from inputs.prices(facts, there | here, packing)
    for site in facts.sites:
        if site.site_id in there and (one := inputs.cut_off(facts, site.site_id)):
            yield one
    yield inputs.earlier(facts)
    yield from inputs.patience(facts)
    costs = verdict.cost_of
    straight = [cost for label, cost in costs.items() if "<" not in label]
    gathered = [cost for label, cost in costs.items() if "<" in label]
    yield from inputs.saving_threshold(facts, [one - other for one in straight for other in gathered])
    yield inputs.late_hour(facts)


def _sites_of(label: str) -> set[str]:
    return set(label.replace("<", "+").split("+")) - {NOTHING}


def _turned(facts: Facts, verdict: Verdict, decide: Decide, one: Input, rival: str) -> Iterator[BreakEven]:
    if one.stops is not None:
        values = [_by_stops(facts, decide, one, rival)]
    else:
        values = [_by_price(facts, verdict, decide, one, rival, sign) for sign in (-1, 1)]
    for value in values:
        if value is not None:
            yield BreakEven(rival, (Change(one, value),))


def _by_stops(facts: Facts, decide: Decide, one: Input, rival: str) -> int | None:
    before = one.value
    for stop in (one.stops or ())[:TRIES]:
        if decide(one.turn(facts, stop)).chosen == rival:
            return _nearest(lambda value: decide(one.turn(facts, value)).chosen == rival, one.value, before, stop)
        before = stop
    return None


def _by_price(facts: Facts, verdict: Verdict, decide: Decide, one: Input, rival: str, sign: int) -> int | None:
    """The first price at which the rival wins.

    While it is dearer by m, and a unit of the price changes no difference of costs by more than `slope`, it cannot win
    within m / slope units: those are stepped over. Where costs do not tell how far it is, the first values are tried
    one by one, then ever fewer.
    """
    value, limit = one.value, one.low if sign < 0 else one.high
    stride = 1
    for tried in range(TRIES):
        if value == limit:
            return None
        margin = _margin(verdict, rival)
        if one.slope and margin > 0:
            step = max(1, margin // one.slope)
        else:
            stride = stride if tried < ONE_BY_ONE else 2 * stride
            step = stride
        after = max(value - step, limit) if sign < 0 else min(value + step, limit)
        changed = decide(one.turn(facts, after))
        if changed.chosen == rival:
            return _nearest(lambda price: decide(one.turn(facts, price)).chosen == rival, one.value, value, after)
        if _hopeless(verdict, changed, one, after - value):
            return None
        verdict, value = changed, after
    return None


def _hopeless(before: Verdict, after: Verdict, one: Input, step: int) -> bool:
    """Whether no rival gains on what is chosen any more.

    Costs are concave in a price: what it no longer raises it never will, and what falls with all of it goes on falling.
    """
    if before.chosen != after.chosen or not one.concave:
        return False
    fell = before.cost_minor - after.cost_minor
    return fell == 0 if step > 0 else one.slope is not None and fell >= one.slope * -step


def _margin(verdict: Verdict, rival: str) -> int:
    """How much dearer the rival is at least."""
    costs, chosen = verdict.cost_of, verdict.cost_minor
    if verdict.compared is not None:
        costs, chosen = dict(verdict.compared), verdict.compared[verdict.chosen]
    return costs.get(rival, max(costs.values(), default=0)) - chosen


def _boundary(wins: Callable[[int], bool], loses_at: int, wins_at: int) -> int:
    """A value that wins, next to one that does not, between the two."""
    while abs(wins_at - loses_at) > 1:
        middle = (loses_at + wins_at) // 2
        if wins(middle):
            wins_at = middle
        else:
            loses_at = middle
    return wins_at


def _nearest(wins: Callable[[int], bool], value: int, loses_at: int, wins_at: int) -> int:
    """The same, and half as far from `value` it does not win."""
    found = _boundary(wins, loses_at, wins_at)
    while (half := halved(value, found)) != value and wins(half):
        found = _boundary(wins, value, half)
    return found


def halved(value: int, to: int) -> int:
    """Half as far, rounded towards `value`."""
    return value + int((to - value) / 2)


def _less_of_the_chosen(facts: Facts, verdict: Verdict, decide: Decide, rival: str) -> Iterator[BreakEven]:
    """So few units at a site that was chosen that the rival wins: for each SKU taken there."""
    there = _sites_of(rival)
    for place in dict.fromkeys([(one.site_id, one.sku) for one in verdict.taken]):
        if place[0] in there:
            continue
        one = inputs.stock(facts, *place)

        def wins(units: int, one: Input = one) -> bool:
            return decide(one.turn(facts, units)).chosen == rival

        taken = sum([t.units for t in verdict.taken if (t.site_id, t.sku) == place])
        for units in (taken - 1, 0):
            if wins(units):
                yield BreakEven(rival, (Change(one, _nearest(wins, one.value, one.value, units)),))
                break


def _with_what_it_lacks(facts: Facts, decide: Decide, site_id: str) -> Iterator[BreakEven]:
    lacks = [inputs.stock(facts, site_id, sku) for sku in facts.needed]
    changes = [Change(one, units) for one, units in zip(lacks, facts.needed.values(), strict=True) if one.value < units]
    if not changes:
        return
    given = BreakEven(site_id, tuple(changes)).apply(facts)
    verdict = decide(given)
    extra: list[Change] = []
    if verdict.chosen != site_id:
        cheaper = _cheaper(given, verdict, decide, site_id)
        if cheaper is None:
            return
        extra = [cheaper]
    found = _least(facts, decide, BreakEven(site_id, (*changes, *extra)))
    if found is not None:
        yield found


def _cheaper(facts: Facts, verdict: Verdict, decide: Decide, site_id: str) -> Change | None:
    """The first price of the site that would let it win by falling."""
    for one in inputs.prices(facts, {site_id}, {site_id}):
        value = _by_price(facts, verdict, decide, one, site_id, -1)
        if value is not None:
            return Change(one, value)
    return None


def _least(facts: Facts, decide: Decide, found: BreakEven) -> BreakEven | None:
    """Each change as small as the others let it be; None if none is needed at all."""
    place, winner = 0, found.winner
    while place < len(found.changes):
        change = found.changes[place]
        others = (*found.changes[:place], *found.changes[place + 1 :])
        base = BreakEven(found.winner, others).apply(facts)

        def wins(value: int, one: Input = change.input, base: Facts = base) -> bool:
            return decide(one.turn(base, value)).chosen == winner

        if wins(change.input.value):
            found = BreakEven(found.winner, others)
            place = 0
            continue
        least = Change(change.input, _boundary(wins, change.input.value, change.to))
        found = BreakEven(found.winner, (*found.changes[:place], least, *found.changes[place + 1 :]))
        place += 1
    half = found.halved()
    if half.changes and not _fails(facts, decide, half):
        return _least(facts, decide, half)
    return found if found.changes and all(_fails(facts, decide, one) for one in found.just_under()) else None


def _fails(facts: Facts, decide: Decide, one: BreakEven) -> bool:
    return decide(one.apply(facts)).chosen != one.winner
