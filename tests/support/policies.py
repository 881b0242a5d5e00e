"""Networks, orders and stock to try sourcing policies on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from json import dumps
from random import Random
from typing import Any

from orderwing.commands.policy_orders import made_up
from orderwing.planning.policies.compiling import Compiled, compiled
from orderwing.planning.policies.file import parse
from orderwing.planning.policies.matching import facts_of
from orderwing.planning.policies.sourcing import Situation
from orderwing.planning.sourcing.quick import Asked
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.domain import Order
from orderwing_schemas.network import Carton, Item, Network, RateCard, Trait, Transfer, WeightBreak

TRAITS = tuple(Trait)


@cache
def rich_network() -> Network:
    """The demo's, with weight breaks, cartons, transfers, and sites that may not ship everything."""
    demo = demo_network()
    breaks = tuple(WeightBreak(up_to_g=g, parcel_minor=p) for g, p in ((1_000, 200), (5_000, 380), (20_000, 900)))
    sites = tuple(
        site.model_copy(update={"capabilities": TRAITS[: place % 4 + 1]}) if place % 3 == 0 else site
        for place, site in enumerate(demo.sites)
    )
    near = [(a, b) for ring in demo.sites_by_region.values() for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)]
    return Network(
        version=demo.version,
        currency=demo.currency,
        regions=demo.regions,
        sites=sites,
        lanes=demo.lanes,
        policies=demo.policies,
        rate_cards=(
            *[card for card in demo.rate_cards if card.carrier != "own-van"],
            RateCard(carrier="own-van", zone="local", breaks=breaks, kilogram_minor=30),
        ),
        cartons=(
            Carton(carton_id="S", max_weight_g=5_000, volume_cm3=9_000, carton_minor=20),
            Carton(carton_id="L", max_weight_g=40_000, volume_cm3=90_000, tare_g=300, carton_minor=60),
        ),
        transfers=tuple(
            Transfer(from_site=a.site_id, to_site=b.site_id, minutes=60, transfer_minor=40, kilogram_minor=5)
            for a, b in near
        ),
    )


@cache
def items() -> Mapping[str, Item]:
    """Every seventh has traits."""
    return {
        item.sku: item.model_copy(update={"traits": (TRAITS[place % 4],)}) if place % 7 == 0 else item
        for place, item in enumerate(demo_catalogue())
    }


@cache
def orders() -> tuple[Order, ...]:
    return tuple(moment.order for moment in made_up(150, 7).moments)


@dataclass(frozen=True)
class Case:
    network: Network
    order: Order
    asked: Asked
    at: Situation


def case(seed: int) -> Case:
    """An order with what shelves have of it, often too little, and how full the sites are."""
    random = Random(seed)
    network = rich_network()
    order = random.choice(orders())
    scarce = random.choice((0.3, 0.6, 0.9))
    stock = {
        (site.site_id, line.sku): 0 if random.random() < scarce else random.randrange(1, line.quantity + 3)
        for site in network.sites
        for line in order.lines
    }
    asked = Asked(
        network=network,
        catalogue=items().get,
        atp=lambda site_id, sku: stock.get((site_id, sku), 0),
        lines=order.lines,
        zone=order.zone,
        service_level=order.service_level,
        now_ms=order.accepted_at_ms,
        may_split=order.may_split,
        max_delay_minutes=order.max_delay_minutes,
    )
    load = {site.site_id: random.randrange(0, 150) for site in network.sites}
    return Case(network, order, asked, Situation(facts_of(order, items().get), asked, network.sites, load))


def policy_text(*strategies: Mapping[str, Any]) -> str:
    return dumps({"policy": "tried", "version": 1, "currency": "GBP", "strategies": strategies})


def policy(*strategies: Mapping[str, Any], network: Network | None = None) -> Compiled:
    return compiled(parse("policy.json", policy_text(*strategies)), network or rich_network())
