"""A policy and prices that come, and cease to go with the network, in the middle of a simulated day."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing.simulation.shop import MINUTE_MS, small_network
from orderwing.simulation.world import START_MS, World
from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Trait
from orderwing_schemas.policy import Filters
from support.published import NOON_MS, POLICY, policy_of_the_day, prices_of_the_day, publish_later

ORDERS = 25
LATER_MS = NOON_MS + 25 * MINUTE_MS
MADE = (topics.RESERVATION_CARDS, topics.STOCK_MOVED, topics.STOCK_RESERVED, topics.PARTS_PLANNED)


def ran(seed: int, later: Sequence[tuple[int, Event]], fault_rate: float = 0.0) -> World:
    world = World(seed, ORDERS, fault_rate)
    for at_ms, event in later:
        publish_later(world, at_ms, event)
    assert world.run() is None
    return world


def logs(world: World) -> dict[tuple[str, int], list[bytes | None]]:
    found = {}
    for topic in (*MADE, topics.dead_letters("reservation")):
        for partition in range(topic.partitions):
            log = world.cluster.logs[topic.name, partition]  # type: ignore[index]
            found[topic.name, partition] = [record.value for record in log.committed(0, log.high_watermark)]
    return found


def cards(world: World) -> list[list[DecisionCard]]:
    """Of choices of sites, in the order of each partition."""
    found = []
    for partition in range(topics.RESERVATION_CARDS.partitions):
        log = world.cluster.logs[topics.RESERVATION_CARDS.name, partition]  # type: ignore[index]
        records = log.committed(0, log.high_watermark)
        events = [decode(record.value, header_map(record.headers).get("ce_type")) for record in records]
        choices = [
            event for event in events if isinstance(event, DecisionCard) and event.decision.startswith("hold in")
        ]
        found.append(choices)
    return found


BOTH = ((NOON_MS, policy_of_the_day()), (NOON_MS, prices_of_the_day(START_MS, 2 * START_MS)))


def test_decisions_change_from_the_record_on_and_are_the_same_before() -> None:
    plain, governed = cards(ran(8, ())), cards(ran(8, BOTH))
    count = 0
    for before, after in zip(plain, governed, strict=True):
        by = [card.facts.policy for card in after if card.facts]
        assert by == sorted(by, key=lambda name: name is not None), "never by the network's rules again"
        first = by.index("day") if "day" in by else len(by)
        assert all(card.at_ms >= NOON_MS for card in after[first:])
        assert after[:first] == before[:first]
        count += len(by) - first
    assert count > 10
    told = [card for of_one in governed for card in of_one if card.facts and card.facts.policy]
    assert {card.facts.policy_version for card in told if card.facts} == {1}
    assert all(card.facts.steering is not None for card in told if card.facts)
    assert all(card.notes[0].startswith("policy day v1, strategy ") for card in told)
    assert [card.chosen for of_one in plain for card in of_one] != [
        card.chosen for of_one in governed for card in of_one
    ]


def test_the_same_again_with_every_fault() -> None:
    first, second = logs(ran(5, BOTH, 0.01)), logs(ran(5, BOTH, 0.01))
    assert first == second
    assert any(first.values())


def test_a_network_that_the_policy_does_not_go_with_stops_nothing() -> None:
    strategy = POLICY.strategies[-1].model_copy(update={"filters": Filters(capabilities=(Trait.MEDICAL,))})
    policy = policy_of_the_day().model_copy(update={"policy": POLICY.model_copy(update={"strategies": (strategy,)})})
    network = small_network()
    unable = tuple(site.model_copy(update={"capabilities": ()}) for site in network.sites)
    changed = network.model_copy(update={"version": 2, "sites": unable})
    world = ran(7, ((NOON_MS, policy), (LATER_MS, NetworkPublished(network=changed))))
    late = [card for of_one in cards(world) for card in of_one if card.facts and card.facts.network_version == 2]
    assert len(late) > 2
    for card in late:
        assert card.facts is not None
        assert card.facts.policy is None
        assert card.notes[0].startswith("the network's rules decided: day v1 is no usable policy: ")
        assert "no site is left" in card.notes[0]
    governed = [card for of_one in cards(world) for card in of_one if card.facts and card.facts.policy]
    assert governed
    assert all(card.facts and card.facts.network_version == 1 for card in governed)
    assert not any(values for (topic, _), values in logs(world).items() if "dead" in topic)
