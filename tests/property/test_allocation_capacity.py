"""Capacity under any interleaving of new parts, moves, proposals, freezes and time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orderwing.allocation.rows import Move, Plan, State
from orderwing_schemas.base import Event
from orderwing_schemas.domain import HeldLine
from orderwing_schemas.events.allocation import (
    MoveRequested,
    PartAllocated,
    PartFrozen,
    ProposalAnswered,
    ShipmentOrdered,
)
from support.allocation_world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    AllocationWorld,
    a_lane,
    a_network,
    a_site,
    hold,
    reserved,
    shelf,
)

SITES = ("a", "b", "c", "d")
SITE = st.sampled_from(SITES)


def crowded() -> AllocationWorld:
    """So little room that parts are in each other's way, and one parcel a day from d."""
    sites = [a_site("a", 6), a_site("b", 9), a_site("c", 30), a_site("d", 30)]
    lanes = [
        a_lane("a", 2, 90),
        a_lane("b", 1, 60, every=30),
        a_lane("c", 3, 140, every=20),
        a_lane("d", 1, 80, every=1440),
    ]
    return AllocationWorld(a_network(sites, lanes))


class Interleavings(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = crowded()
        self.requests: list[MoveRequested] = []
        self.count = 0
        self.quantities: dict[str, int] = {}

    @initialize(full=st.sampled_from([False, False, True]))
    def some_site_is_full(self, full: bool) -> None:
        for number in range(30 * full):
            part_id = f"x{number}/south/1"
            self.quantities[part_id] = 1
            self._note(self.world.put(reserved(part_id, [hold("d")], self.world.now_ms)))

    def _note(self, events: list[Event]) -> None:
        self.requests += [event for event in events if isinstance(event, MoveRequested)]

    @rule(
        site=SITE,
        quantity=st.integers(1, 15),
        late=st.integers(1, 6),
        stock=st.lists(st.integers(0, 9), max_size=3),
        one_box=st.booleans(),
        delay=st.sampled_from([0, 60, 100_000]),
    )
    def part_comes(self, site: str, quantity: int, late: int, stock: list[int], one_box: bool, delay: int) -> None:
        self.count += 1
        part_id = f"o{self.count}/south/1"
        self.quantities[part_id] = quantity
        seen = [shelf(s, atp) for s, atp in zip(SITES, stock, strict=False)]
        promise = self.world.now_ms + late * HOUR_MS
        self._note(self.world.put(reserved(part_id, [hold(site, quantity)], promise, seen, True, one_box, delay)))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), moved=st.booleans())
    def reservation_answers(self, data: st.DataObject, moved: bool) -> None:
        request = self.requests.pop(data.draw(st.integers(0, len(self.requests) - 1)))
        self._note(self.world.settle(request, moved))

    @precondition(lambda self: self.quantities)
    @rule(
        data=st.data(), sites=st.lists(st.tuples(SITE, SITE), min_size=1, max_size=3), off=st.sampled_from([0, 0, 0, 1])
    )
    def proposal_comes(self, data: st.DataObject, sites: list[tuple[str, str]], off: int) -> None:
        self.count += 1
        changes: list[tuple[str, int, tuple[HeldLine, ...]]] = []
        for first, second in sites:
            part_id = data.draw(st.sampled_from(sorted(self.quantities)))
            plan = self.world.view.get(Plan, part_id)
            half, whole = self.quantities[part_id] // 2, self.quantities[part_id]
            held = (hold(first, whole),) if not half else (hold(first, half), hold(second, whole - half))
            changes.append((part_id, plan.version + off if plan else 1, held))
        self._note(self.world.propose(f"p{self.count}", *changes))

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self._note(self.world.until(self.world.now_ms + minutes * MINUTE_MS))

    @invariant()
    def capacity_is_kept(self) -> None:
        self.world.check_capacity()

    @invariant()
    def every_moving_part_has_its_move(self) -> None:
        moving = {c.part_id for move in self.world.rows(Move) for c in move.changes}
        states = {plan.part_id: plan.state for plan in self.world.rows(Plan)}
        assert moving == {
            part_id for part_id, state in states.items() if state in (State.MOVING, State.DUE, State.SEEKING)
        }
        assert {move.move_id for move in self.world.rows(Move)} == {request.move_id for request in self.requests}

    def teardown(self) -> None:
        for request in self.requests:
            self.world.settle(request, moved=True)
        self.world.until(self.world.now_ms + 100 * DAY_MS)
        assert self.world.view.rows == {}
        self._check_story()

    def _check_story(self) -> None:
        """Versions count up, costs re-add, parts freeze once at their last version, answers come once."""
        versions: dict[str, PartAllocated] = {}
        frozen: dict[str, int] = {}
        ordered: dict[str, int] = {}
        gains: dict[str, int] = {}
        pleased: set[str] = set()
        answers: dict[str, ProposalAnswered] = {}
        for event in self.world.emitted:
            match event:
                case PartAllocated():
                    before = versions.get(event.part_id)
                    assert event.part_id not in frozen
                    assert event.version == (before.version if before else 0) + 1
                    assert event.previous_cost_minor == (before.cost_minor if before else None)
                    assert event.cost_minor == sum(s.cost_minor for s in event.shipments)
                    for shipment in event.shipments:
                        assert shipment.cost_minor == sum(amount for _, amount in shipment.terms)
                    units = sum(line.quantity for s in event.shipments for line in s.lines)
                    assert units == self.quantities[event.part_id]
                    if event.proposal_id and before:
                        net = before.cost_minor - event.cost_minor - self.world.network.policies.churn_minor
                        gains[event.proposal_id] = gains.get(event.proposal_id, 0) + net
                        arrived = [max(s.arrival_at_ms for s in plan.shipments) for plan in (before, event)]
                        if arrived[1] < arrived[0] or len(event.shipments) < len(before.shipments):
                            pleased.add(event.proposal_id)
                    versions[event.part_id] = event
                case PartFrozen():
                    assert event.part_id not in frozen
                    frozen[event.part_id] = event.version
                case ShipmentOrdered():
                    ordered[event.part_id] = ordered.get(event.part_id, 0) + 1
                case ProposalAnswered():
                    assert event.proposal_id not in answers
                    answers[event.proposal_id] = event
        assert frozen == {part_id: plan.version for part_id, plan in versions.items()}
        assert ordered == {part_id: len(plan.shipments) for part_id, plan in versions.items()}
        assert gains == {p: a.gain_minor for p, a in answers.items() if a.accepted}
        assert all(gain > 0 or proposal_id in pleased for proposal_id, gain in gains.items())


Interleavings.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestInterleavings = Interleavings.TestCase
