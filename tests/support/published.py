"""Reference data that comes in the middle of a simulated day."""

from __future__ import annotations

from functools import partial

from orderwing.kernel.ports import Outgoing
from orderwing.simulation.shop import MINUTE_MS, SKUS, small_network
from orderwing.simulation.world import START_MS, World
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.events.reference import PolicyPublished, SteeringPriced
from orderwing_schemas.policy import Fallback, Filters, First, Policy, Relax, Strategy, Weights, When
from orderwing_schemas.steering import ShelfPrice
from orderwing_schemas.topics import REFERENCE

NOON_MS = START_MS + 50 * MINUTE_MS  # in the middle of the orders
SLOW = (ServiceLevel.EXPRESS, ServiceLevel.STANDARD)
POLICY = Policy(
    policy="day",
    version=1,
    currency="GBP",
    strategies=(
        Strategy(
            name="one-box", when=When(one_box=True), first=First.PARCELS, max_sites=1,
            fallbacks=(Fallback(relax=(Relax.MAX_SITES,)),),
        ),
        Strategy(
            name="spare", when=When(service_levels=SLOW), filters=Filters(exclude_sites=("middle-0",), keep_units=1),
            fallbacks=(Fallback(relax=(Relax.KEEP_UNITS,)), Fallback(strategy="cheap")),
        ),
        Strategy(name="cheap", single_site="when_cheapest", weights=Weights(site_unit_minor={"north-0": 60})),
    ),
)  # fmt: skip


def publish_later(world: World, at_ms: int, *events: Event) -> None:
    """To every partition, at a domain time."""
    for event in events:
        world.agenda.at(world.clock.wall_ms(at_ms), partial(_publish, world, event))


def _publish(world: World, event: Event) -> None:
    key, value = REFERENCE.key_of(event).encode(), encode(event)
    for partition in range(REFERENCE.partitions):
        headers = [("ce_type", event.EVENT_TYPE.encode())]
        world.cluster.publish(Outgoing(REFERENCE.name, partition, key, value, headers))


def policy_of_the_day() -> PolicyPublished:
    return PolicyPublished(policy=POLICY)


def prices_of_the_day(from_ms: int, until_ms: int) -> SteeringPriced:
    """Of every second shelf."""
    shelves = [(site.site_id, sku) for site in small_network().sites for sku in SKUS]
    prices = tuple(
        ShelfPrice(site_id=site_id, sku=sku, price_minor=35 * (place % 7))
        for place, (site_id, sku) in enumerate(shelves)
        if place % 2
    )
    return SteeringPriced(key="steering-0", version=1, valid_from_ms=from_ms, valid_until_ms=until_ms, prices=prices)
