"""The re-optimizer's choice against brute force, and what no proposal may ever do."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.reoptimizer.choice import RANK_MINOR, Problem, feasible
from orderwing.reoptimizer.options import MOST, Pricer, blocks
from orderwing.reoptimizer.pool import Pool, PoolPart, Take, liking, way_of
from orderwing.reoptimizer.replan import Budget, Proposal, replan, verify
from orderwing.reoptimizer.search import greedy, improve
from orderwing_schemas.network import Network
from support.pools import NOW_MS, SITES, cases, catalogue


def brute_force(problem: Problem) -> int:
    """The most that any feasible choice of options gains."""
    return max(
        problem.total(list(choice))
        for choice in product(*(range(len(block.options)) for block in problem.blocks))
        if feasible(problem, list(choice))
    )


def worth(proposal: Proposal) -> int:
    """What it saves, and before it the wishes that it meets."""
    ranks = sum(liking(c.part, way_of(c.takes, c.arrival_ms)) for c in proposal.changes)
    return proposal.gain_minor + RANK_MINOR * ranks


def look(pool: Pool, net: Network, seed: int = 1) -> tuple[Proposal, ...]:
    return replan(pool, net, catalogue, NOW_MS, Budget(nodes=10_000), seed).proposals


@given(cases())
@settings(max_examples=300, deadline=None)
def test_proposals_are_sound_and_exact(case: tuple[Pool, Network]) -> None:
    pool, net = case
    found = look(pool, net)
    assert verify(pool, found) == []
    assert all(worth(proposal) > 0 for proposal in found)
    problem = Problem(tuple(blocks(pool, Pricer(net, catalogue, NOW_MS))), pool.free, net.policies.churn_minor)
    assert sum(map(worth, found)) == brute_force(problem)
    for change in (change for proposal in found for change in proposal.changes):
        before, after = ({take.site_id for take in takes} for takes in (change.part.takes, change.takes))
        assert not change.part.one_box or len(after) <= max(1, len(before))
        if not (change.part.one_box and len(after) == 1 < len(before)):
            assert change.arrival_ms <= max(change.part.promise_at_ms, change.part.arrival_at_ms)
        assert len(after) == 1 or not one_site_would_do(change.part, pool, Pricer(net, catalogue, NOW_MS))
        delay_ms = change.part.max_delay_minutes * 60_000
        assert change.arrival_ms <= max(change.part.promise_at_ms, change.part.arrival_at_ms + delay_ms)


def one_site_would_do(part: PoolPart, pool: Pool, pricer: Pricer) -> bool:
    """Whether a site has all, in what is free and the part's own, that it could send by the promise."""
    for site_id in SITES:
        takes = [Take(site_id, line.line_id, line.sku, line.quantity) for line in part.lines]
        own = {(take.site_id, take.sku): take.quantity for take in part.takes}
        stocked = all(
            pool.free.get((site_id, x.sku), 0) + own.get((site_id, x.sku), 0) >= x.quantity for x in part.lines
        )
        option = pricer.option(part, takes) if stocked else None
        if option is not None and option.arrival_ms <= part.promise_at_ms:
            return True
    return False


@given(cases(), st.data())
@settings(max_examples=200, deadline=None)
def test_any_of_the_proposals_can_be_refused(case: tuple[Pool, Network], data: st.DataObject) -> None:
    pool, net = case
    accepted = [proposal for proposal in look(pool, net) if data.draw(st.booleans())]
    stock = dict(pool.free)
    for part in pool.parts:
        for take in part.takes:
            shelf = take.site_id, take.sku
            stock[shelf] = stock.get(shelf, 0) + take.quantity
    now = {part.part_id: part.takes for part in pool.parts}
    now |= {change.part.part_id: change.takes for proposal in accepted for change in proposal.changes}
    for takes in now.values():
        for take in takes:
            stock[take.site_id, take.sku] -= take.quantity
    assert min(stock.values(), default=0) >= 0


@given(cases())
@settings(max_examples=100, deadline=None)
def test_the_cost_told_is_the_cost_models_and_options_are_few(case: tuple[Pool, Network]) -> None:
    pool, net = case
    pricer = Pricer(net, catalogue, NOW_MS)
    for block in blocks(pool, pricer):
        assert 1 <= len(block.options) <= MOST
        assert len({option.takes for option in block.options}) == len(block.options)
    for proposal in look(pool, net):
        told = sum(change.part.cost_minor - change.cost_minor for change in proposal.changes)
        assert proposal.gain_minor == told - net.policies.churn_minor * len(proposal.changes)
        for change in proposal.changes:
            terms = pricer.terms(change.part, change.takes)
            assert sum(amount for _, amount in terms) == change.cost_minor


@given(cases(), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_the_same_seed_gives_the_same_proposals(case: tuple[Pool, Network], seed: int) -> None:
    pool, net = case
    assert look(pool, net, seed) == look(pool, net, seed)


@given(cases(), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_the_local_search_is_feasible_and_never_worse_than_greedy(case: tuple[Pool, Network], seed: int) -> None:
    pool, net = case
    problem = Problem(tuple(blocks(pool, Pricer(net, catalogue, NOW_MS))), pool.free, net.policies.churn_minor)
    simple = greedy(problem)
    before = problem.total(simple)
    better = improve(problem, simple, 3, seed)
    assert feasible(problem, simple)
    assert feasible(problem, better)
    assert 0 <= before <= problem.total(better)
