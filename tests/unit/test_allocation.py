import msgspec
import pytest

from orderwing.allocation.places import Departure, PickingHour
from orderwing.allocation.rows import Move, Part, Plan, State
from orderwing.planning.explaining.facts import edited
from orderwing_schemas.base import Event
from orderwing_schemas.domain import HeldLine, LineQuantity
from orderwing_schemas.events.allocation import (
    MoveRequested,
    PartAllocated,
    PartFrozen,
    PartWaiting,
    ProposalAnswered,
    ReplacementRequested,
    ShipmentOrdered,
)
from orderwing_schemas.events.dispatch import PickShort
from orderwing_schemas.events.reservation import DecisionCard, HoldMoved
from orderwing_schemas.network import Carton, Network, Policies, Trait
from support.allocation_world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    AllocationWorld,
    a_lane,
    a_network,
    a_site,
    hold,
    reserved,
    shelf,
)

SOON_MS = START_MS + 2 * HOUR_MS  # the departure at one o'clock arrives then


def two_sites(price_a: int = 100, price_b: int = 100, parcels: int = 50, per_hour: int = 100) -> AllocationWorld:
    sites = (a_site("a", per_hour), a_site("b", per_hour), a_site("far", region="north"))
    lanes = (a_lane("a", parcels, price_a), a_lane("b", parcels, price_b), a_lane("far"))
    return AllocationWorld(a_network(sites, lanes))


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def only(events: list[Event], kind: type) -> list:  # type: ignore[type-arg]
    return [event for event in events if isinstance(event, kind)]


def test_the_first_plan_is_on_the_stock_held_and_its_terms_add_up() -> None:
    world = two_sites()
    events = world.put(reserved("o/south/1", [hold("a", 3)], SOON_MS))
    assert kinds(events) == ["PartAllocated", "DecisionCard"]
    plan: PartAllocated = only(events, PartAllocated)[0]
    (shipment,) = plan.shipments
    assert (plan.version, plan.cause, plan.previous_cost_minor) == (1, "first", None)
    assert (shipment.site_id, shipment.departure_at_ms, shipment.arrival_at_ms) == ("a", START_MS + HOUR_MS, SOON_MS)
    assert plan.cost_minor == shipment.cost_minor == sum(amount for _, amount in shipment.terms) == 100 + 20 + 10 + 5
    assert plan.freeze_at_ms == START_MS + 30 * MINUTE_MS
    assert shipment.shipment_id == "o/south/1/1"
    world.check_capacity()


def test_a_replacement_says_so() -> None:
    event = reserved("o/south/2", [hold("a")], SOON_MS).model_copy(update={"replaces": "o/south/1"})
    assert only(two_sites().put(event), PartAllocated)[0].cause == "replacement"


def test_a_full_departure_leaves_the_next_one_and_lateness_is_priced() -> None:
    world = two_sites(parcels=1)
    world.put(reserved("o1/south/1", [hold("a")], SOON_MS))
    plan = only(world.put(reserved("o2/south/1", [hold("a")], SOON_MS)), PartAllocated)[0]
    assert plan.shipments[0].departure_at_ms == START_MS + 2 * HOUR_MS
    assert dict(plan.shipments[0].terms)["lateness"] == 200
    world.check_capacity()


def test_an_order_larger_than_an_hour_of_picking_fills_several_hours() -> None:
    world = two_sites(per_hour=10)
    plan = only(world.put(reserved("o/south/1", [hold("a", 25)], SOON_MS)), PartAllocated)[0]
    hours = [(row.hour - START_MS // HOUR_MS, row.booked) for row in world.rows(PickingHour)]
    assert hours == [(0, 10), (1, 10), (2, 5)]
    assert plan.freeze_at_ms == plan.shipments[0].departure_at_ms - 150 * MINUTE_MS >= START_MS
    world.check_capacity()


def test_a_cheaper_site_is_asked_for_and_becomes_the_plan_only_when_the_hold_has_moved() -> None:
    world = two_sites(price_b=60)
    events = world.put(reserved("o/south/1", [hold("a", 3)], SOON_MS, [shelf("a", 0), shelf("b", 3)]))
    assert kinds(events) == ["PartAllocated", "DecisionCard", "MoveRequested"]
    request: MoveRequested = only(events, MoveRequested)[0]
    assert request.moves[0].held == (hold("b", 3),)
    assert request.moves[0].version == 1
    assert world.plan("o/south/1").state is State.MOVING
    assert len(world.rows(Departure)) == 2
    world.check_capacity()
    events = world.settle(request, moved=True)
    plan: PartAllocated = only(events, PartAllocated)[0]
    assert (plan.version, plan.cause, plan.previous_cost_minor, plan.cost_minor) == (2, "own_move", 135, 95)
    assert plan.shipments[0].site_id == "b"
    assert [row.lane_id for row in world.rows(Departure)] == ["b-south"]
    world.check_capacity()


def test_a_refused_move_leaves_the_plan_and_frees_what_was_booked() -> None:
    world = two_sites(price_b=60)
    request = only(world.put(reserved("o/south/1", [hold("a")], SOON_MS, [shelf("b", 1)])), MoveRequested)[0]
    (card,) = world.settle(request, moved=False)
    assert isinstance(card, DecisionCard)
    assert (card.decision, card.chosen) == ("kept the plan", "a by a-south")
    assert [c.lost_because for c in card.candidates] == [
        None,
        "reservation did not move the hold: the stock is not there",
    ]
    assert (world.plan("o/south/1").state, world.plan("o/south/1").version) == (State.PLANNED, 1)
    assert [row.lane_id for row in world.rows(Departure)] == ["a-south"]
    assert world.rows(Move) == []
    world.check_capacity()


def test_a_saving_below_the_threshold_or_without_stock_moves_nothing_and_the_card_says_why() -> None:
    world = two_sites(price_b=95)
    events = world.put(reserved("o1/south/1", [hold("a")], SOON_MS, [shelf("b", 1)]))
    card: DecisionCard = only(events, DecisionCard)[0]
    assert [c.lost_because for c in card.candidates] == [None, "cheaper by 5, not above the threshold of 5"]
    assert kinds(world.put(reserved("o2/south/1", [hold("a")], SOON_MS, [shelf("b", 0)]))) == [
        "PartAllocated",
        "DecisionCard",
    ]


def test_a_split_part_is_joined_where_one_site_could_have_all() -> None:
    world = two_sites()
    held = [hold("a", 1, "1", "tea"), hold("b", 1, "2", "mug")]
    seen = [shelf("a", 1, "mug"), shelf("b", 0, "tea")]
    request = only(world.put(reserved("o/south/1", held, SOON_MS, seen)), MoveRequested)[0]
    assert {line.site_id for line in request.moves[0].held} == {"a"}
    world.check_capacity()


def test_a_split_part_is_moved_to_a_cheaper_pair() -> None:
    sites = (a_site("a"), a_site("b"), a_site("c"))
    world = AllocationWorld(a_network(sites, (a_lane("a"), a_lane("b", price=300), a_lane("c"))))
    held = [hold("a", 1, "1", "tea"), hold("b", 1, "2", "mug")]
    seen = [shelf("a", 0, "tea"), shelf("c", 1, "mug")]
    request = only(world.put(reserved("o/south/1", held, SOON_MS, seen)), MoveRequested)[0]
    assert {line.site_id for line in request.moves[0].held} == {"a", "c"}


def test_the_freeze_comes_at_its_time_and_orders_every_shipment() -> None:
    world = two_sites()
    world.put(reserved("o/south/1", [hold("a", 1, "1", "tea"), hold("b", 1, "2", "mug")], SOON_MS))
    assert world.until(START_MS + 29 * MINUTE_MS) == []
    events = world.until(START_MS + 30 * MINUTE_MS)
    assert kinds(events) == ["PartFrozen", "ShipmentOrdered", "ShipmentOrdered"]
    ordered: list[ShipmentOrdered] = only(events, ShipmentOrdered)
    assert [(o.site_id, o.shipment.shipment_id) for o in ordered] == [("a", "o/south/1/1"), ("b", "o/south/1/2")]
    assert world.plan("o/south/1").state is State.FROZEN


def test_a_freeze_that_comes_due_while_moving_waits_for_the_answer() -> None:
    for moved in (True, False):
        world = two_sites(price_b=60)
        request = only(world.put(reserved("o/south/1", [hold("a")], SOON_MS, [shelf("b", 1)])), MoveRequested)[0]
        assert world.until(START_MS + 40 * MINUTE_MS) == []
        assert world.plan("o/south/1").state is State.DUE
        events = world.settle(request, moved)
        frozen: PartFrozen = only(events, PartFrozen)[0]
        assert frozen.version == (2 if moved else 1)
        assert only(events, ShipmentOrdered)[0].site_id == ("b" if moved else "a")
        world.check_capacity()


def test_rows_are_forgotten_after_their_time() -> None:
    world = two_sites()
    world.put(reserved("o/south/1", [hold("a")], SOON_MS))
    world.propose("p", ("x/south/1", 1, (hold("a"),)))
    world.until(START_MS + 3 * HOUR_MS)
    assert [len(world.rows(kind)) for kind in (PickingHour, Departure, Plan, Part)] == [0, 0, 1, 1]
    world.until(START_MS + 31 * DAY_MS)
    assert world.view.rows == {}


def refusal(events: list[Event]) -> str:
    answered: ProposalAnswered = events[-1]  # type: ignore[assignment]
    assert isinstance(answered, ProposalAnswered)
    assert (answered.accepted, answered.gain_minor) == (False, None)
    return answered.reason


def boxed(network: Network) -> Network:
    """Two packets of tea fill a box."""
    box = Carton(carton_id="box", max_weight_g=800, volume_cm3=100, carton_minor=3)
    return network.model_copy(update={"cartons": (box,)})


def test_departures_carry_cartons_and_a_shipment_beyond_any_has_one_to_itself() -> None:
    world = AllocationWorld(boxed(a_network((a_site("a"),), (a_lane("a", 3),))))
    first = only(world.put(reserved("o1/south/1", [hold("a", 3)], SOON_MS)), PartAllocated)[0].shipments[0]
    terms = dict(first.terms)
    assert (first.parcels, terms["cartons"], terms["parcel"], terms["handling_parcel"]) == (2, 6, 200, 10)
    assert first.cost_minor == sum(terms.values())
    single = only(world.put(reserved("o2/south/1", [hold("a")], SOON_MS)), PartAllocated)[0].shipments[0]
    double = only(world.put(reserved("o3/south/1", [hold("a", 3)], SOON_MS)), PartAllocated)[0].shipments[0]
    large = only(world.put(reserved("o4/south/1", [hold("a", 9)], SOON_MS)), PartAllocated)[0].shipments[0]
    hours = [(s.departure_at_ms - START_MS) // HOUR_MS for s in (first, single, double, large)]
    assert (hours, large.parcels) == ([1, 1, 2, 3], 5)
    assert sorted(row.booked for row in world.rows(Departure)) == [2, 3, 3]
    world.check_capacity()


@pytest.mark.parametrize(("parcels", "per_hour"), [(3, 100), (50, 4)])
def test_who_leaves_frees_what_it_booked_whatever_a_later_network_takes(parcels: int, per_hour: int) -> None:
    def network(times: int) -> Network:
        lanes = (a_lane("a", parcels * times, every=240), a_lane("b", price=10))
        return boxed(a_network((a_site("a", per_hour * times), a_site("b")), lanes))

    world = AllocationWorld(network(1))
    world.put(reserved("o1/south/1", [hold("a", 9)], START_MS + 9 * HOUR_MS))  # five boxes
    world.view.reference.network = network(2)
    world.put(reserved("o2/south/1", [hold("a", 3)], START_MS + 9 * HOUR_MS))
    [asked] = only(world.propose("p", ("o1/south/1", 1, (hold("b", 9),))), MoveRequested)
    world.settle(asked, moved=True)
    first, second = world.plan("o2/south/1").shipments[0], world.emitted[0].shipments[0]  # type: ignore[attr-defined]
    assert first.departure_at_ms == second.departure_at_ms, "they were to leave together"
    hour = (first.departure_at_ms - 30 * MINUTE_MS) // HOUR_MS
    carried = {row.key: row.booked for row in world.rows(Departure) if row.lane_id == "a-south"}
    picked = {row.key: row.booked for row in world.rows(PickingHour) if row.site_id == "a"}
    assert (carried, picked) == ({f"a-south|{first.departure_at_ms}": 2}, {f"a|{hour}": 3})


@pytest.mark.parametrize("gone", [False, True])
def test_a_plan_that_an_earlier_version_kept_frees_what_it_booked(gone: bool) -> None:
    lanes = (a_lane("a", 3, every=240), a_lane("b", price=10))
    world = AllocationWorld(boxed(a_network((a_site("a", 4), a_site("b")), lanes)))
    world.put(reserved("o1/south/1", [hold("a", 9)], START_MS + 9 * HOUR_MS))
    document = msgspec.json.decode(msgspec.json.encode(world.plan("o1/south/1")))
    document["shipments"] = [shipment[:-2] for shipment in document["shipments"]]  # with neither places nor hours
    world.view.rows[Plan, "o1/south/1"] = msgspec.json.decode(msgspec.json.encode(document), type=Plan)
    if gone:
        world.view.reference.network = boxed(a_network((a_site("a", 4), a_site("b")), lanes[1:]))
    else:
        world.check_capacity()
    [asked] = only(world.propose("p", ("o1/south/1", 1, (hold("b", 9),))), MoveRequested)
    world.settle(asked, moved=True)
    left = {row.lane_id for row in world.rows(Departure)}, {row.site_id for row in world.rows(PickingHour)}
    assert left == (({"a-south", "b-south"}, {"a", "b"}) if gone else ({"b-south"}, {"b"}))


def test_a_site_is_not_asked_for_what_it_may_not_ship_and_the_card_says_so() -> None:
    network = two_sites(price_b=50).network
    picky = network.sites[1].model_copy(update={"capabilities": (Trait.OVERSIZE,)})
    sites = (network.sites[0], picky, network.sites[2])
    world = AllocationWorld(edited(network, sites=sites), (Trait.HAZARD,))
    events = world.put(reserved("o/south/1", [hold("a", 1, "1", "mug")], SOON_MS, [shelf("b", 5, "mug")]))
    assert kinds(events) == ["PartAllocated", "DecisionCard"]
    told = {one.label: one.lost_because for one in only(events, DecisionCard)[0].candidates}
    assert told == {"a by a-south": None, "b": "may not ship mug: hazard"}
    assert refusal(world.propose("p", ("o/south/1", 1, (hold("b", 1, "1", "mug"),)))) == "may_not_ship"


def test_proposals_that_cannot_be_taken_are_refused_with_the_reason() -> None:
    world = two_sites(price_b=60, parcels=1)
    part = "o/south/1"
    world.put(reserved(part, [hold("a", 2)], SOON_MS))
    to_b = (hold("b", 2),)
    assert refusal(world.propose("p1", ("nobody/south/1", 1, to_b))) == "unknown_part"
    assert refusal(world.propose("p2", (part, 2, to_b))) == "stale_version"
    assert refusal(world.propose("p3", (part, 1, (hold("b", 1),)))) == "not_verified"
    assert refusal(world.propose("p4", (part, 1, (hold("far", 2),)))) == "not_verified"
    assert refusal(world.propose("p5", (part, 1, to_b), (part, 1, to_b))) == "not_verified"
    assert refusal(world.propose("p6", (part, 1, to_b), region="north")) == "not_verified"
    assert refusal(world.propose("p7", (part, 1, (hold("a", 2),)))) == "gain_below_churn"
    world.propose("p8", (part, 1, to_b))
    assert refusal(world.propose("p9", (part, 1, to_b))) == "moving"
    world.until(START_MS + 40 * MINUTE_MS)
    assert refusal(world.propose("p10", (part, 1, to_b))) == "frozen"
    world.check_capacity()


def test_a_part_that_may_not_be_split_is_not() -> None:
    world = two_sites()
    world.put(reserved("o/south/1", [hold("a", 2)], SOON_MS, may_split=False))
    assert refusal(world.propose("p", ("o/south/1", 1, (hold("a"), hold("b"))))) == "not_verified"


def test_no_room_anywhere_refuses_the_whole_proposal_and_books_nothing() -> None:
    sites = (a_site("a"), a_site("b"))
    world = AllocationWorld(a_network(sites, (a_lane("a"), a_lane("b", price=10, zone="north"))))
    world.put(reserved("o1/south/1", [hold("a")], SOON_MS))
    before = dict(world.view.rows)
    assert refusal(world.propose("p", ("o1/south/1", 1, (hold("b"),)))) == "capacity"
    assert {place: row for place, row in world.view.rows.items() if place[1] != "p"} == before


def test_an_accepted_proposal_moves_all_its_parts_and_tells_the_verified_gain_once() -> None:
    world = two_sites(price_b=60)
    parts = ("o1/south/1", "o2/south/1")
    for part in parts:
        world.put(reserved(part, [hold("a")], SOON_MS))
    changes = tuple((part, 1, (hold("b"),)) for part in parts)
    events = world.propose("p", *changes)
    assert kinds(events) == ["MoveRequested"]
    assert world.propose("p", *changes) == []
    events = world.settle(only(events, MoveRequested)[0], moved=True)
    answered: ProposalAnswered = only(events, ProposalAnswered)[0]
    told = only(events, PartAllocated)
    assert (answered.accepted, answered.gain_minor, answered.part_ids) == (True, 2 * (40 - 5), parts)
    assert answered.gain_minor == sum(p.previous_cost_minor - p.cost_minor - 5 for p in told)
    assert [(p.version, p.cause, p.proposal_id) for p in told] == [(2, "proposal", "p")] * 2
    assert world.propose("p", *changes) == []
    world.check_capacity()


def test_a_proposal_that_reservation_refuses_is_answered_so() -> None:
    world = two_sites(price_b=60)
    world.put(reserved("o/south/1", [hold("a")], SOON_MS))
    request = only(world.propose("p", ("o/south/1", 1, (hold("b"),))), MoveRequested)[0]
    assert refusal(world.settle(request, moved=False)) == "no_stock"
    world.check_capacity()


def test_an_earlier_departure_that_became_free_needs_no_move() -> None:
    world = two_sites(price_b=60, parcels=1)
    world.put(reserved("o1/south/1", [hold("a")], SOON_MS))
    late = only(world.put(reserved("o2/south/1", [hold("a")], SOON_MS)), PartAllocated)[0]
    request = only(world.propose("p1", ("o1/south/1", 1, (hold("b"),))), MoveRequested)[0]
    world.settle(request, moved=True)
    events = world.propose("p2", ("o2/south/1", 1, (hold("a"),)))
    assert kinds(events) == ["PartAllocated", "DecisionCard", "ProposalAnswered"]
    plan: PartAllocated = only(events, PartAllocated)[0]
    assert plan.version == 2
    assert plan.shipments[0].departure_at_ms < late.shipments[0].departure_at_ms
    assert only(events, ProposalAnswered)[0].gain_minor == 200 - 5
    world.check_capacity()


def test_a_short_pick_asks_for_a_replacement_and_the_part_goes_on() -> None:
    world = two_sites()
    world.put(reserved("o/south/1", [hold("a", 3)], SOON_MS))
    world.until(START_MS + 30 * MINUTE_MS)
    missing = (LineQuantity(line_id="1", sku="tea", quantity=2),)
    short = PickShort(
        region="south",
        order_id="o",
        order_version=1,
        part_id="o/south/1",
        shipment_id="o/south/1/1",
        site_id="a",
        missing=missing,
    )
    (asked,) = world.put(short)
    assert isinstance(asked, ReplacementRequested)
    assert (asked.part_id, asked.site_id, asked.missing) == ("o/south/1", "a", missing)
    assert world.plan("o/south/1").state is State.FROZEN


def test_refused_proposals_leave_a_card_for_every_part_with_the_reason_and_the_terms() -> None:
    world = two_sites(price_b=99)
    parts = ("o1/south/1", "o2/south/1")
    for part in parts:
        world.put(reserved(part, [hold("a")], SOON_MS))
    events = world.propose("p1", (parts[0], 1, (hold("b"),)), (parts[1], 1, (hold("b"),)))
    assert refusal(events) == "gain_below_churn"
    cards: list[DecisionCard] = only(events, DecisionCard)
    assert [(card.order_id, card.part_id, card.decision) for card in cards] == [
        ("o1", parts[0], "refused a proposal"),
        ("o2", parts[1], "refused a proposal"),
    ]
    for card in cards:
        kept, proposed = card.candidates
        assert (kept.label, kept.lost_because) == (card.chosen, None) == ("a by a-south", None)
        assert (proposed.label, proposed.lost_because) == ("b by b-south", "it saves no more than a change costs")
        for one in card.candidates:
            assert sum(amount for _, amount in one.terms) == one.cost_minor is not None
    events = world.propose("p2", (parts[0], 1, (hold("b"),)), (parts[1], 7, (hold("b"),)))
    assert refusal(events) == "stale_version"
    assert [card.candidates[-1].lost_because for card in only(events, DecisionCard)] == [
        "all or none, and of part o2/south/1: it was made for another version of the plan",
        "it was made for another version of the plan",
    ]


def boxes(one_box: bool, max_delay_minutes: int = 600, every: int = 60) -> list[Event]:
    """A part held at two sites; a third, dear one could ship it alone."""
    sites = (a_site("a"), a_site("b"), a_site("c"))
    world = AllocationWorld(a_network(sites, (a_lane("a"), a_lane("b"), a_lane("c", price=900, every=every))))
    held = [hold("a", 1, "1", "tea"), hold("b", 1, "2", "mug")]
    seen = [shelf("c", 1, "tea"), shelf("c", 1, "mug")]
    part = reserved("o/south/1", held, SOON_MS, seen, one_box=one_box, max_delay_minutes=max_delay_minutes)
    return world.put(part)


def test_one_box_is_worth_its_price_to_who_wants_it() -> None:
    events = boxes(one_box=False)
    assert only(events, MoveRequested) == []
    assert [c.lost_because for c in only(events, DecisionCard)[0].candidates] == [None, "dearer by 695"]
    events = boxes(one_box=True)
    (request,) = only(events, MoveRequested)
    assert {line.site_id for line in request.moves[0].held} == {"c"}
    (loser,) = only(events, DecisionCard)[0].candidates[1:]
    assert loser.lost_because == (
        "the hold has to be moved first; what stands: 2 parcels, and the customer wants one box"
    )


def test_one_box_may_come_later_by_the_delay_that_is_acceptable_and_no_more() -> None:
    """The third site's first van leaves two hours after the others'."""
    assert only(boxes(one_box=True, max_delay_minutes=120, every=660), MoveRequested) != []
    events = boxes(one_box=True, max_delay_minutes=119, every=660)
    assert only(events, MoveRequested) == []
    loser = only(events, DecisionCard)[0].candidates[1]
    assert loser.lost_because == "arrives 120 minutes later than the earliest possible, 119 are acceptable"
    assert dict(loser.terms)["lateness"] == 2 * 200


def test_a_plan_that_is_too_late_is_left_at_any_price() -> None:
    """The only van from a today is full; b's dear one is not."""
    sites, lanes = (a_site("a"), a_site("b")), (a_lane("a", 1, every=1440), a_lane("b", price=9_000))
    for max_delay_minutes, asked in ((60, 1), (100_000, 0)):
        world = AllocationWorld(a_network(sites, lanes, Policies(late_hour_minor=1)))
        world.put(reserved("o1/south/1", [hold("a")], SOON_MS))
        late = reserved("o2/south/1", [hold("a")], SOON_MS, [shelf("b", 1)], max_delay_minutes=max_delay_minutes)
        assert len(only(world.put(late), MoveRequested)) == asked


def proposed(one_box: bool, max_delay_minutes: int, *held: HeldLine) -> list[Event]:
    """For a part that stands at c alone, while a and b are cheaper together."""
    sites = (a_site("a"), a_site("b"), a_site("c"))
    lanes = (a_lane("a", price=100), a_lane("b", every=660), a_lane("c", price=900))
    world = AllocationWorld(a_network(sites, lanes, Policies(late_hour_minor=1)))
    standing = [hold("c", 1, "1", "tea"), hold("c", 1, "2", "mug")]
    world.put(reserved("o/south/1", standing, SOON_MS, one_box=one_box, max_delay_minutes=max_delay_minutes))
    return world.propose("p", ("o/south/1", 1, held))


def test_a_cheaper_proposal_may_cost_neither_the_one_box_nor_the_time() -> None:
    split = (hold("a", 1, "1", "tea"), hold("b", 1, "2", "mug"))
    assert only(proposed(False, 600, *split), MoveRequested) != []
    assert refusal(proposed(True, 600, *split)) == "more_parcels"
    assert refusal(proposed(False, 60, *split)) == "too_late"


def test_a_dear_proposal_is_taken_where_it_makes_one_box() -> None:
    sites = (a_site("a"), a_site("b"), a_site("c"))
    world = AllocationWorld(a_network(sites, (a_lane("a"), a_lane("b"), a_lane("c", price=900))))
    held = [hold("a", 1, "1", "tea"), hold("b", 1, "2", "mug")]
    world.put(reserved("o/south/1", held, SOON_MS, one_box=True))
    whole = (hold("c", 1, "1", "tea"), hold("c", 1, "2", "mug"))
    (request,) = world.propose("p", ("o/south/1", 1, whole))
    assert isinstance(request, MoveRequested)
    events = world.settle(request, moved=True)
    assert only(events, ProposalAnswered)[0].gain_minor == -695 - 5
    lost = only(events, DecisionCard)[0].candidates[1].lost_because
    assert lost == "2 parcels, and the customer wants one box"


def full(price_b: int = 100) -> AllocationWorld:
    """One parcel a day leaves site a, and all of thirty days are taken."""
    lanes = (a_lane("a", 1, every=1440), a_lane("b", price=price_b))
    world = AllocationWorld(a_network((a_site("a"), a_site("b")), lanes, Policies(late_hour_minor=1)))
    for number in range(30):
        world.put(reserved(f"x{number}/south/1", [hold("a")], SOON_MS))
    return world


def test_a_part_that_no_departure_has_room_for_waits_and_is_planned_when_one_has() -> None:
    world = full()
    events = world.put(reserved("o/south/1", [hold("a")], SOON_MS, [shelf("b", 0)]))
    assert kinds(events) == ["PartWaiting", "DecisionCard"]
    waiting: PartWaiting = only(events, PartWaiting)[0]
    assert waiting.reason == "no departure from a to south has room within 30 days"
    card: DecisionCard = only(events, DecisionCard)[0]
    assert [(c.label, c.lost_because) for c in card.candidates] == [("a", "no departure has room")]
    assert world.plan("o/south/1").state is State.WAITING
    assert refusal(world.propose("p", ("o/south/1", 0, (hold("b"),)))) == "waiting"
    before = only(world.until(START_MS + 12 * HOUR_MS), PartAllocated)
    assert before == []
    plan: PartAllocated = only(world.until(START_MS + 2 * DAY_MS), PartAllocated)[0]
    assert (plan.part_id, plan.version, plan.cause, plan.previous_cost_minor) == ("o/south/1", 1, "first", None)
    world.check_capacity()
    world.until(START_MS + 100 * DAY_MS)
    assert world.view.rows == {}


def test_a_waiting_part_moves_to_a_site_that_has_room_or_waits_on() -> None:
    for moved in (True, False):
        world = full()
        part = reserved("o/south/2", [hold("a")], SOON_MS, [shelf("b", 1)]).model_copy(update={"replaces": "o/south/1"})
        events = world.put(part)
        assert kinds(events) == ["PartWaiting", "DecisionCard", "MoveRequested"]
        assert [c.lost_because for c in only(events, DecisionCard)[0].candidates] == [
            "no departure has room",
            "has room: the hold has to be moved first",
        ]
        assert world.plan("o/south/2").state is State.SEEKING
        world.check_capacity()
        events = world.settle(only(events, MoveRequested)[0], moved)
        world.check_capacity()
        if moved:
            assert kinds(events) == ["PartAllocated", "DecisionCard"]
            plan: PartAllocated = only(events, PartAllocated)[0]
            assert (plan.version, plan.cause, plan.previous_cost_minor) == (1, "replacement", None)
        else:
            assert kinds(events) == ["DecisionCard"]
            assert only(events, DecisionCard)[0].chosen == "nothing"
            assert world.plan("o/south/2").state is State.WAITING
        world.until(START_MS + 100 * DAY_MS)
        assert world.view.rows == {}
        frozen = [e.part_id for e in only(world.emitted, PartFrozen)]
        assert frozen.count("o/south/2") == 1


def test_a_part_that_no_lane_carries_waits_for_a_network_that_has_one() -> None:
    network: Network = a_network((a_site("a"),), (a_lane("a", zone="north"),), Policies())
    world = AllocationWorld(network)
    assert kinds(world.put(reserved("o/south/1", [hold("a")], SOON_MS))) == ["PartWaiting", "DecisionCard"]
    assert world.until(START_MS + DAY_MS) == []
    assert world.plan("o/south/1").state is State.WAITING


@pytest.mark.parametrize("site", [True, False])
def test_a_part_held_where_the_network_has_lost_its_lanes_moves_to_a_site_that_has_some(site: bool) -> None:
    left = a_network([a_site("b")] if site else [a_site("a"), a_site("b")], [a_lane("b")])
    world = AllocationWorld(left)
    events = world.put(reserved("o1/south/1", [hold("a", 3)], START_MS + 9 * HOUR_MS, [shelf("b", 5)]))
    [asked] = [event for event in events if isinstance(event, MoveRequested)]
    assert [line.site_id for line in asked.moves[0].held] == ["b"]
    world.put(HoldMoved(region="south", move_id=asked.move_id, moves=asked.moves))
    assert [row.booked for row in world.view.rows.values() if isinstance(row, Departure)] == [1]


@pytest.mark.parametrize("site", [True, False])
def test_a_move_away_from_a_lane_that_the_network_has_lost_is_made(site: bool) -> None:
    world = AllocationWorld(a_network([a_site("a"), a_site("b")], [a_lane("a", price=300), a_lane("b", price=50)]))
    events = world.put(reserved("o1/south/1", [hold("a", 3)], START_MS + 9 * HOUR_MS, [shelf("b", 5)]))
    [asked] = [event for event in events if isinstance(event, MoveRequested)]
    left = a_network([a_site("b")] if site else [a_site("a"), a_site("b")], [a_lane("b", price=50)])
    world.view.reference.network = left
    world.put(HoldMoved(region="south", move_id=asked.move_id, moves=asked.moves))
    [plan] = [row for row in world.view.rows.values() if isinstance(row, Plan)]
    assert [shipment.site_id for shipment in plan.shipments] == ["b"]
    world.until(world.now_ms + 2 * HOUR_MS)
    assert not [row for row in world.view.rows.values() if isinstance(row, Departure)], "old bookings end, too"
