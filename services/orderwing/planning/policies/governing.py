"""What one region's sites hold by a policy: the decision of a stage, which knows no load and moves no goods first.

A strategy that only filters sites, accepts less delay or says when one site will do leaves it to the quick choice; any
other needs the exact engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from orderwing.planning.calendar import MINUTE_MS
from orderwing.planning.holding import Sought, hold, not_weighed
from orderwing.planning.holding import weighed as weighed_quickly
from orderwing.planning.policies.compiling import NO_FILTERS, Applied, Compiled, apply
from orderwing.planning.policies.matching import Facts, facts_of
from orderwing.planning.policies.sieving import refused
from orderwing.planning.policies.sourcing import Attempt, Situation, attempt, explained, in_turn
from orderwing.planning.policies.weighing import unweighed
from orderwing.planning.pricing import Catalogue, PricingError
from orderwing.planning.pricing.shipments import STEERING
from orderwing.planning.sourcing import Asked, Choice
from orderwing.planning.sourcing import plan as plans
from orderwing.planning.sourcing.building import picks_of
from orderwing.planning.sourcing.plan import Eliminated
from orderwing.planning.sourcing.problem import Budget
from orderwing.planning.wishes import expected_at_ms
from orderwing_schemas.domain import Backorder, Candidate, Order
from orderwing_schemas.network import Site
from orderwing_schemas.policy import First, Strategy

Told = Callable[[], list[Candidate]]
BUDGET = Budget(nodes=20, packed=40_000)  # a stage has other orders to decide
LEFT_OUT = "the policy leaves it out"
NOTHING_HELD = Choice(held=(), short=(), cost_minor=0, promise_at_ms=None)


@dataclass(frozen=True, slots=True)
class Governed(Choice):
    """A choice by a policy. `note`: which strategy took the order, and why. `told`: what was weighed, as for a card."""

    note: str = ""
    told: Told = field(default=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Try:
    """An attempt of one strategy."""

    choice: Choice
    told: Told

    @property
    def short_units(self) -> int:
        return sum([line.quantity for line in self.choice.short])


def hold_by(policy: Compiled, sought: Sought, order: Order) -> Governed:
    """What the region can hold. Deterministic: the same again for the same input.

    Goods that cannot be priced exactly, as of an item that has left the catalogue, are shared out by the quick choice.
    """
    facts = facts_of(order, sought.asked.catalogue)
    first = apply(policy, facts)
    waits_minor = sought.asked.network.policies.backorder_unit_minor or 0
    unpriced: list[str] = []

    def tried(applied: Applied) -> _Try:
        narrowed, out = _narrowed(sought, applied, facts)
        if not needs_engine(applied.strategy):
            return _quickly(narrowed, out)
        asked, sites, patient = sought.asked, sought.may_serve(), _may_wait(sought.asked, order)
        steering = _steering(asked, sites)
        at = Situation(facts, asked, sites, steering=steering, gathers=False, may_wait=patient, used=sought.used)
        try:
            found = attempt(applied, at, BUDGET)
            if patient and not found.plan.chosen.shipments and _is_whole(asked, order):
                found = attempt(applied, replace(at, may_wait=False), BUDGET)
            return _exactly(narrowed, found, waits_minor)
        except PricingError as error:
            unpriced.append(str(error))
            return _quickly(narrowed, out)

    best, steps = in_turn(policy, first, tried)
    note = f"policy {policy.label}, {explained(first, steps)}"
    if unpriced:
        note += f"; its prices counted for nothing: {unpriced[0]}"
    choice = best.choice
    return Governed(
        choice.held,
        choice.short,
        choice.cost_minor,
        choice.promise_at_ms,
        choice.due_ms,
        choice.parcels,
        choice.losers,
        note,
        best.told,
    )


def barred(policy: Compiled, order: Order, catalogue: Catalogue, sites: Iterable[Site]) -> tuple[str, ...]:
    """Sites that the order's own strategy leaves out, without its fallbacks: nothing is to be moved there later."""
    facts = facts_of(order, catalogue)
    applied = apply(policy, facts)
    if applied.filters == NO_FILTERS:
        return ()
    return tuple([site.site_id for site in sites if refused(applied, facts, site, {}) is not None])


def needs_engine(strategy: Strategy) -> bool:
    """Whether it says anything that the quick choice does not heed, and a stage can."""
    weights = strategy.weights
    return (
        strategy.first is not First.COST
        or strategy.max_sites is not None
        or strategy.backorder_unit_minor is not None
        or strategy.filters.exclude_carriers is not None
        or bool(weights.parcel_minor or weights.lateness or weights.site_unit_minor)
    )


def means_whole_order(policy: Compiled, order: Order, catalogue: Catalogue) -> bool:
    """Whether its strategy is about all that the order ships from, so that all regions are to be weighed at once.

    One that only says which sites may serve lets home serve what it has.
    """
    strategy = apply(policy, facts_of(order, catalogue)).strategy
    return not strategy.home_first and (needs_engine(strategy) or bool(strategy.fallbacks))


def _may_wait(asked: Asked, order: Order) -> bool:
    """Whether units in stock may wait for their price: as the customer lets them, until they are expected."""
    if order.backorder is not Backorder.LINES or not asked.may_split:
        return False
    return asked.now_ms < expected_at_ms(order.placed_at_ms, order.service_level)


def _is_whole(asked: Asked, order: Order) -> bool:
    """Nothing of it ships yet: then a price of waiting has nothing to be weighed against."""
    return sum([line.quantity for line in asked.lines]) == sum([line.quantity for line in order.lines])


def _narrowed(sought: Sought, applied: Applied, facts: Facts) -> tuple[Sought, dict[str, str]]:
    """With the stock that filters leave, and why they leave sites out."""
    asked = applied.asked(sought.asked)
    if applied.filters == NO_FILTERS:
        return sought._replace(asked=asked), {}
    refusals = [refused(applied, facts, site, {}) for site in sought.sites]
    out = {one.site_id: one.detail for one in refusals if one is not None}
    keep, whole = applied.filters.keep_units or 0, asked.atp

    def atp(site_id: str, sku: str) -> int:
        return 0 if site_id in out else whole(site_id, sku) - keep

    return sought._replace(asked=replace(asked, atp=atp)), out


def _quickly(sought: Sought, out: Mapping[str, str]) -> _Try:
    choice = hold(sought)
    return _Try(choice, lambda: _because(weighed_quickly(sought, choice), out))


def _because(told: Iterable[Candidate], why: Mapping[str, str]) -> list[Candidate]:
    """With what is known better of sites that were not weighed."""
    return [
        Candidate(label=one.label, lost_because=why[one.label]) if one.cost_minor is None and one.label in why else one
        for one in told
    ]


def _exactly(sought: Sought, found: Attempt, waits_minor: int) -> _Try:
    asked = sought.asked
    chosen = unweighed(found.plan.chosen, found.problem, found.base, waits_minor)
    if chosen.short and not asked.may_split:  # all from one site, or nothing
        chosen = plans.Candidate(plans.Kind.NOTHING, ())
    picks, short = picks_of(asked.lines, chosen)
    steering = sum([amount for name, amount in chosen.terms if name == STEERING])
    choice = Choice(
        held=picks,
        short=short,
        cost_minor=chosen.cost_minor - chosen.backorder_minor - steering,
        promise_at_ms=_promise_ms(asked, found, chosen),
        due_ms=found.base.due_at_ms,
    )
    return _Try(choice, lambda: _told(sought, found, chosen, waits_minor))


def _promise_ms(asked: Asked, found: Attempt, chosen: plans.Candidate) -> int | None:
    """As the quick choice promises: the latest of the sites' earliest arrivals, plus the slack."""
    sources = [found.base.source_by_id[one.site_id] for one in chosen.shipments]
    if not sources:
        return None
    arrives = max([min([run.arrival_at_ms for run in source.runs]) for source in sources])
    return arrives + asked.network.policies.promise_slack_minutes * MINUTE_MS


def _told(sought: Sought, found: Attempt, chosen: plans.Candidate, waits_minor: int) -> list[Candidate]:
    """What was priced, the chosen first, at true cost; then each other site of the region with why it is out."""
    priced = [chosen] if chosen.shipments else []
    for one in found.plan.losers:
        if one.shipments:
            true = unweighed(one, found.problem, found.base, waits_minor)
            priced.append(replace(true, lost_because=_lost_because(found, chosen, one, true)))
    told = [
        Candidate(label=one.label, cost_minor=one.cost_minor, terms=one.terms, lost_because=one.lost_because)
        for one in priced
    ]
    labels = {one.label for one in told}
    why = _eliminations(found.plan.eliminated)
    rest = [site for site in sought.sites if site.site_id not in labels]
    return [
        *told,
        *[Candidate(label=one.site_id, lost_because=why.get(one.site_id) or not_weighed(sought, one)) for one in rest],
    ]


def _eliminations(found: Iterable[Eliminated]) -> dict[str, str]:
    """By site; of single SKUs only where the whole site is not out."""
    why: dict[str, str] = {}
    for one in found:
        if not one.sku:
            why.setdefault(one.site_id, one.detail)
    return why


def _lost_because(found: Attempt, chosen: plans.Candidate, one: plans.Candidate, true: plans.Candidate) -> str:
    """Prices of the strategy are no part of what is told: where they decided, that is said."""
    why = one.lost_because or ""
    best = found.plan.chosen
    if found.problem is found.base or not chosen.shipments or one.short_units != best.short_units:
        return why
    more, against = true.cost_minor - chosen.cost_minor, one.cost_minor - best.cost_minor
    if more > 0 and (more == against or found.applied.strategy.first is First.COST):
        return f"dearer by {more}"
    first = found.applied.strategy.first
    said = f"{first} counts first" if first is First.ARRIVAL else f"{first} count first"
    if first is First.COST:
        said = f"the strategy's weights count {against - more} against it"
    if more > 0:
        return f"dearer by {more}, and {said}"
    return f"cheaper by {-more}, but {said}" if more < 0 else f"no dearer, but {said}"


def _steering(asked: Asked, sites: Iterable[Site]) -> Mapping[tuple[str, str], int] | None:
    price = asked.steering
    if price is None:
        return None
    skus = dict.fromkeys([line.sku for line in asked.lines])
    return {(site.site_id, sku): price(site.site_id, sku) for site in sites for sku in skus}
