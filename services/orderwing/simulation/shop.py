"""A small market where everything is scarce: a few SKUs, tight stock, small vans, hasty customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from random import Random

from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import Backorder, Payer, Point, ServiceLevel
from orderwing_schemas.events.public import (
    OrderPlaced,
    Personal,
    PlacedLine,
    StockAdjusted,
    StockCounted,
    StockExpected,
    StockReceived,
)
from orderwing_schemas.network import (
    Carton,
    Consolidation,
    Item,
    Lane,
    Network,
    Policies,
    Promotion,
    RateCard,
    Region,
    Site,
    Trait,
    Transfer,
    WeightBreak,
)
from orderwing_schemas.topics import Topic

MINUTE_MS = 60_000
CITIES = {"north": ("Leeds", 53.8, -1.55), "middle": ("Birmingham", 52.48, -1.9), "south": ("London", 51.51, -0.13)}
SITES = {"north": 2, "middle": 2, "south": 1}
SKUS = tuple(f"sku-{n}" for n in range(8))
HAZARD = "sku-3"  # which one of the sites may not ship
SELLING_MINUTES = 90
_BREAKS = tuple(WeightBreak(up_to_g=g, parcel_minor=p) for g, p in ((1_000, 230), (2_500, 280), (6_000, 360)))
_CARTONS = (
    Carton(carton_id="small", max_weight_g=2_500, volume_cm3=3_500, tare_g=80, carton_minor=6),
    Carton(carton_id="large", max_weight_g=9_000, volume_cm3=12_000, tare_g=200, carton_minor=14),
)


@dataclass(frozen=True, slots=True)
class Publication:
    """A stranger's record at a domain time. `event` is None where `value` is not what the contract asks for."""

    at_ms: int
    topic: Topic
    key: str
    type: str
    value: bytes
    event: Event | None


@cache
def small_network() -> Network:
    return Network(
        version=1,
        currency="GBP",
        regions=tuple(
            Region(region_id=name, centre=_centre(name), neighbours=tuple(n for n in CITIES if n != name))
            for name in CITIES
        ),
        sites=tuple(_site(region, number) for region, count in SITES.items() for number in range(count)),
        lanes=tuple(
            _lane(region, number, zone) for region, count in SITES.items() for number in range(count) for zone in CITIES
        ),
        promotions=(Promotion(code="TEN", percent=10),),
        policies=Policies(
            review_minutes=40, window_minutes=10, review_amount_minor=9_000, block_amount_minor=30_000,
            velocity_per_hour=4, churn_minor=3, move_threshold_minor=3, atp_told_minutes=10,
        ),
        rate_cards=(
            RateCard(carrier="van", zone="south", breaks=_BREAKS, kilogram_minor=40, volumetric_cm3_per_kg=5_000),
        ),
        cartons=_CARTONS,
    )  # fmt: skip


@cache
def joined_network() -> Network:
    """The same market, where transfers join the sites of a region and promises leave time for them."""
    small = small_network()
    names = [f"{region}-{number}" for region, count in SITES.items() for number in range(count)]
    regions = {site.site_id: site.region_id for site in small.sites}
    return small.model_copy(
        update={
            "transfers": tuple(
                Transfer(from_site=one, to_site=other, minutes=10, transfer_minor=20, kilogram_minor=5)
                for one in names
                for other in names
                if one != other and regions[one] == regions[other]
            ),
            "policies": small.policies.model_copy(
                update={
                    "single_site": "when_cheapest",
                    "promise_slack_minutes": 240,
                    "consolidation": tuple(
                        Consolidation(service=service, threshold_minor=10, max_delay_minutes=240)
                        for service in (ServiceLevel.EXPRESS, ServiceLevel.STANDARD)
                    ),
                }
            ),
        }
    )


@cache
def items() -> tuple[Item, ...]:
    return tuple(
        Item(
            sku=sku,
            weight_g=200 + 300 * n,
            volume_cm3=1000,
            capacity=1,
            list_price_minor=500 + 250 * n,
            traits=(Trait.HAZARD,) if sku == HAZARD else (),
        )
        for n, sku in enumerate(SKUS)
    )


def _centre(region: str) -> Point:
    return Point(latitude=CITIES[region][1], longitude=CITIES[region][2])


def _site(region: str, number: int) -> Site:
    return Site(
        site_id=f"{region}-{number}", region_id=region, location=_centre(region), timezone="Europe/London",
        pick_minutes=20, units_per_hour=14 + 6 * number, handling_line_minor=10 + 5 * number,
        handling_parcel_minor=40 + 30 * number, safety_share_percent=10 * number,
        capabilities=() if (region, number) == ("north", 1) else None,
    )  # fmt: skip


def _lane(region: str, number: int, zone: str) -> Lane:
    return Lane(
        lane_id=f"{region}-{number}-{zone}", site_id=f"{region}-{number}", zone=zone, carrier="van",
        services=tuple(ServiceLevel), every_minutes=30, offset_minutes=5 * number,
        transit_minutes=25 if zone == region else 60, parcels_per_departure=3,
        parcel_minor=250 if zone == region else 400, kilogram_minor=40, line_haul_minor=15 if zone != region else 0,
    )  # fmt: skip


class Market:
    """All that strangers publish, from one random source. `placed` counts distinct order ids that are readable.

    `joined`: the sites of a region share its SKUs out between them, and customers have more patience.
    """

    def __init__(self, random: Random, orders: int, start_ms: int, joined: bool = False) -> None:
        self._joined = joined
        self._random = random
        self._orders = orders
        self._start_ms = start_ms
        self._sequences: Counter[str] = Counter()
        self.publications = sorted([*self._stock(), *self._shopping()], key=lambda p: p.at_ms)

    def _moment(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC)

    def _stock(self) -> Iterator[Publication]:
        random, network = self._random, small_network()
        for site in network.sites:
            for sku in SKUS:
                if random.random() < (1 if self._joined else 0.7) and self._stocks(site.site_id, sku):
                    yield from self._movement(site.site_id, sku, "received", self._start_ms - 5 * MINUTE_MS)
        for _ in range(25):
            site_id = random.choice(network.sites).site_id
            at_ms = self._start_ms + random.randrange(SELLING_MINUTES * 2 * MINUTE_MS)
            kind = random.choices(("received", "adjusted", "counted", "expected"), (12, 3, 3, 3))[0]
            yield from self._movement(site_id, random.choice(SKUS), kind, at_ms)

    def _stocks(self, site_id: str, sku: str) -> bool:
        number = site_id.rpartition("-")[2]
        return not self._joined or SKUS.index(sku) % 2 == int(number)

    def _movement(self, site_id: str, sku: str, kind: str, at_ms: int) -> Iterator[Publication]:
        random = self._random
        self._sequences[site_id] += 1
        sequence, quantity = self._sequences[site_id], random.randint(1, 18 if self._joined else 9)
        event: StockReceived | StockAdjusted | StockCounted | StockExpected
        match kind:
            case "received":
                event = StockReceived(site_id=site_id, sku=sku, quantity=quantity, sequence=sequence)
            case "adjusted":
                delta = random.choice((-2, -1, 1))
                event = StockAdjusted(site_id=site_id, sku=sku, delta=delta, reason="damage", sequence=sequence)
            case "counted":
                event = StockCounted(
                    site_id=site_id, sku=sku, on_hand=quantity, includes_sequence=sequence - 1, sequence=sequence
                )
            case _:
                due = self._moment(at_ms + 60 * MINUTE_MS)
                event = StockExpected(site_id=site_id, sku=sku, quantity=quantity, due_at=due, sequence=sequence)
        yield _published(at_ms, topics.STOCK_INBOUND, event)
        if random.random() < 0.05:  # told twice, out of order
            yield _published(at_ms + random.randrange(20 * MINUTE_MS), topics.STOCK_INBOUND, event)

    def _shopping(self) -> Iterator[Publication]:
        random = self._random
        for number in range(self._orders):
            at_ms = self._start_ms + random.randrange(SELLING_MINUTES * MINUTE_MS)
            order = self._order(number, at_ms)
            yield _published(at_ms, topics.ORDERS_INBOUND, order)
            chance = random.random()
            later_ms = at_ms + random.randrange(30 * MINUTE_MS)
            if chance < 0.08:
                yield _published(later_ms, topics.ORDERS_INBOUND, order)
            elif chance < 0.12:
                other = order.model_copy(update={"max_delay_minutes": order.max_delay_minutes + 1})
                yield _published(later_ms, topics.ORDERS_INBOUND, other)
            elif chance < 0.15:
                value = encode(order)[: random.randrange(40, 90)]
                yield Publication(later_ms, topics.ORDERS_INBOUND, order.order_id, order.EVENT_TYPE, value, None)

    def _order(self, number: int, at_ms: int) -> OrderPlaced:
        random = self._random
        city, _, _ = CITIES[random.choices(tuple(CITIES), (5, 3, 2))[0]]
        promoted = random.random() < 0.15
        chosen = random.sample(SKUS, random.choices((1, 2, 3, 4), (1, 4, 4, 2) if self._joined else (4, 4, 2, 1))[0])
        lines = tuple(self._line(line, sku, promoted) for line, sku in enumerate(chosen))
        chance = random.random()
        if chance < 0.03:
            lines = (*lines, PlacedLine(line_id="x", sku="no-such-sku", quantity=1, unit_price_minor=1))
        elif chance < 0.06:
            city = "Atlantis"
        elif chance < 0.09:
            promoted = not promoted
        delays: tuple[int, ...] = (0, 60, 1440)
        services = tuple(ServiceLevel)
        if self._joined:
            delays = (0, *[1440] * 5)
            services = (ServiceLevel.SAME_DAY, *[ServiceLevel.STANDARD] * 5, ServiceLevel.EXPRESS)
        token = random.choices(("tok_ok", "tok_decline", "tok_slow", "tok_error", "tok_dead"), (78, 7, 6, 7, 2))[0]
        return OrderPlaced(
            order_id=f"O-{number}",
            customer_id=None if random.random() < 0.3 else f"C-{random.randrange(12)}",
            lines=lines,
            currency="GBP",
            promotion_codes=("TEN",) if promoted else (),
            payment_token=f"{token}_{number}",
            service_level=random.choice(services),
            shipping_paid_by=random.choice(tuple(Payer)),
            one_box=random.random() < 0.3,
            max_delay_minutes=random.choice(delays),
            may_split=random.random() < 0.85,
            backorder=random.choice(tuple(Backorder)),
            placed_at=self._moment(at_ms),
            personal=Personal(name="A", address=f"{random.randrange(9)} High Street", city=city, country="GB"),
        )

    def _line(self, number: int, sku: str, promoted: bool) -> PlacedLine:
        quantity = self._random.choices((1, 2, 3, 20), (60, 25, 13, 2))[0]
        price = next(item.list_price_minor for item in items() if item.sku == sku)
        discount = quantity * price * 10 // 100 if promoted else 0
        return PlacedLine(
            line_id=str(number), sku=sku, quantity=quantity, unit_price_minor=price, discount_minor=discount
        )


def _published(at_ms: int, topic: Topic, event: Event) -> Publication:
    return Publication(at_ms, topic, topic.key_of(event), event.EVENT_TYPE, encode(event), event)
