"""One look at a pool: every part is reconsidered at once, and only what gains more than churn is proposed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from orderwing.planning.pricing import Catalogue
from orderwing.planning.wishes import Wishes
from orderwing.reoptimizer import exact
from orderwing.reoptimizer.choice import Choice, Problem, bundles, components, feasible, never, rank_for
from orderwing.reoptimizer.counting import Counts
from orderwing.reoptimizer.facts import facts_of
from orderwing.reoptimizer.options import Pricer, blocks, none
from orderwing.reoptimizer.pool import Pool, PoolPart, Shelf, Take, liking, way_of
from orderwing.reoptimizer.room import Room
from orderwing.reoptimizer.search import greedy, improve, small_groups
from orderwing_schemas.domain import Candidate
from orderwing_schemas.events.reoptimizer import ProposalFacts
from orderwing_schemas.network import Network

_AGAIN = 3  # solutions of a component that may turn out to have been refused before


@dataclass(frozen=True)
class Budget:
    """What a look may cost. All but the last two are counts, so that equal budgets give equal plans.

    Components of more than `columns` options are left to the local search. A proposal changes at most `parts` parts:
    one that names many is refused for any of them. Safeguards of a worker on its wall clock: `out_of_time` is asked
    part by part, and what was priced by then moves as the baseline does; `seconds` bounds an exact solution.
    """

    nodes: int = 500
    rounds: int = 3
    columns: int = 1_500
    parts: int = 12
    out_of_time: Callable[[], bool] = never
    seconds: float | None = None


@dataclass(frozen=True)
class Change:
    """A part's complete new way."""

    part: PoolPart
    takes: tuple[Take, ...]
    cost_minor: int
    arrival_ms: int = 0


@dataclass(frozen=True)
class Proposal:
    """Changes that go together, all or none. `gain_minor` is net of churn; below nought where a wish costs money, or
    where they cost more and yet weigh less: `weighed_minor` is what they gain with all that counts beside the cost.

    `fingerprint` tells whether the same was proposed before: the same parts, versions and takes.
    """

    changes: tuple[Change, ...]
    gain_minor: int
    candidates: tuple[Candidate, ...]
    facts: ProposalFacts | None = None
    weighed_minor: int = 0

    @property
    def fingerprint(self) -> str:
        told = [(c.part.part_id, c.part.version, [tuple(_fields(take)) for take in c.takes]) for c in self.changes]
        return blake2b(repr(told).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Look:
    """`greedy_minor` is what the baseline would have gained. `fell_back` counts components whose solution was unsound
    and for which the baseline's was taken: a defect to look into."""

    proposals: tuple[Proposal, ...]
    looked: int
    greedy_minor: int = 0
    fell_back: int = 0

    @property
    def gain_minor(self) -> int:
        return sum(proposal.gain_minor for proposal in self.proposals)


def replan(
    pool: Pool,
    network: Network,
    catalogue: Catalogue,
    ready_ms: int,
    budget: Budget,
    seed: int,
    refused_after_ms: int = 0,
    counts: Counts | None = None,
    room: Room | None = None,
) -> Look:
    """What to change. Picking of a new plan starts after `ready_ms`; what was refused later than `refused_after_ms`
    is not proposed again. `counts`: beside the cost. `room`: what the pool's plans leave, unless it is known better."""
    room = Room.beside(network, pool.parts) if room is None else room
    pricer = Pricer(network, catalogue, ready_ms, none if counts is None else counts.of, room)
    found_blocks = tuple(blocks(pool, pricer, budget.out_of_time))
    whole = Problem(found_blocks, pool.free, network.policies.churn_minor, rank_for(found_blocks))
    proposals: list[Proposal] = []
    baseline = fell_back = looked = 0
    for problem in components(whole):
        looked += len(problem.blocks)
        simple = greedy(problem)
        baseline += problem.total_saved(simple)
        found = _propose(problem, simple, pricer, budget, seed, refused_after_ms)
        if verify(pool, found):
            found, fell_back = _proposals(problem, simple, bundles(problem, simple), pricer), fell_back + 1
        proposals += found
    told = [
        replace(one, facts=facts_of([c.part for c in one.changes], pool, network, ready_ms, room, counts))
        for one in proposals
    ]
    return Look(tuple(told), looked, baseline, fell_back)


def verify(pool: Pool, proposals: Sequence[Proposal]) -> list[str]:
    """What is wrong with proposals, in words; nothing if any of them can be taken whether the others are or not.

    Shares no code with the search.
    """
    wrong = []
    known = {part.part_id: part for part in pool.parts}
    named = [change.part.part_id for proposal in proposals for change in proposal.changes]
    wrong += [f"part {part_id} is in two proposals" for part_id in set(named) if named.count(part_id) > 1]
    taken: dict[Shelf, int] = defaultdict(int)
    for proposal in proposals:
        net: dict[Shelf, int] = defaultdict(int)
        for change in proposal.changes:
            if known.get(change.part.part_id) != change.part:
                wrong.append(f"part {change.part.part_id} is not in the pool as proposed")
            wrong += _unfilled(change)
            for sign, takes in ((1, change.takes), (-1, change.part.takes)):
                for take in takes:
                    net[take.site_id, take.sku] += sign * take.quantity
        for shelf, units in net.items():
            taken[shelf] += max(units, 0)
        likings = [liking(change.part, way_of(change.takes, change.arrival_ms)) for change in proposal.changes]
        if min(likings) < 0:
            wrong.append(f"the change of {proposal.changes[0].part.part_id} is against its customer's wishes")
        if proposal.weighed_minor <= 0 and not any(likings):
            wrong.append(f"the change of {proposal.changes[0].part.part_id} gains no more than churn")
    wrong += [
        f"{units} units of {shelf} are not there" for shelf, units in taken.items() if units > pool.free.get(shelf, 0)
    ]
    return wrong


def _unfilled(change: Change) -> list[str]:
    needed: dict[str, int] = {line.line_id: line.quantity for line in change.part.lines}
    for take in change.takes:
        needed[take.line_id] = needed.get(take.line_id, 0) - take.quantity
    return [f"line {line_id} of {change.part.part_id} is off by {units}" for line_id, units in needed.items() if units]


def _propose(
    problem: Problem, simple: Choice, pricer: Pricer, budget: Budget, seed: int, refused_after_ms: int
) -> list[Proposal]:
    """The best choice's proposals; where one was refused lately, the best choice without its options."""
    found: list[Proposal] = []
    for attempt in range(_AGAIN):
        found = _proposals(problem, *_choose(problem, simple, budget, seed), pricer)
        stale = [proposal for proposal in found if _refused(proposal, refused_after_ms)]
        if not stale:
            break
        found = [proposal for proposal in found if proposal not in stale]
        if attempt < _AGAIN - 1:
            problem = _without(problem, stale)
            simple = greedy(problem)
    return found


def _choose(problem: Problem, simple: Choice, budget: Budget, seed: int) -> tuple[Choice, list[list[int]]]:
    """The choice, and the groups that move together."""
    if len(problem.blocks) == 1:
        return simple, bundles(problem, simple)  # one part alone: its best single move is the optimum
    if sum(len(block.options) for block in problem.blocks) > budget.columns:
        return _in_small_groups(problem, (simple,), budget)
    best = improve(problem, simple, budget.rounds, seed, budget.out_of_time)
    solved = None if budget.out_of_time() else exact.solve(problem, budget.nodes, budget.seconds)
    if solved is not None and feasible(problem, solved) and problem.total(solved) > problem.total(best):
        best = solved
    groups = bundles(problem, best)
    if all(len(group) <= budget.parts for group in groups):
        return best, groups
    return _in_small_groups(problem, (best, simple), budget)


def _in_small_groups(problem: Problem, choices: Iterable[Choice], budget: Budget) -> tuple[Choice, list[list[int]]]:
    """The best of what remains of each choice once its large groups are left out and small moves have filled up."""
    found = [
        small_groups(
            problem,
            choice,
            [group for group in bundles(problem, choice) if len(group) <= budget.parts],
            budget.out_of_time,
        )
        for choice in choices
    ]
    return max(found, key=lambda one: problem.total(one[0]))


def _proposals(problem: Problem, choice: Choice, groups: Iterable[list[int]], pricer: Pricer) -> list[Proposal]:
    made = []
    for bundle in groups:
        gain = sum(problem.gain(block, choice[block]) for block in bundle)
        if gain > 0:
            saved = sum(problem.saved(block, choice[block]) for block in bundle)
            weighed = sum(problem.weighed(block, choice[block]) for block in bundle)
            changes: list[Change] = []
            candidates: list[Candidate] = []
            for number in bundle:
                block, option = problem.blocks[number], problem.blocks[number].options[choice[number]]
                changes.append(Change(block.part, option.takes, option.cost_minor, option.arrival_ms))
                candidates += _candidates(problem, number, choice[number], pricer)
            made.append(Proposal(tuple(changes), saved, tuple(candidates), weighed_minor=weighed))
    return made


def _candidates(problem: Problem, number: int, chosen: int, pricer: Pricer) -> Iterable[Candidate]:
    block = problem.blocks[number]
    best = block.options[chosen]
    for place, option in enumerate(block.options):
        why = None
        if place != chosen:
            way, taken = way_of(option.takes, option.arrival_ms), way_of(best.takes, best.arrival_ms)
            wishes = Wishes(block.part, (way, taken), block.part.promise_at_ms)
            why = wishes.complaint(way, wishes.rank(taken)) or pricer.by_weight(block.part, option, best)
        yield Candidate(
            label=f"{block.part.part_id}: {option.label}{' (standing)' if place == 0 else ''}",
            cost_minor=option.cost_minor,
            terms=pricer.terms(block.part, option.takes) if place else (),  # what stands was priced when it was planned
            lost_because=why,
        )
    for site_id, why in block.refused:
        yield Candidate(label=f"{block.part.part_id}: {site_id}", lost_because=why)


def _refused(proposal: Proposal, after_ms: int) -> bool:
    return any(
        refusal.fingerprint == proposal.fingerprint and refusal.at_ms > after_ms
        for change in proposal.changes
        for refusal in change.part.refusals
    )


def _without(problem: Problem, stale: Iterable[Proposal]) -> Problem:
    gone = {(change.part.part_id, change.takes) for proposal in stale for change in proposal.changes}
    kept = tuple(
        replace(
            block,
            options=(
                block.options[0],
                *(o for o in block.options[1:] if (block.part.part_id, o.takes) not in gone),
            ),
        )
        for block in problem.blocks
    )
    return replace(problem, blocks=kept)


def _fields(take: Take) -> tuple[str, str, str, int]:
    return take.site_id, take.line_id, take.sku, take.quantity
