"""What cards let explain, what may be asked, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orderwing.commands.explaining.again import remade
from orderwing.commands.explaining.as_json import as_json
from orderwing.commands.explaining.asked import what_if
from orderwing.commands.explaining.cards import CardError, Reference, facts_of_card, is_reproduced
from orderwing.commands.explaining.told import Told, candidates, print_card
from orderwing.commands.policy_log import read_policy_file
from orderwing.planning.explaining.asking import AskedError, Stocked, WhatIf
from orderwing.planning.explaining.breakeven import break_evens
from orderwing.planning.explaining.by_policy import by_policy
from orderwing.planning.explaining.deciding import exactly, quickly
from orderwing.planning.explaining.facts import Facts, facts_of
from orderwing.planning.explaining.telling import difference, duration, question, sentences
from orderwing.planning.policies.compiling import compiled
from orderwing.planning.policies.file import parse
from orderwing.runtime.errors import OperatorError
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Consolidation, Lane, Network, Policies, Region, Site, Transfer
from support.reservation_world import World, network, of_kind, order
from support.sourced import HERE, ITEMS, NOW_MS, an_order

SKUS = tuple(f"K{n}" for n in range(25))
NOTHING_PUBLISHED = ()


def decided(placed: Order, stock: dict[tuple[str, str], int]) -> tuple[DecisionCard, Reference]:
    """The card of an order in a region of two sites."""
    world = World(network(regions=("north",)))
    for (site_id, sku), units in stock.items():
        world.receive(site_id, sku, units)
    (card,) = of_kind(world.request(placed), DecisionCard)
    return card, Reference({1: world.network}, NOTHING_PUBLISHED, world.network)


def test_a_card_of_more_shelves_than_it_shows_still_tells_them_all() -> None:
    placed = order("o1", dict.fromkeys(SKUS, 2))
    stock = {(site_id, sku): n % 4 + 1 for site_id in ("N1", "N2") for n, sku in enumerate(SKUS)}
    card, reference = decided(placed, stock)
    assert card.truncated
    assert len(card.seen) == 40
    facts = facts_of_card(card, placed, reference)
    assert facts.stock == stock
    assert is_reproduced(card, quickly(facts))


def test_what_cannot_be_made_again_says_why() -> None:
    placed = order("o1", {"A": 1})
    card, reference = decided(placed, {("N1", "A"): 1})
    with pytest.raises(CardError, match="version 1 of the network, which is gone from the log"):
        remade(card, placed, replace(reference, networks={}))
    with pytest.raises(CardError, match="does not hold all the stock that the decision saw"):
        remade(card.model_copy(update={"facts": None}), placed, reference)
    for stage, decision, why in (
        ("allocation", "planned on the stock held", "does not hold what was held and promised, nor when"),
        ("allocation", "changed by proposal", "what came of a decision above"),
        ("allocation", "planned: a departure has room now", "does not hold what was held, nor how full"),
        ("allocation", "refused a proposal", "does not hold the plan that stood"),
        ("reservation", "one box or several", "what the regions answered"),
        ("reservation", "route was stale", "what the regions answered"),
    ):
        bare = card.model_copy(update={"facts": None, "stage": stage, "decision": decision})
        with pytest.raises(CardError, match=why):
            remade(bare, placed, reference)
    with pytest.raises(CardError, match="not in the views yet"):
        remade(card, None, reference)
    with pytest.raises(CardError, match="Made again it is N1"):
        remade(card.model_copy(update={"chosen": "N2"}), placed, reference)


@pytest.mark.parametrize("text", ["A", "A=N1", "A=N1:", "A=N1:-1", "A=N1:x", "=N1:5", "A=:5", "A=N1:5:6"])
def test_stock_that_is_not_written_well_is_refused(text: str) -> None:
    with pytest.raises(AskedError, match="is not SKU=SITE:UNITS"):
        what_if((), (text,), None)


def test_what_is_asked_is_read_and_checked() -> None:
    asked = what_if(("N1", "N1"), ("A=N2:5",), "2026-05-06T09:30")
    assert asked == WhatIf(("N1",), (Stocked("A", "N2", 5),), 1_778_059_800_000)
    assert what_if((), (), "2026-05-06T10:30+01:00").now_ms == asked.now_ms
    assert question(asked) == "without N1, with 5 of A at N2, at 2026-05-06 09:30:00"
    world = network(regions=("north",))
    asked.check(world, {"A"})
    with pytest.raises(AskedError, match="The order has no A: it is of B, C"):
        asked.check(world, {"B", "C"})
    with pytest.raises(AskedError, match="The network has no site N9: its sites are N1, N2"):
        what_if(("N9",), (), None).check(world, set())
    for wrong in ("noon", "2026-13-01", "1969-01-01T00:00"):
        with pytest.raises(AskedError, match="--at"):
            what_if((), (), wrong)
    assert not what_if((), (), None)


def test_a_site_that_lacks_units_is_told_how_many() -> None:
    placed = order("o1", {"A": 3, "B": 2})
    card, reference = decided(placed, {("N1", "A"): 3, ("N1", "B"): 2, ("N2", "A"): 1, ("N2", "B"): 2})
    again = remade(card, placed, reference)
    # N2 asks a penny more for each line, so it has to be cheaper, too.
    assert sentences(again.findings.found) == (
        "N2 would win if N2 had 2 more of A (3 instead of 1) and the parcel rate of lane N2-home from N2 were "
        "0.03 lower (2.97 instead of 3.00)."
    )
    told = as_json(Told(json.loads(card.model_dump_json()), again, None))
    assert told["again"]["break_evens"][0]["changes"][0] | {"said": ""} == {
        "input": "stock", "about": "A at N2", "unit": "units", "from": 1, "to": 3, "by": 2, "said": "",
    }  # fmt: skip
    json.dumps(told)


def test_without_the_chosen_site_another_is_chosen() -> None:
    placed = order("o1", {"A": 3})
    card, reference = decided(placed, {("N1", "A"): 3, ("N2", "A"): 4})
    again = remade(card, placed, reference)
    after = quickly(WhatIf(without=("N1",)).apply(again.facts))
    assert difference(again.verdict, after) == "It would be N2: 0.01 dearer."
    neither = quickly(WhatIf(without=("N1", "N2")).apply(again.facts))
    assert difference(again.verdict, neither) == "Nothing could be held."
    fewer = quickly(WhatIf(stock=(Stocked("A", "N1", 2), Stocked("A", "N2", 0))).apply(again.facts))
    assert difference(again.verdict, fewer) == "It would be the same: 1 unit more short."
    assert not WhatIf(without=("S1",)).concerns(again.facts)


def test_it_is_printed_as_sentences_and_tables() -> None:
    placed = order("o1", {"A": 3})
    card, reference = decided(placed, {("N1", "A"): 3, ("N2", "A"): 4})
    console = Console(width=160, record=True, file=StringIO())
    print_card(Told(json.loads(card.model_dump_json()), remade(card, placed, reference), None), "", console)
    text = console.export_text()
    assert "N2 would win if the parcel rate of lane N2-home from N2 were 0.02 lower (2.98 instead of 3.00)" in text
    assert "What else would win, and what that takes" in text
    assert "Runner-up: N2, 0.01 dearer." in text
    assert "stock of A at N1" in text


def test_costs_are_drawn_where_there_is_room_for_it() -> None:
    told: list[dict[str, object]] = [
        {"label": "N1", "cost_minor": 400, "terms": [["parcel", 300], ["weight", 100]], "lost_because": None},
        {"label": "N2", "cost_minor": 200, "terms": [["parcel", 150], ["weight", 50]], "lost_because": "late"},
        {"label": "N3", "cost_minor": None, "terms": [], "lost_because": "lacks 1"},
    ]
    console = Console(width=160, record=True, file=StringIO())
    console.print(candidates(told, 160))
    wide = console.export_text()
    assert "█" * 15 + "▒" * 5 in wide
    assert "│ " + "█" * 7 + "▒" * 3 + " " in wide
    assert "█parcel 1.50, ▒weight 0.50" in wide
    console.print(candidates(told, 80))
    assert "█" not in console.export_text()


def far_apart(threshold_minor: int) -> Facts:
    """Tea at one site, mugs at another: gathered first they cost 7.80 less than sent apart."""
    sites = tuple(
        Site(
            site_id=site_id, region_id="r", location=HERE, timezone="UTC", pick_minutes=0, units_per_hour=1000,
            handling_line_minor=0, handling_parcel_minor=0,
        )
        for site_id in ("s0", "s1")
    )  # fmt: skip
    lanes = tuple(
        Lane(
            lane_id=f"{site.site_id}-van", site_id=site.site_id, zone="z", carrier="c", services=tuple(ServiceLevel),
            every_minutes=60, transit_minutes=60, parcels_per_departure=9, parcel_minor=900, kilogram_minor=0,
        )
        for site in sites
    )  # fmt: skip
    world = Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="r", centre=HERE),),
        sites=sites,
        lanes=lanes,
        transfers=(Transfer(from_site="s1", to_site="s0", minutes=60, transfer_minor=120),),
        policies=Policies(
            late_hour_minor=0,
            consolidation=(
                Consolidation(
                    service=ServiceLevel.STANDARD, threshold_minor=threshold_minor, max_delay_minutes=2 * 1440
                ),
            ),
        ),
    )
    placed = an_order({"tea": 1, "mug": 1}, ServiceLevel.STANDARD)
    return facts_of(
        placed, world, ITEMS, {("s0", "tea"): 1, ("s1", "mug"): 1}, region="r", now_ms=NOW_MS
    )  # fmt: skip


def test_the_threshold_at_which_an_order_would_be_gathered_is_told() -> None:
    refused = far_apart(threshold_minor=1_000)
    verdict = exactly(refused)
    assert verdict.chosen == "s0+s1"
    found = [
        one for one in break_evens(refused, verdict, exactly).found if one.changes[0].input.name == "saving threshold"
    ]
    assert [(one.winner, one.changes[0].to) for one in found] == [("s0<s1", 779)]
    gathered = far_apart(threshold_minor=500)
    verdict = exactly(gathered)
    assert verdict.chosen == "s0<s1"
    found = [
        one for one in break_evens(gathered, verdict, exactly).found if one.changes[0].input.name == "saving threshold"
    ]
    assert [(one.winner, one.changes[0].to) for one in found] == [("s0+s1", 780)]
    assert "the saving threshold for STANDARD were 7.80 instead of 5.00" in sentences(found)


def test_another_policy_decides_on_the_same_facts() -> None:
    facts = far_apart(threshold_minor=500)
    text = "policy: apart\nversion: 1\ncurrency: GBP\nstrategies:\n- name: never-gather\n  gather: never\n"
    verdict = by_policy(compiled(parse("apart.yaml", text), facts.network))(facts)
    assert verdict.chosen == "s0+s1"
    assert "never-gather" in verdict.note


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(0, "0 s"), (1, "1 s"), (61_000, "1 min 1 s"), (3_600_000, "1 h"), (3_725_000, "1 h 2 min")],
)
def test_durations_are_told_by_their_two_largest_parts(milliseconds: int, told: str) -> None:
    assert duration(milliseconds) == told


@pytest.mark.parametrize("policy", ["no-such-file.yaml", "broken.yaml"])
def test_a_policy_file_that_is_none_is_one_sentence(policy: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("policy: [", "utf-8")
    with pytest.raises(OperatorError, match=policy):
        read_policy_file(tmp_path / policy)
