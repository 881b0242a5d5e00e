"""The ways to ship one order, from the network file on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from orderwing.planning.pricing import Goods, Handling, PricingError, Tariff, pack, tariff_of
from orderwing.planning.pricing.packing import Carton
from orderwing.planning.pricing.tariffs import flat
from orderwing.planning.sourcing import Asked, quick_choice
from orderwing.planning.sourcing.building import Arriving, picks_of, problem_of
from orderwing.planning.sourcing.engine import plan, verify
from orderwing.planning.sourcing.faults import faults, unusable
from orderwing.planning.sourcing.plan import Candidate, Kind, Moved, Plan, Reason, Taken
from orderwing.planning.sourcing.problem import Budget, Hub, Inbound, Inflow, Problem, Rules, Run, Source, Want
from orderwing_schemas.domain import LineQuantity, Point, ServiceLevel
from orderwing_schemas.network import (
    Carton as BoxModel,
)
from orderwing_schemas.network import (
    Consolidation,
    Item,
    Lane,
    Network,
    Policies,
    RateCard,
    Region,
    Site,
    Trait,
    Transfer,
    WeightBreak,
)

HOUR = 60
DAY = 24 * HOUR
NOW_MS = 1_750_032_000_000  # midnight UTC
MINUTE_MS = 60_000
CITIES = ("new-york", "chicago", "miami")
ITEMS = {
    sku: Item(sku=sku, weight_g=900, volume_cm3=2_000, capacity=1, list_price_minor=100)
    for sku in ("lamp", "desk", "rug")
}
EVERYWHERE = dict.fromkeys(zip(CITIES, ITEMS, strict=True), 1)


def site(site_id: str, **more: object) -> Site:
    facts: dict[str, object] = {
        "site_id": site_id,
        "region_id": "us",
        "location": Point(latitude=40, longitude=-74),
        "timezone": "UTC",
        "pick_minutes": 0,
        "units_per_hour": 1_000,
        "handling_line_minor": 0,
        "handling_parcel_minor": 0,
    }
    return Site.model_validate({**facts, **more})


def lane(site_id: str, minutes: int, **more: object) -> Lane:
    facts: dict[str, object] = {
        "lane_id": f"{site_id}-to-new-york",
        "site_id": site_id,
        "zone": "new-york",
        "carrier": f"from-{site_id}",
        "services": tuple(ServiceLevel),
        "every_minutes": 60,
        "transit_minutes": minutes,
        "parcels_per_departure": 100,
        "parcel_minor": 0,
        "kilogram_minor": 0,
    }
    return Lane.model_validate({**facts, **more})


def card(site_id: str, small_minor: int, large_minor: int) -> RateCard:
    breaks = (
        WeightBreak(up_to_g=1_000, parcel_minor=small_minor),
        WeightBreak(up_to_g=5_000, parcel_minor=large_minor),
    )
    return RateCard(carrier=f"from-{site_id}", zone="new-york", breaks=breaks, kilogram_minor=100)


def three_cities(**more: object) -> Network:
    """The example of the split-or-consolidate rule: 3.00 in 2 h, 8.50 in 2 days, 6.50 in 1.5 days; one box 4.50."""
    facts: dict[str, object] = {
        "version": 1,
        "currency": "USD",
        "regions": (Region(region_id="us", centre=Point(latitude=40, longitude=-74)),),
        "sites": tuple(site(city) for city in CITIES),
        "lanes": (lane("new-york", 2 * HOUR), lane("chicago", 2 * DAY), lane("miami", 36 * HOUR)),
        "rate_cards": (card("new-york", 300, 450), card("chicago", 850, 1_300), card("miami", 650, 1_000)),
        "transfers": (
            Transfer(from_site="chicago", to_site="new-york", minutes=DAY, transfer_minor=400),
            Transfer(from_site="miami", to_site="new-york", minutes=DAY, transfer_minor=350),
        ),
        "policies": Policies(late_hour_minor=0),
    }
    return Network(**{**facts, **more})  # type: ignore[arg-type]


def asked(
    network: Network,
    stock: Mapping[tuple[str, str], int] = EVERYWHERE,
    service: ServiceLevel = ServiceLevel.STANDARD,
    may_split: bool = True,
    items: Mapping[str, Item] = ITEMS,
    delay: int = 3 * DAY,
) -> Asked:
    return Asked(
        network=network,
        catalogue=items.get,
        atp=lambda site_id, sku: stock.get((site_id, sku), 0),
        lines=tuple(LineQuantity(line_id=f"n-{sku}", sku=sku, quantity=1) for sku in ("lamp", "desk", "rug")),
        zone="new-york",
        service_level=service,
        now_ms=NOW_MS,
        may_split=may_split,
        max_delay_minutes=delay,
    )


def decided(question: Asked) -> tuple[Problem, Plan]:
    problem = problem_of(question, question.network.sites)
    answer = plan(problem)
    assert verify(problem, answer) == []
    return problem, answer


def test_the_worked_example_consolidates() -> None:
    _, answer = decided(asked(three_cities()))
    chosen, runner_up = answer.chosen, answer.runner_up
    assert (chosen.kind, chosen.cost_minor, chosen.label) == (Kind.CONSOLIDATE, 1_200, "new-york<chicago+miami")
    assert dict(chosen.terms) == {"parcel": 450, "transfer": 750}
    assert chosen.arrival_at_ms == NOW_MS + (DAY + 2 * HOUR) * MINUTE_MS
    assert runner_up is not None
    assert (runner_up.kind, runner_up.cost_minor) == (Kind.SPLIT, 1_800)
    assert runner_up.lost_because == "gathered first it costs 600 less, and no later than acceptable"
    assert {one.site_id: one.cost_minor for one in runner_up.shipments} == {
        "new-york": 300,
        "chicago": 850,
        "miami": 650,
    }


def test_transfers_that_come_one_after_the_other_may_leave_together() -> None:
    transfers = (
        Transfer(from_site="chicago", to_site="new-york", minutes=DAY, transfer_minor=400),
        Transfer(from_site="miami", to_site="new-york", minutes=DAY - 10, transfer_minor=350),
    )
    problem, answer = decided(asked(three_cities(transfers=transfers)))
    early, late = problem.hubs
    assert set(early.runs) & set(late.runs)
    assert len(early.inflows) < len(late.inflows)
    assert (answer.chosen.label, answer.chosen.cost_minor) == ("new-york<chicago+miami", 1_200)


@pytest.mark.parametrize("service", [ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY])
def test_who_is_in_a_hurry_gets_a_split(service: ServiceLevel) -> None:
    _, answer = decided(asked(three_cities(), service=service))
    assert (answer.chosen.kind, answer.chosen.cost_minor) == (Kind.SPLIT, 1_800)
    with pytest.raises(ValidationError, match="never consolidates"):
        Consolidation(service=service, threshold_minor=0, max_delay_minutes=0)


@pytest.mark.parametrize(
    ("threshold", "days", "why"),
    [(600, 9, "saves 600, and more than 600 is asked for"), (599, 0, "minutes later, 0 are acceptable")],
)
def test_too_little_saved_or_too_late_is_split(threshold: int, days: int, why: str) -> None:
    offer = Consolidation(service=ServiceLevel.STANDARD, threshold_minor=threshold, max_delay_minutes=days * DAY)
    # To Chicago by air, so that gathering takes longer than the slowest parcel.
    fast = (lane("new-york", 2 * HOUR), lane("chicago", 3 * HOUR), lane("miami", 3 * HOUR))
    network = three_cities(lanes=fast, policies=Policies(late_hour_minor=0, consolidation=(offer,)))
    _, answer = decided(asked(network))
    assert answer.chosen.kind is Kind.SPLIT
    (lost,) = [one for one in answer.losers if one.cost_minor == 1_200]
    assert (lost.lost_because or "").endswith(why)


@pytest.mark.parametrize("trait", [Trait.PERISHABLE, Trait.MEDICAL])
def test_what_may_not_wait_ships_apart(trait: Trait) -> None:
    items = {**ITEMS, "rug": ITEMS["rug"].model_copy(update={"traits": (trait,)})}
    _, answer = decided(asked(three_cities(), items=items))
    assert answer.chosen.kind is Kind.CONSOLIDATE
    moved = {taken.sku for one in answer.chosen.shipments for m in one.moved for taken in m.taken}
    assert moved == {"desk"}
    assert "rug" in {taken.sku for one in answer.chosen.shipments if not one.moved for taken in one.taken}


def test_one_site_with_everything_always_wins_or_only_when_it_is_cheapest() -> None:
    stock = {**EVERYWHERE, **{("chicago", sku): 1 for sku in ITEMS}}
    dear = (card("new-york", 100, 150), card("chicago", 850, 1_300), card("miami", 100, 160))
    stock["new-york", "desk"] = 1
    network = three_cities(rate_cards=dear)
    _, always = decided(asked(network, stock))
    assert (always.chosen.label, always.chosen.cost_minor) == ("chicago", 1_300)
    policies = Policies(late_hour_minor=0, single_site="when_cheapest", consolidation=())
    _, cheapest = decided(asked(network.model_copy(update={"policies": policies}), stock))
    assert (cheapest.chosen.label, cheapest.chosen.cost_minor) == ("miami+new-york", 250)
    assert cheapest.chosen.kind is Kind.SPLIT
    assert "chicago" in {one.label for one in cheapest.losers}


def test_goods_on_their_way_ship_without_being_shelved_where_that_is_cheapest() -> None:
    question = asked(three_cities(policies=Policies(late_hour_minor=0, single_site="when_cheapest")))
    goods = Arriving("new-york", NOW_MS + DAY * MINUTE_MS, {"desk": 5, "rug": 5}, 25)
    problem = problem_of(question, question.network.sites, arriving=(goods,))
    answer = plan(problem)
    assert verify(problem, answer) == []
    assert (answer.chosen.kind, answer.chosen.cost_minor) == (Kind.ONE_SITE, 500)
    assert dict(answer.chosen.terms) == {"parcel": 450, "cross_dock": 50}
    assert {taken.sku for taken in answer.chosen.shipments[0].cross_docked} == {"desk", "rug"}


def test_what_is_short_waits_by_stock_or_by_price() -> None:
    stock = {("new-york", "lamp"): 1, ("chicago", "desk"): 1}
    _, answer = decided(asked(three_cities(), stock))
    assert {one.sku for one in answer.chosen.short} == {"rug"}
    policies = Policies(late_hour_minor=0, backorder_unit_minor=500)
    _, priced = decided(asked(three_cities(policies=policies), stock))
    assert {one.sku for one in priced.chosen.short} == {"rug", "desk"}
    assert dict(priced.chosen.terms) == {"parcel": 300, "backorder": 1_000}


def test_an_order_that_may_not_be_split_ships_from_one_site_or_is_gathered_or_waits() -> None:
    _, gathered = decided(asked(three_cities(), may_split=False))
    assert gathered.chosen.kind is Kind.CONSOLIDATE
    _, waits = decided(asked(three_cities(transfers=()), may_split=False))
    assert (waits.chosen.kind, waits.chosen.label, waits.chosen.short_units) == (Kind.NOTHING, "nothing", 3)


def test_who_is_out_is_told_with_the_reason() -> None:
    flammable = {**ITEMS, "desk": ITEMS["desk"].model_copy(update={"traits": (Trait.HAZARD,)})}
    first = (site("new-york"), site("chicago", capabilities=()), site("miami"), site("dallas"))
    # Dallas has no lane, Boston's never leaves while it is open.
    boston = lane("boston", HOUR, every_minutes=1440, offset_minutes=720)
    sites = (*first, site("boston", closes_minute=600), site("reno"))
    lanes = (*three_cities().lanes, boston, lane("reno", HOUR))
    cards = (*three_cities().rate_cards, card("boston", 1, 2), card("reno", 1, 2))
    network = three_cities(sites=sites, lanes=lanes, rate_cards=cards)
    stock = {**EVERYWHERE, ("dallas", "lamp"): 1, ("boston", "lamp"): 1}
    question = asked(network, stock, items=flammable, delay=HOUR)
    answer = plan(problem_of(question, sites))
    told = {(one.site_id, one.sku): one for one in answer.eliminated}
    assert told["chicago", "desk"].reason is Reason.RULE
    assert "hazard" in told["chicago", "desk"].detail
    assert (told["dallas", ""].reason, told["dallas", ""].detail) == (
        Reason.CLOSED,
        "no lane leaves it for zone new-york",
    )
    assert told["boston", ""].reason is Reason.CLOSED
    assert "opens_minute 0, closes_minute 600" in told["boston", ""].detail
    assert told["reno", ""].reason is Reason.NO_STOCK
    both = {**EVERYWHERE, ("new-york", "rug"): 1, ("new-york", "desk"): 1}
    hasty = asked(network, both, delay=HOUR)
    late = {one.site_id: one for one in plan(problem_of(hasty, sites)).eliminated}
    assert late["miami"].reason is Reason.PROMISE_MISSED
    assert late["miami"].detail == f"arrives {33 * HOUR} minutes after the latest acceptable"
    full = plan(problem_of(hasty, sites, room=lambda where, _lane, _at: 0 if where.site_id == "new-york" else None))
    assert {one.site_id: one.reason for one in full.eliminated}["new-york"] is Reason.CAPACITY


def test_of_too_many_sites_the_most_promising_are_weighed() -> None:
    sites = tuple(site(f"s{n}") for n in range(14))
    lanes = tuple(lane(one.site_id, HOUR, parcel_minor=100 + n) for n, one in enumerate(sites))
    network = three_cities(sites=sites, lanes=lanes, rate_cards=(), transfers=())
    stock = {(f"s{n}", sku): 1 for n, sku in enumerate(ITEMS)} | {(f"s{n}", "lamp"): 1 for n in range(3, 13)}
    stock |= {("s13", "desk"): 1, ("s13", "rug"): 1}
    _, answer = decided(asked(network, stock))
    assert [one.reason for one in answer.eliminated].count(Reason.NOT_WEIGHED) == 4
    assert (answer.chosen.short_units, answer.chosen.label) == (0, "s0+s13")
    assert not answer.exact
    assert 100 <= answer.bound_minor < answer.chosen.cost_minor
    _, single = decided(asked(network, {**stock, **{("s12", sku): 1 for sku in ITEMS}}))
    assert (single.chosen.label, single.exact, single.eliminated) == ("s12", True, ())


# --- prices ---------------------------------------------------------------------------------------------------------


def test_exact_sourcing_of_flat_prices_agrees_with_the_quick_choice() -> None:
    lanes = tuple(lane(city, HOUR, parcel_minor=100 + n, kilogram_minor=9) for n, city in enumerate(CITIES))
    network = three_cities(lanes=lanes, rate_cards=(), transfers=(), policies=Policies())
    for stock in (EVERYWHERE, {**EVERYWHERE, **{("miami", sku): 1 for sku in ITEMS}}):
        question = asked(network, stock)
        quick = quick_choice(question, network.sites)
        _, answer = decided(question)
        assert (quick.cost_minor, "+".join(quick.site_ids)) == (answer.chosen.cost_minor, answer.chosen.label)


def test_billable_is_the_greater_of_actual_and_volumetric_weight_in_the_smallest_carton() -> None:
    cartons = (Carton("small", 2_000, 3_000, 100, 20), Carton("large", 10_000, 20_000, 300, 60))
    (parcel,) = pack(cartons, [Goods("a", 2, 500, 1_600)])
    assert (parcel.carton_id, parcel.grams, parcel.cm3, parcel.minor) == ("large", 1_300, 20_000, 60)
    bulky = card("new-york", 300, 450).model_copy(update={"volumetric_cm3_per_kg": 5_000})
    tariff = tariff_of(three_cities(rate_cards=(bulky,)), lane("new-york", HOUR))
    assert tariff.billable_g(parcel.grams, parcel.cm3) == 4_000
    assert tariff.charge(parcel.grams, parcel.cm3) == (450, 0, 0)
    assert tariff.charge(parcel.grams, 30_001) == (450, 200, 0)
    several = pack(cartons, [Goods("a", 3, 4_000, 100), Goods("b", 1, 900, 100)])
    assert [(one.carton_id, one.times) for one in several] == [("large", 1), ("large", 1)]
    assert sorted(one.grams for one in several) == [4_300, 9_200]


def test_a_unit_that_fits_no_carton_is_oversize_or_an_error() -> None:
    cartons = (Carton("only", 1_000, 1_000),)
    with pytest.raises(
        PricingError, match=r"items\[sofa\].traits: a unit of 40000 g and 9 cm³ fits no carton"
    ) as error:
        pack(cartons, [Goods("sofa", 1, 40_000, 9)])
    assert error.value.field == "items[sofa].traits"
    packed = pack(cartons, [Goods("sofa", 2, 40_000, 9, True), Goods("pin", 9, 1, 1)])
    assert [(one.carton_id, one.times) for one in packed] == [("only", 1), ("", 2)]


# --- bad input ------------------------------------------------------------------------------------------------------


def test_missing_prices_and_items_are_named() -> None:
    network = three_cities(rate_cards=three_cities().rate_cards[1:])
    with pytest.raises(
        PricingError, match=r"lanes\[new-york-to-new-york\].parcel_minor: is 0, kilogram_minor too"
    ) as error:
        problem_of(asked(network), network.sites)
    assert error.value.field == "lanes[new-york-to-new-york].parcel_minor"
    with pytest.raises(PricingError, match=r"items\[rug\]: is not in the catalogue"):
        problem_of(asked(three_cities(), items={sku: ITEMS[sku] for sku in ("lamp", "desk")}), network.sites)


def test_faults_of_a_network_file_are_told_by_field() -> None:
    assert faults(three_cities(), ITEMS.values()) == []
    sites = (*three_cities().sites, site("boston", closes_minute=600), site("alone"))
    lanes = (*three_cities().lanes, lane("boston", HOUR, every_minutes=1440, offset_minutes=720))
    network = three_cities(
        sites=sites,
        lanes=lanes,
        transfers=(Transfer(from_site="miami", to_site="alone", minutes=9, transfer_minor=1),),
        cartons=(BoxModel(carton_id="only", max_weight_g=500, volume_cm3=1_000),),
    )
    told = faults(network, [*ITEMS.values(), ITEMS["rug"].model_copy(update={"weight_g": 0, "volume_cm3": 0})])
    fields = {sentence.partition(":")[0] for sentence in told}
    assert fields == {
        "lanes[boston-to-new-york].parcel_minor",
        "lanes[boston-to-new-york].offset_minutes",
        "transfers[miami-alone].to_site",
        "sites[alone].site_id",
        *(f"items[{sku}].traits" for sku in ITEMS),
        "items[rug].weight_g",
        "items[rug].volume_cm3",
    }


def test_durations_and_rates_that_cannot_be_meant_are_told() -> None:
    """Instead of a lane that is always late, a daily one, the lane's own prices, or an error of the calendar."""
    network = three_cities()
    ways = [one.model_copy(update={"minutes": 10**12}) for one in network.transfers[:1]]
    slow, daily = network.lanes[:2]
    lanes = (
        slow.model_copy(update={"transit_minutes": 10**12}),
        daily.model_copy(update={"every_minutes": 2_880, "rate_zone": "nowhere", "parcel_minor": 5}),
    )
    twice = network.policies.model_copy(update={"consolidation": network.policies.consolidation * 2})
    site = network.sites[0].model_copy(update={"pick_minutes": 10**18})
    wrong = {"lanes": lanes, "transfers": tuple(ways), "policies": twice, "sites": (site, *network.sites[1:])}
    network = network.model_copy(update=wrong)
    never = {
        f"sites[{site.site_id}].pick_minutes",
        f"lanes[{slow.lane_id}].transit_minutes",
        f"transfers[{ways[0].from_site}-{ways[0].to_site}].minutes",
    }
    assert {sentence.partition(":")[0] for sentence in unusable(network)} == never
    told = {sentence.partition(":")[0] for sentence in faults(network)} - never
    assert told >= {
        f"lanes[{daily.lane_id}].every_minutes",
        f"lanes[{daily.lane_id}].rate_zone",
        f"policies.consolidation[{len(twice.consolidation) // 2}].service",
    }
    assert not any("offset_minutes" in field for field in told)
    one = asked(network)
    assert verify(problem_of(one, network.sites), plan(problem_of(one, network.sites))) == []


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"breaks": ()}, "breaks"),
        ({"kilogram_minor": 0}, "kilogram_minor"),
        ({"volumetric_cm3_per_kg": 0}, "volumetric_cm3_per_kg"),
        ({"breaks": (WeightBreak(up_to_g=5, parcel_minor=9), WeightBreak(up_to_g=5, parcel_minor=10))}, "must ascend"),
        ({"breaks": (WeightBreak(up_to_g=5, parcel_minor=9), WeightBreak(up_to_g=6, parcel_minor=8))}, "never fall"),
    ],
)
def test_a_rate_card_without_a_price_is_refused(wrong: dict[str, object], what: str) -> None:
    good: dict[str, object] = {"carrier": "c", "zone": "z", "kilogram_minor": 1}
    good["breaks"] = (WeightBreak(up_to_g=5, parcel_minor=9),)
    with pytest.raises(ValidationError, match=what):
        RateCard.model_validate({**good, **wrong})
    with pytest.raises(ValidationError, match="parcel_minor"):
        WeightBreak(up_to_g=5, parcel_minor=0)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"rate_cards": (card("x", 1, 2), card("x", 1, 2))}, "one card only"),
        ({"transfers": (Transfer(from_site="nowhere", to_site="miami", minutes=9, transfer_minor=1),)}, "nowhere"),
        ({"transfers": (Transfer(from_site="miami", to_site="miami", minutes=9, transfer_minor=1),)}, "are one"),
        ({"sites": (site("new-york", timezone="Mars/Olympus"),)}, "site new-york: unknown timezone"),
        (
            {
                "cartons": (
                    BoxModel(carton_id="a", max_weight_g=9, volume_cm3=9),
                    BoxModel(carton_id="b", max_weight_g=8, volume_cm3=10),
                )
            },
            "carton b: cartons must go from small to large",
        ),
    ],
)
def test_a_broken_network_file_is_refused(wrong: dict[str, object], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        three_cities(**wrong)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"wants": (Want("a", 1), Want("a", 2))}, "wants: each SKU once"),
        ({"wants": (Want("a", 0),)}, r"wants\[a\]: quantity must be positive"),
        ({"wants": (Want("a", 1, -1),)}, r"wants\[a\]: .* grams and cm3 not negative"),
        ({"sources": (Source("s", {}, ()), Source("s", {}, ()))}, "sources: each site once"),
        ({"cartons": (Carton("a", 9, 9), Carton("b", 8, 10))}, "cartons: from small to large"),
    ],
)
def test_a_broken_problem_is_refused(wrong: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Problem(**{"wants": (Want("a", 1),), "sources": (), **wrong})


@pytest.mark.parametrize(
    ("ends", "prices", "what"),
    [
        ((), (), "0 prices"),
        ((1, 2), (5,), "1 prices for 2"),
        ((2, 2), (5, 6), "ascend"),
        ((1, 2), (6, 5), "never fall"),
    ],
)
def test_a_broken_tariff_is_refused(ends: tuple[int, ...], prices: tuple[int, ...], what: str) -> None:
    with pytest.raises(PricingError, match=what):
        Tariff(ends, prices)


def test_an_order_without_sites_has_nothing_to_ship() -> None:
    problem = Problem((Want("a", 2),), ())
    answer = plan(problem)
    assert verify(problem, answer) == []
    assert (answer.chosen.kind, answer.chosen.short_units, answer.losers) == (Kind.NOTHING, 2, ())


def test_lines_of_one_sku_are_wanted_together() -> None:
    question = replace(
        asked(three_cities()), lines=(*asked(three_cities()).lines, LineQuantity(line_id="x", sku="rug", quantity=4))
    )
    problem = problem_of(question, question.network.sites)
    assert {want.sku: want.quantity for want in problem.wants} == {"lamp": 1, "desk": 1, "rug": 5}
    stocked = replace(question, atp=lambda site_id, sku: 2 if site_id != "chicago" or sku == "desk" else 0)
    answer = plan(problem_of(stocked, question.network.sites))
    held, short = picks_of(question.lines, answer.chosen)
    told = {line.line_id: 0 for line in question.lines}
    for one in held:
        told[one.line_id] += one.quantity
    for rest in short:
        told[rest.line_id] += rest.quantity
    assert told == {line.line_id: line.quantity for line in question.lines}
    assert [(one.line_id, one.quantity) for one in short] == [("x", 1)]


def test_transfers_by_weight_are_weighed_exactly_or_with_a_bound() -> None:
    rates = {("chicago", "new-york"): (400, 30), ("miami", "new-york"): (350, 70)}
    transfers = tuple(
        Transfer(from_site=a, to_site=b, minutes=DAY, transfer_minor=fixed, kilogram_minor=each)
        for (a, b), (fixed, each) in rates.items()
    )
    problem, answer = decided(asked(three_cities(transfers=transfers)))
    assert (answer.chosen.kind, answer.chosen.cost_minor, answer.exact) == (Kind.CONSOLIDATE, 1_300, True)
    rough = plan(problem, Budget(loads=1))
    assert verify(problem, rough) == []
    assert rough.chosen.cost_minor == 1_300
    assert 1_280 <= rough.bound_minor < 1_300


# --- what is claimed, and what is checked ---------------------------------------------------------------------------

CHEAPEST = Rules(True, "when_cheapest", True, 0, 60)


def shop(
    site_id: str, stock: Mapping[str, int], price: int = 1_000, hours: int = 10, room: int | None = None
) -> Source:
    return Source(site_id, stock, (Run(site_id, flat(price), hours * 3_600_000, room_units=room),))


def hub_of(*givers: str, runs: tuple[tuple[int, int], ...] = ((1_000, 10),)) -> Hub:
    """At site a; runs as (price, hours)."""
    leaves = tuple(Run(f"hub-{price}", flat(price), hours * 3_600_000) for price, hours in runs)
    return Hub("a", tuple(Inflow(giver, 50) for giver in givers), leaves)


def pair(hub: Hub, *more: Source, rules: Rules = CHEAPEST) -> Problem:
    """x at the hub, y at site b alone."""
    wants = (Want("x", 1, 100), Want("y", 1, 100))
    return Problem(wants, (shop("a", {"x": 1}), *more, shop("b", {"y": 1})), (), (hub,), rules)


def sound(problem: Problem, budget: Budget | None = None) -> Plan:
    answer = plan(problem, budget or Budget())
    assert verify(problem, answer) == []
    return answer


def test_a_dearer_run_of_a_hub_is_taken_where_the_cheapest_is_too_late() -> None:
    answer = sound(pair(hub_of("b", runs=((990, 100), (1_000, 10), (1_001, 11)))))
    assert (answer.chosen.label, answer.chosen.cost_minor, answer.exact) == ("a<b", 1_050, True)


@pytest.mark.parametrize("others", [2, 9, 30])
def test_of_many_givers_none_that_is_needed_is_left_out(others: int) -> None:
    more = tuple(shop(f"d{n}", {"x": 1}, 3_000) for n in range(others))
    answer = sound(pair(hub_of(*(one.site_id for one in more), "b"), *more))
    assert (answer.chosen.label, answer.chosen.cost_minor) == ("a<b", 1_050)


def test_what_too_many_givers_might_save_is_left_open() -> None:
    """Eleven givers have two units, and the cheapest of all, the last, one."""
    more = tuple(replace(shop(f"d{n}", {"y": 2}, 3_000), handling=Handling(n and 40, 0)) for n in range(11, -1, -1))
    small = tuple(replace(one, stock={"y": 1}) if one.site_id == "d0" else one for one in more)
    answer = sound(pair(hub_of(*(one.site_id for one in small)), *small))
    assert answer.chosen.kind is Kind.CONSOLIDATE
    assert answer.bound_minor <= 1_050
    assert answer.exact == (answer.chosen.cost_minor == 1_050)


def test_a_hub_may_refuse_what_never_comes_to_it() -> None:
    home, *others = pair(hub_of("b")).sources
    wants = (Want("x", 1), Want("y", 1), Want("m", 3, traits=frozenset({Trait.PERISHABLE})))
    sources = (replace(home, refuses=frozenset({Trait.PERISHABLE})), *others, shop("c", {"m": 3}))
    problem = Problem(wants, sources, (), (hub_of("b"),), CHEAPEST)
    answer = sound(problem)
    assert (answer.chosen.label, answer.chosen.cost_minor, answer.exact) == ("a<b+c", 2_050, True)
    rough = sound(problem, Budget(loads=3))
    assert not rough.exact
    assert rough.bound_minor <= 2_050


def test_a_gathered_way_refused_by_little_leaves_the_gap_open() -> None:
    rates = {"chicago": (400, 30), "miami": (350, 70)}
    transfers = tuple(
        Transfer(from_site=a, to_site="new-york", minutes=DAY, transfer_minor=fixed, kilogram_minor=each)
        for a, (fixed, each) in rates.items()
    )
    question = asked(three_cities(transfers=transfers))
    problem = problem_of(question, question.network.sites)
    problem = replace(problem, rules=replace(problem.rules, threshold_minor=505))
    assert (sound(problem).chosen.cost_minor, sound(problem).exact) == (1_800, True)
    rough = sound(problem, Budget(loads=1))
    assert (rough.chosen.cost_minor, rough.exact) == (1_800, False)
    assert rough.bound_minor < 1_295


@pytest.mark.parametrize("each", [0, None])
def test_three_sites_that_are_paid_for_are_used(each: int | None) -> None:
    runs = {name: (Run(name, flat(10, 1), 0),) for name in "abcd"}
    some = [Source(a, {sku: 1}, runs[a], steering_minor={sku: -100}) for a, sku in zip("abc", "xyz", strict=True)]
    sources = (*some, Source("d", {"x": 1, "y": 1, "z": 1}, runs["d"]))
    rules = Rules(True, "when_cheapest", backorder_unit_minor=each)
    answer = sound(Problem((Want("x", 1, 1), Want("y", 1, 1), Want("z", 1, 1)), sources, rules=rules))
    assert (answer.chosen.label, answer.chosen.cost_minor, answer.exact) == ("a+b+c", -267, True)


def test_what_waits_since_sites_were_too_many_is_not_exact() -> None:
    sources = tuple(shop(name, {sku: 1}, 1_000 + n) for n, (name, sku) in enumerate(zip("abc", "xyz", strict=True)))
    problem = Problem((Want("x", 1), Want("y", 1), Want("z", 1)), sources)
    assert (sound(problem).exact, sound(problem).chosen.short_units) == (True, 0)
    few = sound(problem, Budget(sites=2))
    assert (few.exact, few.chosen.short_units) == (False, 1)


@pytest.mark.parametrize("units", [5, 30_000])
def test_no_unit_waits_because_it_would_be_dear(units: int) -> None:
    """One waits since a run is full; of the others none, though lateness is 200 millions."""
    sources = (shop("a", {"x": units - 1}, 100), shop("b", {"x": 2}, 100, 2_000, room=1))
    box = Carton("box", 5_000, 8_000, 0, 10)
    problem = Problem((Want("x", units + 1, 10, 10),), sources, (box,), late_hour_minor=10**7)
    answer = sound(problem)
    assert (answer.chosen.short_units, answer.chosen.label) == (1, "a+b")


def wrongs() -> dict[str, tuple[Problem, Plan, str]]:
    """Each with one thing wrong that nothing else tells."""
    wants = (Want("x", 3, 100), Want("y", 1, 100))
    both = {"x": 5, "y": 5}
    problem = Problem(wants, (shop("a", both), shop("b", both, 1_200)), rules=Rules(backorder_unit_minor=10))
    answer = plan(problem)
    one = answer.chosen
    (sent,) = one.shipments

    def told(changed: Candidate, at: Problem = problem) -> tuple[Problem, Plan]:
        return at, Plan(changed, lambda: answer.losers if at is problem else (), (), changed.cost_minor, True)

    def ships(*changed: object, **more: object) -> tuple[Problem, Plan]:
        return told(replace(one, shipments=changed, **more))  # type: ignore[arg-type]

    parts = [replace(sent, taken=(Taken("x", 3),)), replace(sent, taken=(Taken("y", 1),))]
    many, minus = replace(sent, taken=(Taken("x", 4), Taken("y", 1))), (Taken("x", -1),)
    docks = (Inbound({"x": 2, "y": 1}, (Run("d", flat(100), 0),), 5),)
    dock = Problem((Want("x", 4), Want("y", 1)), (Source("d", {"x": 3}, (), inbound=docks),))
    base = replace(plan(dock).chosen.shipments[0], terms=(("parcel", 100), ("cross_dock", 25)))
    twice = replace(base, taken=(), cross_docked=(Taken("x", 2), Taken("x", 2), Taken("y", 1)))
    back = replace(base, taken=(Taken("x", 5),), cross_docked=(Taken("x", -1), Taken("y", 1)))
    gathered = pair(hub_of("b"))
    late = replace(gathered, hubs=(hub_of("b", runs=((1_000, 20),)),), rules=replace(CHEAPEST, threshold_minor=951))
    reach = plan(replace(late, rules=replace(CHEAPEST, acceptable_delay_minutes=600)))
    hushed = replace(plan(gathered), others=lambda: ())
    strange = replace(sent, moved=(Moved("q", (Taken("y", 1),)),))
    return {
        "doubled": (*ships(replace(sent, terms=sent.terms * 2)), "terms [('parcel', 1000), ('parcel', 1000)]"),
        "minus": (*ships(many, short=minus, backorder_minor=-10), "-1 of x short"),
        "sku": (*ships(replace(sent, taken=(*sent.taken, Taken("q", 1)))), "q, from a, was not asked for"),
        "wait": (*told(replace(one, short=(Taken("q", 2),), backorder_minor=20)), "q, short, was not asked for"),
        "site": (*ships(replace(sent, site_id="zz")), "site zz is not in the problem"),
        "giver": (*ships(strange, kind=Kind.CONSOLIDATE), "site q is not in the problem"),
        "split": (*told(replace(one, kind=Kind.SPLIT)), "is one_site, and is said to be split"),
        "nothing": (*told(replace(one, kind=Kind.NOTHING)), "is one_site, and is said to be nothing"),
        "two": (*ships(*parts, kind=Kind.CONSOLIDATE), "two shipments from one site"),
        "empty": (*ships(sent, replace(sent, site_id="b", taken=(), terms=())), "the shipment from b is empty"),
        "docked": (*told(Candidate(Kind.ONE_SITE, (twice,)), dock), "no run of site d on lane d can take it"),
        "undocked": (*told(Candidate(Kind.ONE_SITE, (back,)), dock), "-1 of x cross-docked at d"),
        "worth": (late, reach, "gathered to save 950, and more than 951 is asked for"),
        "late": (late, reach, "gathered, and more than 60 minutes later"),
        "alone": (gathered, hushed, "gathered, and no way that is not is told"),
    }


@pytest.mark.parametrize("name", wrongs())
def test_nothing_wrong_is_accepted(name: str) -> None:
    problem, answer, what = wrongs()[name]
    assert [one for one in verify(problem, answer) if what in one]
