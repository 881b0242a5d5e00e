"""One shopper after another: who they are, what is in the basket, how they pay and what they want."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from itertools import accumulate
from random import Random
from typing import TypeVar

from orderwing.geography import DOMESTIC, Place, domestic_place, locate
from orderwing.shop.demo_network import PROMOTIONS
from orderwing_schemas.domain import Backorder, Payer, ServiceLevel
from orderwing_schemas.events.public import OrderPlaced, Personal, PlacedLine
from orderwing_schemas.network import Item, Promotion

T = TypeVar("T")

_ZIPF_EXPONENT = 0.9
_LINES = {1: 0.30, 2: 0.25, 3: 0.18, 4: 0.12, 5: 0.07, 6: 0.05, 8: 0.03}  # mean 2.71
_QUANTITIES = {1: 0.76, 2: 0.16, 3: 0.06, 5: 0.02}  # mean 1.36
_SERVICES = {
    ServiceLevel.TWO_HOURS: 0.10,
    ServiceLevel.SAME_DAY: 0.35,
    ServiceLevel.EXPRESS: 0.20,
    ServiceLevel.STANDARD: 0.35,
}
_BACKORDERS = {Backorder.LINES: 0.6, Backorder.NONE: 0.3, Backorder.WHOLE: 0.1}
_DELAYS = {240: 0.3, 1440: 0.5, 4320: 0.2}  # minutes
_PAYMENTS = {"ok": 0.955, "decline": 0.02, "slow": 0.015, "error": 0.01}  # what the demo's provider does with a token
_ABROAD = ("IE", "FR", "DE", "NL", "US", "AU")
_ABROAD_SHARE = 0.02
_GUEST_SHARE = 0.25
_PROMOTION_SHARE = 0.15
_LARGE_SHARE = 0.012  # of orders hold one line of dear goods, worth about one of:
_LARGE_MINOR = (150_000, 300_000, 1_300_000)
_DEAR_MINOR = 20_000  # a unit of dear goods costs at least this
_STREETS = ("High Street", "Station Road", "Church Lane", "Mill Road", "Park Avenue", "Victoria Road")
_NAMES = ("Alex", "Sam", "Robin", "Charlie", "Jamie", "Morgan", "Casey", "Taylor")


class Shopper:
    """Draws orders of `items`, of which the popular ones are of all families. `run` sets its order ids apart."""

    def __init__(self, items: tuple[Item, ...], random: Random, orders: int, run: str) -> None:
        self._random = random
        self._run = run
        self._items = list(items)
        random.shuffle(self._items)
        self._dear = [item for item in items if item.list_price_minor >= _DEAR_MINOR]
        weights = [1 / rank**_ZIPF_EXPONENT for rank in range(1, len(items) + 1)]
        self._ends = list(accumulate(weights))
        self._customers = max(50, orders * 2 // 3)

    def expected_units(self, orders: int) -> dict[str, float]:
        """The mean demand of so many orders, by SKU."""
        units = orders * _mean(_LINES) * _mean(_QUANTITIES)
        starts = [0.0, *self._ends]
        demand = {
            item.sku: units * (end - start) / self._ends[-1]
            for item, start, end in zip(self._items, starts, self._ends, strict=False)
        }
        large = orders * _LARGE_SHARE / max(1, len(self._dear))
        for item in self._dear:
            demand[item.sku] += large * sum(minor / item.list_price_minor for minor in _LARGE_MINOR) / len(_LARGE_MINOR)
        return demand

    def order(self, number: int, placed_at: datetime) -> OrderPlaced:
        order_id = f"ORD-{placed_at:%Y-%m-%d}-{self._run}-{number:05}"
        guest = self._random.random() < _GUEST_SHARE
        customer_id = None if guest else f"C{self._random.randrange(self._customers):06}"
        who = customer_id or f"G{number:05}"
        place = self._place(who)
        service = self._drawn(_SERVICES)
        if place.country != DOMESTIC and service in (ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY):
            service = ServiceLevel.EXPRESS
        lines, codes = self._basket()
        return OrderPlaced(
            order_id=order_id,
            customer_id=customer_id,
            lines=lines,
            currency="GBP",
            promotion_codes=codes,
            payment_token=f"tok_{self._drawn(_PAYMENTS)}_{self._random.getrandbits(48):012x}",
            service_level=service,
            shipping_paid_by=Payer.CUSTOMER if self._random.random() < 0.4 else Payer.SHOP,
            one_box=self._random.random() < 0.1,
            max_delay_minutes=self._drawn(_DELAYS),
            may_split=self._random.random() < 0.9,
            backorder=self._drawn(_BACKORDERS),
            placed_at=placed_at,
            personal=_personal(who, place),
        )

    def _drawn(self, weights: dict[T, float]) -> T:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def _place(self, who: str) -> Place:
        draw = Random(who)
        if draw.random() < _ABROAD_SHARE and (abroad := locate("capital", draw.choice(_ABROAD))):
            return abroad
        return domestic_place(who)

    def _basket(self) -> tuple[tuple[PlacedLine, ...], tuple[str, ...]]:
        chosen: dict[str, Item] = {}
        wanted = self._drawn(_LINES)
        while len(chosen) < wanted:
            item = self._items[bisect_right(self._ends, self._random.random() * self._ends[-1])]
            chosen[item.sku] = item
        basket = [(item, self._drawn(_QUANTITIES)) for item in chosen.values()]
        if self._dear and self._random.random() < _LARGE_SHARE:
            dear = self._random.choice(self._dear)
            basket = [(dear, 1 + self._random.choice(_LARGE_MINOR) // dear.list_price_minor)]
        promotion = self._promotion(sum(item.list_price_minor * quantity for item, quantity in basket))
        lines = tuple(_line(number, item, quantity, promotion) for number, (item, quantity) in enumerate(basket, 1))
        return lines, (promotion.code,) if promotion else ()

    def _promotion(self, goods_minor: int) -> Promotion | None:
        if self._random.random() >= _PROMOTION_SHARE:
            return None
        return self._random.choice([p for p in PROMOTIONS if goods_minor >= p.minimum_minor])


def _mean(weights: dict[int, float]) -> float:
    return sum(value * weight for value, weight in weights.items())


def _line(number: int, item: Item, quantity: int, promotion: Promotion | None) -> PlacedLine:
    goods = item.list_price_minor * quantity
    discount = goods * promotion.percent // 100 if promotion else 0
    return PlacedLine(
        line_id=str(number),
        sku=item.sku,
        quantity=quantity,
        unit_price_minor=item.list_price_minor,
        tax_minor=(goods - discount) // 5,  # 20 % value-added tax
        discount_minor=discount,
        capacity=item.capacity * quantity,
    )


def _personal(who: str, place: Place) -> Personal:
    draw = Random(f"person/{who}")
    return Personal(
        name=f"{draw.choice(_NAMES)} {who}",
        address=f"{draw.randrange(1, 200)} {draw.choice(_STREETS)}",
        city=place.name,
        country=place.country,
        contact=f"{who.lower()}@shop.example",
    )
