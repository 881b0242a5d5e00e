"""Every decision about stock of a simulated day, made again from its card."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orderwing.commands.explaining import jointly, plans, routes
from orderwing.commands.explaining.again import Remade, remade
from orderwing.commands.explaining.cards import (
    CardError,
    Reference,
    compiled_of,
    decide_of,
    facts_of_card,
    is_reproduced,
    policy_in,
    reference_of,
)
from orderwing.reservation.sourcing import CARD_CANDIDATES
from orderwing.simulation.world import START_MS, World
from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.domain import Order
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.topics import Topic
from support.published import NOON_MS, policy_of_the_day, prices_of_the_day, publish_later

Day = tuple[list[DecisionCard], dict[str, Order], Reference]
OF_OTHERS = (*routes.DECISIONS, jointly.TOGETHER)


def told(world: World, topic: Topic) -> Iterator[Event]:
    for partition in range(topic.partitions):
        log = world.cluster.logs[topic.name, partition]  # type: ignore[index]
        for record in log.committed(0, log.high_watermark):
            event_type = header_map(record.headers).get("ce_type")
            if event_type != "garbage":  # as the day's poison says of itself
                yield decode(record.value, event_type)


@pytest.fixture(scope="module", params=["by the network's rules", "by a policy and prices since noon"])
def day(request: pytest.FixtureRequest) -> Day:
    world = World(seed=29, orders=60, fault_rate=0.0)
    if request.param.startswith("by a policy"):
        publish_later(world, NOON_MS, policy_of_the_day(), prices_of_the_day(NOON_MS, 2 * START_MS))
    assert world.run() is None
    both = (topics.RESERVATION_CARDS, topics.ALLOCATION_CARDS)
    cards = [card for topic in both for card in told(world, topic) if isinstance(card, DecisionCard)]
    accepted = [event for event in told(world, topics.ORDERS_ACCEPTED) if isinstance(event, OrderAccepted)]
    log = world.cluster.logs[topics.REFERENCE.name, 0]  # type: ignore[index]
    reference = reference_of(log.committed(0, log.high_watermark))
    return cards, {event.order.order_id: event.order for event in accepted}, reference


def test_poison_tells_nothing() -> None:
    world = World(seed=1, orders=1)
    for n in range(20):
        world.faults.poison(f"order-{n}")
    poisoned = [log for log in world.cluster.logs.values() if log.high_watermark]
    assert topics.ORDERS_ACCEPTED.name in {log.place.topic for log in poisoned}
    assert list(told(world, topics.ORDERS_ACCEPTED)) == []


def test_every_choice_comes_out_again_with_all_that_was_weighed(day: Day) -> None:
    cards, orders, reference = day
    held = [card for card in cards if card.facts is not None and card.decision not in OF_OTHERS]
    assert {card.order_id for card in held} <= orders.keys()
    assert len({card.order_id for card in held}) > 40, "others are decided everywhere at once"
    assert {card.facts.region for card in held if card.facts} == {"north", "middle", "south"}
    assert any(card.facts.lines for card in held if card.facts), "some were asked for a part of the order"
    assert any(card.facts.by_ms for card in held if card.facts), "some were asked for one box"
    assert any(len(card.candidates) > 1 and card.candidates[1].cost_minor for card in held)
    governed = [card for card in held if card.facts and card.facts.policy]
    steered = [card for card in held if card.facts and card.facts.steering]
    if reference.policies:
        assert len({note for card in governed for note in card.notes if "strategy" in note}) > 3
        assert any(name == "steering" for card in steered for one in card.candidates for name, _ in one.terms)
    assert bool(governed) == bool(steered) == bool(reference.policies)
    for card in held:
        verdict = decide_of(card, reference)(facts_of_card(card, orders[card.order_id], reference))
        assert verdict.chosen == card.chosen
        assert verdict.candidates[: CARD_CANDIDATES if card.truncated else None] == card.candidates
        assert is_reproduced(card, verdict)


def test_every_route_comes_out_again(day: Day) -> None:
    cards, orders, reference = day
    asked = [card for card in cards if card.decision in routes.DECISIONS]
    assert {card.decision for card in asked} == set(routes.DECISIONS)
    assert bool(reference.policies) == any(card.facts.policy for card in asked if card.facts)
    found = sum([require_holding(remade(card, orders[card.order_id], reference)) for card in asked[-6:]])
    assert found > 2
    fewer = asked[-1].model_copy(update={"candidates": asked[-1].candidates[:-1]})
    with pytest.raises(CardError, match="Made again it is"):
        remade(fewer, orders[fewer.order_id], reference)


def test_every_choice_of_home_and_others_together_comes_out_again(day: Day) -> None:
    cards, orders, reference = day
    joint = [card for card in cards if card.decision == jointly.TOGETHER]
    assert joint
    for card in joint:
        facts = facts_of_card(card, orders[card.order_id], reference)
        verdict = jointly.as_told(card, compiled_of(card, reference))(facts)
        assert verdict.candidates[: CARD_CANDIDATES if card.truncated else None] == card.candidates
        assert verdict.chosen == card.chosen != jointly.HOME_FIRST
    for card in joint[-8:]:
        require_holding(remade(card, orders[card.order_id], reference))


def test_every_plan_comes_out_again(day: Day) -> None:
    cards, orders, reference = day
    planned = [(card, card.plan) for card in cards if card.plan is not None]
    assert len(planned) > 40
    wanted = []
    for card, kept in planned:
        network = reference.networks[kept.network_version]
        policy = policy_in(kept, reference)
        facts = plans.planning_of(card, kept, orders[card.order_id], network, reference.items, policy)
        assert plans.is_reproduced(card, facts)
        wanted.append((card.chosen, plans.by_allocation(facts).chosen))
    assert bool(reference.policies) == any(kept.policy is not None and any(kept.beside or ()) for _, kept in planned)
    assert any("+" in sites for _, sites in wanted)
    assert any(not chosen.startswith(sites) for chosen, sites in wanted), "some are moved at once"
    told = [require_holding(remade(card, orders[card.order_id], reference)) for card, _ in planned[-15:]]
    assert sum(told) > 3


def test_what_is_told_of_the_day_holds(day: Day) -> None:
    cards, orders, reference = day
    held = [card for card in cards if card.facts is not None and card.decision not in OF_OTHERS]
    assert sum([require_holding(remade(card, orders[card.order_id], reference)) for card in held[-15:]]) > 8


def require_holding(again: Remade) -> int:
    """What is told lets another win, one unit less of it does not, nor half; returns how much is told."""
    for one in again.findings.found:
        assert again.decide(one.apply(again.facts)).chosen == one.winner
        for less in (*one.just_under(), one.halved()):
            assert again.decide(less.apply(again.facts)).chosen != one.winner
    return len(again.findings.found)
