"""Every break-even told is one: with it the other way wins, with one unit less, or half of it, it does not."""

from __future__ import annotations

from hypothesis import given, settings

from orderwing.planning.explaining.breakeven import BreakEven, break_evens
from orderwing.planning.explaining.deciding import Decide, exactly, quickly
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.explaining.inputs import late_hour, prices
from support.sourced import decisions


def require_flips(facts: Facts, found: tuple[BreakEven, ...], decide: Decide) -> None:
    before = decide(facts).chosen
    for one in found:
        assert one.winner != before
        assert decide(one.apply(facts)).chosen == one.winner, one
        for less in (*one.just_under(), one.halved()):
            assert decide(less.apply(facts)).chosen != one.winner, one


@settings(max_examples=40, deadline=None)
@given(facts=decisions())
def test_just_over_flips_the_choice_and_just_under_does_not(facts: Facts) -> None:
    require_flips(facts, break_evens(facts, quickly(facts), quickly).found, quickly)


@settings(max_examples=12, deadline=None)
@given(facts=decisions(rich=True))
def test_the_same_holds_of_the_exact_engine(facts: Facts) -> None:
    require_flips(facts, break_evens(facts, exactly(facts), exactly, decisions=150).found, exactly)


@settings(max_examples=15, deadline=None)
@given(facts=decisions())
def test_no_price_nearer_than_the_one_told_lets_the_runner_up_win(facts: Facts) -> None:
    """Every price down to nought, one by one, and as far up as told."""
    verdict = quickly(facts)
    rival = verdict.runner_up
    if rival is None:
        return
    found = {
        (change.input.name, change.input.about, change.by < 0): change.to
        for one in break_evens(facts, verdict, quickly).found
        if one.winner == rival.label and len(one.changes) == 1
        for change in one.changes
    }
    tried = [one for one in prices(facts, {site.site_id for site in facts.sites}, set()) if one.slope is not None]
    for one in [*tried, late_hour(facts)]:
        down = next(
            (v for v in range(one.value - 1, one.low - 1, -1) if quickly(one.turn(facts, v)).chosen == rival.label),
            None,
        )
        assert found.get((one.name, one.about, True)) == down
        up = found.get((one.name, one.about, False), one.value + 50)
        assert all(quickly(one.turn(facts, v)).chosen != rival.label for v in range(one.value, up))
