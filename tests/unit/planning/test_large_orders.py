"""Orders of many units: packed together as one by one, and tried only as often as the budget says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orderwing.bench.decisions.sourcing_cases import small_case, speed_case
from orderwing.planning.policies import few_sites, sourcing
from orderwing.planning.policies.compiling import apply
from orderwing.planning.policies.sourcing import Situation
from orderwing.planning.pricing import Carton, Goods, Tariff
from orderwing.planning.pricing.grid import freight, pack_all
from orderwing.planning.pricing.packing import pack
from orderwing.planning.sourcing import subsets, tables
from orderwing.planning.sourcing.engine import greedy, plan, verify
from orderwing.planning.sourcing.plan import Plan
from orderwing.planning.sourcing.problem import Budget, Problem
from orderwing.planning.sourcing.search import WANTS_A_NODE
from orderwing.planning.sourcing.states import Loads
from orderwing_schemas.domain import OrderLine
from support.policies import case, items, policy

CARTONS = (Carton("s", 1000, 3000, 50, 20), Carton("m", 5000, 20_000, 200, 40), Carton("l", 20_000, 60_000, 500, 90))
TARIFFS = [Tariff((500, 1000, 5000, 20_000), (300, 400, 700, 1500), 80, 5000, 20, 5), Tariff((0,), (450,), 60)]
# Some without weight, without volume, without both, of one size, and too large for any carton.
GOODS = [
    Goods(f"sku-{n}", 1, grams, cm3, oversize=True)
    for n, (grams, cm3) in enumerate(
        [(0, 0), (40, 0), (0, 70), (700, 900), (700, 900), (6000, 900), (90, 20_001), (19_999, 7), (20_001, 1), (3, 11)]
    )
]


@pytest.mark.parametrize("most", [30, 1_000, 1_000_000])
def test_many_units_are_packed_alike_in_loads_together(most: int) -> None:
    drawn = np.random.default_rng(most)
    amounts = drawn.integers(0, most, (40, len(GOODS))) * drawn.integers(0, 2, (40, len(GOODS)))
    together = pack_all(amounts, GOODS, CARTONS)
    charges = freight(together, TARIFFS)
    for row, units in enumerate(amounts.tolist()):
        parcels = pack(CARTONS, [one._replace(units=n) for one, n in zip(GOODS, units, strict=True)])
        assert sum(one.times for one in parcels) == together.pieces[row]
        assert sum(one.minor * one.times for one in parcels) == together.minor[row]
        each = [sum(sum(t.charge(one.grams, one.cm3)) * one.times for one in parcels) for t in TARIFFS]
        assert each == charges[:, row].tolist()
    assert len(together.blocks) < 5 * len(GOODS)


def large_order(units: int) -> Problem:
    problem = speed_case(2, lines=20)
    wants = tuple(want._replace(quantity=units) for want in problem.wants)
    sources = tuple(replace(one, stock={want.sku: units * 2 // 3 for want in wants}) for one in problem.sources)
    return replace(problem, wants=wants, sources=sources)


@pytest.mark.parametrize("units", [100, 1_000_000])
@pytest.mark.parametrize("most", [1, 25_000])
def test_no_more_loads_are_packed_than_the_budget_says(monkeypatch: pytest.MonkeyPatch, units: int, most: int) -> None:
    packed: list[int] = []
    plain = tables.packed

    def counted(problem: Problem, loads: Loads) -> object:
        packed.append(loads.amounts.size)
        return plain(problem, loads)

    monkeypatch.setattr(tables, "packed", counted)
    order = large_order(units)
    answer = plan(order, Budget(packed=most))
    assert sum(packed) - max(packed) <= max(most, packed[0])  # a step that began within it may go beyond
    assert (answer.nodes > 0) == (most > 1)
    assert answer.nodes < Budget().nodes
    assert verify(order, replace(answer, others=lambda: ())) == []
    assert answer.chosen.short_units == 0
    assert 0 < answer.gap < 1
    assert answer.chosen.cost_minor <= greedy(order).cost_minor


def test_a_load_once_priced_is_not_packed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    plain = tables.packed

    def noted(problem: Problem, loads: Loads) -> object:
        seen.extend(row.tobytes() for row in loads.amounts)
        return plain(problem, loads)

    monkeypatch.setattr(tables, "packed", noted)
    assert plan(large_order(100), Budget(packed=60_000)).nodes > 1
    assert len(seen) == len(set(seen))


def test_of_very_many_wants_few_ways_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    plain = tables.packed

    def counted(problem: Problem, loads: Loads) -> object:
        tried.append(len(loads.amounts))
        return plain(problem, loads)

    monkeypatch.setattr(tables, "packed", counted)
    problem = speed_case(2, lines=200, sites=5)
    wants = tuple(want._replace(quantity=50) for want in problem.wants)
    sources = tuple(replace(one, stock={want.sku: 40 for want in wants}) for one in problem.sources)
    order = replace(problem, wants=wants, sources=sources)
    answer = plan(order, Budget(packed=40_000))
    assert sum(tried) <= 40_000 // (200 * 2) + max(tried)
    assert verify(order, replace(answer, others=lambda: ())) == []


def test_of_many_wants_that_no_carton_holds_few_starts_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    plain = subsets.split_units

    def counted(*given: Any) -> object:
        made.append(1)
        return plain(*given)

    monkeypatch.setattr(subsets, "split_units", counted)
    order = replace(large_order(100), cartons=())
    answer = plan(order, Budget(nodes=1))
    decided = len(made)
    assert 0 < decided <= WANTS_A_NODE
    assert len(answer.losers) > 1
    assert len(made) - decided <= WANTS_A_NODE * len(answer.chosen.shipments)
    assert verify(order, answer) == []


def test_a_loser_that_only_a_longer_search_would_have_met_is_told_truly() -> None:
    problem = small_case(50270)
    answer = plan(problem, Budget(loads=1, nodes=3), 50270)
    cheaper = [one for one in answer.losers if one.cost_minor < answer.chosen.cost_minor]
    saved = answer.chosen.cost_minor - cheaper[0].cost_minor
    assert not answer.exact
    assert cheaper[0].lost_because == f"cheaper by {saved}, and not met before the search had to end"


def widely_spread(lines: int, units: int) -> Situation:
    """Each line at every third site of the market, half of it there."""
    at = case(1).at
    skus = sorted(sku for sku, item in items().items() if not item.traits)[:lines]
    wanted = [OrderLine(line_id=sku, sku=sku, quantity=units, amount_minor=1, capacity=1) for sku in skus]
    turn = {site.site_id: place for place, site in enumerate(at.sites)}

    def atp(site_id: str, sku: str) -> int:
        return 0 if (turn[site_id] + skus.index(sku)) % 3 else units // 2

    return replace(at, asked=replace(at.asked, lines=wanted, atp=atp, may_split=True, one_box=False))


@pytest.mark.parametrize("nodes", [4, 20])
def test_of_a_large_order_few_groups_of_sites_are_searched(monkeypatch: pytest.MonkeyPatch, nodes: int) -> None:
    """Each of the 210 groups of four of the ten sites would be a search of its own."""
    searches: list[Problem] = []

    def counted(problem: Problem, budget: Budget, seed: int) -> Plan:
        searches.append(problem)
        return plan(problem, budget, seed)

    for module in (sourcing, few_sites):
        monkeypatch.setattr(module, "plan", counted)
    at = widely_spread(lines=12, units=50)
    applied = apply(policy({"name": "few", "max_sites": 4}, network=at.asked.network), at.facts)
    found = sourcing.attempt(applied, at, Budget(nodes=nodes, packed=2_000))
    assert 1 < len(searches) <= 1 + nodes // 4
    assert len(found.plan.chosen.shipments) == 4
    assert verify(found.problem, replace(found.plan, others=lambda: ())) == []
