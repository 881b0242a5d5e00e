"""What is wrong with an answer: prices shipments by the cost model and counts units. Knows nothing of the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from orderwing.planning.pricing.shipments import Handling, Shipping, Term, add_terms, freight_terms, picking_terms
from orderwing.planning.sourcing.plan import Candidate, Kind, Plan, Shipment, Taken
from orderwing.planning.sourcing.problem import Inflow, Problem, Run, Source
from orderwing_schemas.network import Trait

MINUTE_MS = 60_000
NO_RATES: Mapping[str, Inflow] = {}


def verify(problem: Problem, plan: Plan, most_sites: int | None = None) -> list[str]:
    """What is wrong, in words; nothing if the plan is sound.

    Whether an order was rightly gathered is told by the best loser that is not, of `most_sites` at most.
    """
    wrong = [what for one in (plan.chosen, *plan.losers) for what in _wrong(problem, one)]
    chosen = plan.chosen
    if chosen.lost_because is not None:
        wrong.append("the one chosen is said to have lost")
    wrong += [f"{one.label}: lost, and nothing says why" for one in plan.losers if not one.lost_because]
    if plan.bound_minor > chosen.cost_minor:
        wrong.append(f"the bound {plan.bound_minor} is above the cost {chosen.cost_minor}")
    if plan.exact and plan.bound_minor != chosen.cost_minor:
        wrong.append(f"said to be exact, with bound {plan.bound_minor} for cost {chosen.cost_minor}")
    if any(_strange(problem, chosen)):
        return wrong
    straight = [one for one in plan.losers if not _gathering(one)]
    straight = [one for one in straight if most_sites is None or len(one.shipments) <= most_sites]
    return [*wrong, *_against_rules(problem, chosen), *_worth_gathering(problem, chosen, straight)]


def verify_way(problem: Problem, one: Candidate) -> list[str]:
    """What is wrong with one way by itself, whatever it was chosen over."""
    wrong = list(_wrong(problem, one))
    return wrong if any(_strange(problem, one)) else [*wrong, *_against_rules(problem, one)]


def _wrong(problem: Problem, one: Candidate) -> Iterator[str]:
    """What cannot be counted and priced is told first, and then nothing else."""
    strange = [f"{one.label}: {what}" for what in _strange(problem, one)]
    yield from (f"{one.label}: {what}" for what in _odd_kind(one))
    yield from strange or _miscounted(problem, one)


def _strange(problem: Problem, one: Candidate) -> Iterator[str]:
    lists = [("short", taken) for taken in one.short]
    for shipment in one.shipments:
        sites = {shipment.site_id, *(moved.from_site for moved in shipment.moved)}
        for site_id in sorted(sites - problem.source_by_id.keys()):
            yield f"site {site_id} is not in the problem"
        lists += [(f"from {site_id}", taken) for site_id, taken in _picks(shipment)]
        lists += [(f"cross-docked at {shipment.site_id}", taken) for taken in shipment.cross_docked]
        if not (shipment.taken or shipment.cross_docked or shipment.moved):
            yield f"the shipment from {shipment.site_id} is empty"
        for moved in shipment.moved:
            if not moved.taken:
                yield f"nothing is moved from {moved.from_site} to {shipment.site_id}"
        if shipment.moved and shipment.cross_docked:
            yield f"site {shipment.site_id} gathers goods, and cross-docks others in the same shipment"
    for where, taken in lists:
        if taken.sku not in problem.want_by_sku:
            yield f"{taken.sku}, {where}, was not asked for"
        if taken.units <= 0:
            yield f"{taken.units} of {taken.sku} {where}"


def _odd_kind(one: Candidate) -> Iterator[str]:
    hubs = sum(1 for shipment in one.shipments if shipment.moved)
    kind = Kind.CONSOLIDATE if hubs else (Kind.NOTHING, Kind.ONE_SITE, Kind.SPLIT)[min(len(one.shipments), 2)]
    if one.kind is not kind:
        yield f"is {kind}, and is said to be {one.kind}"
    if hubs > 1:
        yield "is gathered at more than one site"
    for gathers in (False, True):
        sites = [shipment.site_id for shipment in one.shipments if bool(shipment.moved) is gathers]
        if len(set(sites)) < len(sites):
            yield "two shipments from one site"


def _gathering(one: Candidate) -> bool:
    return any(shipment.moved for shipment in one.shipments)


def _miscounted(problem: Problem, one: Candidate) -> Iterator[str]:
    sent = _units(one.short)
    used: Counter[tuple[str, str]] = Counter()
    for shipment in one.shipments:
        sent += _units([*(taken for _, taken in _picks(shipment)), *shipment.cross_docked])
        for site_id, taken in _picks(shipment):
            used[site_id, taken.sku] += taken.units
        yield from (f"{one.label}: {what}" for what in _wrong_shipment(problem, shipment))
    for want in problem.wants:
        if sent[want.sku] != want.quantity:
            yield f"{one.label}: {sent[want.sku]} units of {want.sku} answered for {want.quantity}"
    for (site_id, sku), units in used.items():
        if units > problem.source_by_id[site_id].stock.get(sku, 0):
            yield f"{one.label}: {units} of {sku} from site {site_id}, which has fewer"
    later = one.short_units * (problem.rules.backorder_unit_minor or 0)
    if later != one.backorder_minor:
        yield f"{one.label}: {one.backorder_minor} for backorder, {later} by its units"
    if sum(amount for _, amount in one.terms) != one.cost_minor:
        yield f"{one.label}: the terms do not sum up to the cost"


def _units(some: Iterable[Taken]) -> Counter[str]:
    units: Counter[str] = Counter()
    for taken in some:
        units[taken.sku] += taken.units
    return units


def _picks(shipment: Shipment) -> Iterator[tuple[str, Taken]]:
    yield from ((shipment.site_id, taken) for taken in shipment.taken)
    yield from ((moved.from_site, taken) for moved in shipment.moved for taken in moved.taken)


def _wrong_shipment(problem: Problem, shipment: Shipment) -> Iterator[str]:
    source = problem.source_by_id[shipment.site_id]
    units = _units([*(taken for _, taken in _picks(shipment)), *shipment.cross_docked])
    for site_id in {site_id for site_id, _ in _picks(shipment)} | {shipment.site_id}:
        refused = problem.source_by_id[site_id].refuses
        for sku in units:
            if problem.want_by_sku[sku].traits & refused and (site_id, sku) in _handled(shipment):
                yield f"site {site_id} may not ship {sku}"
    terms = [_priced(problem, shipment, source, *way) for way in _runs(problem, shipment, units)]
    if not terms:
        yield f"no run of site {shipment.site_id} on lane {shipment.lane_id} can take it"
    elif sorted(shipment.terms) not in [sorted(one) for one in terms]:
        yield f"site {shipment.site_id}: terms {list(shipment.terms)}, priced {[dict(one) for one in terms]}"


def _handled(shipment: Shipment) -> set[tuple[str, str]]:
    """(site, SKU) of all that a site touches."""
    pairs = {(site_id, taken.sku) for site_id, taken in _picks(shipment)}
    pairs |= {(shipment.site_id, taken.sku) for taken in shipment.cross_docked}
    return pairs | {(shipment.site_id, taken.sku) for moved in shipment.moved for taken in moved.taken}


def _runs(problem: Problem, shipment: Shipment, units: Counter[str]) -> Iterator[tuple[Run, int, Mapping[str, Inflow]]]:
    """The runs that could be meant, each with the price of a cross-docked unit, and of what is moved by its site."""
    source = problem.source_by_id[shipment.site_id]
    runs: list[tuple[Run, int, Mapping[str, Inflow]]] = []
    if shipment.moved:
        senders = {moved.from_site for moved in shipment.moved}
        for hub in problem.hubs:
            rates = {one.site_id: one for one in hub.inflows if one.site_id != hub.site_id}
            if hub.site_id == shipment.site_id and senders <= rates.keys():
                runs += [(run, 0, rates) for run in hub.runs]
    else:
        if not shipment.cross_docked:
            runs += [(run, 0, NO_RATES) for run in source.runs]
        docked = _units(shipment.cross_docked)
        for inbound in source.inbound:
            if all(count <= inbound.units.get(sku, 0) for sku, count in docked.items()):
                runs += [(run, inbound.unit_minor, NO_RATES) for run in inbound.runs]
    latest = problem.latest_at_ms
    for run, unit, prices in runs:
        room = run.room_units is None or sum(units.values()) <= run.room_units
        in_time = latest is None or run.arrival_at_ms <= latest
        if room and in_time and (run.lane_id, run.arrival_at_ms) == (shipment.lane_id, shipment.arrival_at_ms):
            yield run, unit, prices


def _priced(
    problem: Problem,
    shipment: Shipment,
    source: Source,
    run: Run,
    unit_minor: int,
    rates: Mapping[str, Inflow] = NO_RATES,
) -> tuple[Term, ...]:
    whole: Counter[str] = Counter()
    terms: list[Term] = []
    by_site: dict[str, Counter[str]] = {}
    for site_id, taken in _picks(shipment):
        by_site.setdefault(site_id, Counter())[taken.sku] += taken.units
        whole[taken.sku] += taken.units
    for taken in shipment.cross_docked:
        by_site.setdefault(shipment.site_id, Counter())[taken.sku] += taken.units
        whole[taken.sku] += taken.units
        terms.append(("cross_dock", taken.units * unit_minor))
    for site_id, units in by_site.items():
        giver = problem.source_by_id[site_id]
        goods = [problem.want_by_sku[sku].goods(count) for sku, count in units.items()]
        terms += picking_terms(goods, giver.handling.line_minor, giver.steering_minor)
        if site_id != shipment.site_id:
            rate = rates[site_id]
            kilograms = -(-sum(one.units * one.grams for one in goods) // 1000)
            terms.append(("transfer", rate.transfer_minor + kilograms * rate.kilogram_minor))
    via = Shipping(run.tariff, run.arrival_at_ms, problem.due_at_ms, problem.late_hour_minor)
    goods = [problem.want_by_sku[want.sku].goods(whole[want.sku]) for want in problem.wants if whole[want.sku]]
    work = Handling(0, source.handling.parcel_minor)
    return add_terms([*freight_terms(problem.cartons, goods, work, via), *terms])


def _against_rules(problem: Problem, chosen: Candidate) -> Iterator[str]:
    rules = problem.rules
    if not rules.may_split and len(chosen.shipments) > 1:
        yield "split though the order may not be"
    if chosen.kind is Kind.CONSOLIDATE:
        if not rules.consolidates:
            yield "consolidated though its service level never is"
        waits = (Trait.PERISHABLE, Trait.MEDICAL)
        for shipment in chosen.shipments:
            if shipment.moved:
                for sku in sorted({sku for _, sku in _handled(shipment)}):
                    if problem.want_by_sku[sku].traits.intersection(waits):
                        yield f"{sku} is perishable or medical, and was made to wait for other goods"


def _worth_gathering(problem: Problem, chosen: Candidate, straight: list[Candidate]) -> Iterator[str]:
    """Against the cheapest way that is not gathered, any of those equally cheap."""
    if not _gathering(chosen):
        return
    rules = problem.rules
    if not straight:
        yield "gathered, and no way that is not is told, against which it saves"
        return
    ranks = [(one.short_units if rules.backorder_unit_minor is None else 0, one.cost_minor) for one in straight]
    short, cost_minor = min(ranks)
    if short > chosen.short_units:
        return
    if cost_minor - chosen.cost_minor <= rules.threshold_minor:
        yield f"gathered to save {cost_minor - chosen.cost_minor}, and more than {rules.threshold_minor} is asked for"
    arrivals = [one.arrival_at_ms for one, rank in zip(straight, ranks, strict=True) if rank == (short, cost_minor)]
    if chosen.arrival_at_ms - max(arrivals) > rules.acceptable_delay_minutes * MINUTE_MS:
        yield f"gathered, and more than {rules.acceptable_delay_minutes} minutes later"
