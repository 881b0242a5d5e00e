"""What is wrong with an answer: prices shipments by the cost model and counts units. Knows nothing of the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orderwing.planning.pricing.shipments import Handling, Shipping, Term, add_terms, freight_terms, picking_terms
from orderwing.planning.sourcing.plan import Candidate, Kind, Plan, Shipment, Taken
from orderwing.planning.sourcing.problem import Inflow, Problem, Run, Source
from orderwing_schemas.network import Trait


def verify(problem: Problem, plan: Plan) -> list[str]:
    """What is wrong, in words; nothing if the plan is sound."""
    wrong = [problem_ for one in (plan.chosen, *plan.losers) for problem_ in _wrong(problem, one)]
    chosen = plan.chosen
    if chosen.lost_because is not None:
        wrong.append("the one chosen is said to have lost")
    wrong += [f"{one.label}: lost, and nothing says why" for one in plan.losers if not one.lost_because]
    if plan.bound_minor > chosen.cost_minor:
        wrong.append(f"the bound {plan.bound_minor} is above the cost {chosen.cost_minor}")
    if plan.exact and plan.bound_minor != chosen.cost_minor:
        wrong.append(f"said to be exact, with bound {plan.bound_minor} for cost {chosen.cost_minor}")
    return wrong + list(_against_rules(problem, chosen))


def _wrong(problem: Problem, one: Candidate) -> Iterator[str]:
    sent = Counter({want.sku: 0 for want in problem.wants})
    used: Counter[tuple[str, str]] = Counter()
    for shipment in one.shipments:
        for site_id, taken in _picks(shipment):
            sent[taken.sku] += taken.units
            used[site_id, taken.sku] += taken.units
            if taken.units <= 0:
                yield f"{one.label}: {taken.units} of {taken.sku} from {site_id}"
        for taken in shipment.cross_docked:
            sent[taken.sku] += taken.units
        yield from (f"{one.label}: {what}" for what in _wrong_shipment(problem, shipment))
    if len({shipment.site_id for shipment in one.shipments}) < len(one.shipments) and one.kind is not Kind.CONSOLIDATE:
        yield f"{one.label}: two shipments from one site"
    for taken in one.short:
        sent[taken.sku] += taken.units
    for want in problem.wants:
        if sent[want.sku] != want.quantity:
            yield f"{one.label}: {sent[want.sku]} units of {want.sku} answered for {want.quantity}"
    for (site_id, sku), units in used.items():
        if units > problem.source_by_id[site_id].stock.get(sku, 0):
            yield f"{one.label}: {units} of {sku} from site {site_id}, which has fewer"
    later = sum(taken.units for taken in one.short) * (problem.rules.backorder_unit_minor or 0)
    if later != one.backorder_minor:
        yield f"{one.label}: {one.backorder_minor} for backorder, {later} by its units"
    if sum(amount for _, amount in one.terms) != one.cost_minor:
        yield f"{one.label}: the terms do not sum up to the cost"


def _picks(shipment: Shipment) -> Iterator[tuple[str, Taken]]:
    yield from ((shipment.site_id, taken) for taken in shipment.taken)
    yield from ((moved.from_site, taken) for moved in shipment.moved for taken in moved.taken)


def _wrong_shipment(problem: Problem, shipment: Shipment) -> Iterator[str]:
    source = problem.source_by_id[shipment.site_id]
    units: Counter[str] = Counter()
    for taken in (*(taken for _, taken in _picks(shipment)), *shipment.cross_docked):
        units[taken.sku] += taken.units
    for site_id in {site_id for site_id, _ in _picks(shipment)} | {shipment.site_id}:
        refused = problem.source_by_id[site_id].refuses
        for sku in units:
            if problem.want_by_sku[sku].traits & refused and (site_id, sku) in _handled(shipment):
                yield f"site {site_id} may not ship {sku}"
    terms = [_priced(problem, shipment, source, run, unit) for run, unit in _runs(problem, shipment, units)]
    if not terms:
        yield f"no run of site {shipment.site_id} on lane {shipment.lane_id} can take it"
    elif dict(shipment.terms) not in [dict(one) for one in terms]:
        yield f"site {shipment.site_id}: terms {dict(shipment.terms)}, priced {[dict(one) for one in terms]}"


def _handled(shipment: Shipment) -> set[tuple[str, str]]:
    """(site, SKU) of all that a site touches."""
    pairs = {(site_id, taken.sku) for site_id, taken in _picks(shipment)}
    pairs |= {(shipment.site_id, taken.sku) for taken in shipment.cross_docked}
    return pairs | {(shipment.site_id, taken.sku) for moved in shipment.moved for taken in moved.taken}


def _runs(problem: Problem, shipment: Shipment, units: Counter[str]) -> Iterator[tuple[Run, int]]:
    """The runs that could be meant, each with the price of a cross-docked unit."""
    source = problem.source_by_id[shipment.site_id]
    runs: list[tuple[Run, int]] = []
    if shipment.moved:
        senders = {moved.from_site for moved in shipment.moved}
        for hub in problem.hubs:
            if hub.site_id == shipment.site_id and senders <= {one.site_id for one in hub.inflows}:
                runs += [(run, 0) for run in hub.runs]
    else:
        if not shipment.cross_docked:
            runs += [(run, 0) for run in source.runs]
        for inbound in source.inbound:
            if all(taken.units <= inbound.units.get(taken.sku, 0) for taken in shipment.cross_docked):
                runs += [(run, inbound.unit_minor) for run in inbound.runs]
    latest = problem.latest_at_ms
    for run, unit in runs:
        room = run.room_units is None or sum(units.values()) <= run.room_units
        in_time = latest is None or run.arrival_at_ms <= latest
        if room and in_time and (run.lane_id, run.arrival_at_ms) == (shipment.lane_id, shipment.arrival_at_ms):
            yield run, unit


def _priced(problem: Problem, shipment: Shipment, source: Source, run: Run, unit_minor: int) -> tuple[Term, ...]:
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
            rate = _inflow(problem, shipment, site_id, run)
            kilograms = -(-sum(one.units * one.grams for one in goods) // 1000)
            terms.append(("transfer", rate.transfer_minor + kilograms * rate.kilogram_minor))
    via = Shipping(run.tariff, run.arrival_at_ms, problem.due_at_ms, problem.late_hour_minor)
    goods = [problem.want_by_sku[want.sku].goods(whole[want.sku]) for want in problem.wants if whole[want.sku]]
    work = Handling(0, source.handling.parcel_minor)
    return add_terms([*freight_terms(problem.cartons, goods, work, via), *terms])


def _inflow(problem: Problem, shipment: Shipment, site_id: str, run: Run) -> Inflow:
    """From a site to the hub that ships: the one hub of its site that has all who give, and leaves on `run`."""
    givers = {giver for giver, _ in _picks(shipment)} - {shipment.site_id}
    for hub in problem.hubs:
        by_site = {inflow.site_id: inflow for inflow in hub.inflows}
        if hub.site_id == shipment.site_id and run in hub.runs and givers <= by_site.keys():
            return by_site[site_id]
    raise LookupError(f"no hub at {shipment.site_id} has {sorted(givers)} before it leaves")


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
