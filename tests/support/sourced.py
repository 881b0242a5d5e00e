"""Small decisions about stock, drawn at random: scarce shelves, prices close together, vans that leave soon."""

from __future__ import annotations

from hypothesis import strategies as st

from orderwing.planning.explaining.facts import Facts, facts_of
from orderwing_schemas.domain import Backorder, Order, OrderLine, Payer, Point, ServiceLevel
from orderwing_schemas.network import (
    Carton,
    Consolidation,
    Item,
    Lane,
    Network,
    Policies,
    RateCard,
    Region,
    Site,
    Transfer,
    WeightBreak,
)

HERE = Point(latitude=51.5, longitude=0.0)
NOW_MS = 1_750_000_000_000
SKUS = ("tea", "mug", "jam")
ITEMS = tuple(
    Item(sku=sku, weight_g=300 + 400 * n, volume_cm3=900 + 500 * n, capacity=1, list_price_minor=100)
    for n, sku in enumerate(SKUS)
)
SERVICES = (ServiceLevel.STANDARD, ServiceLevel.EXPRESS, ServiceLevel.SAME_DAY)


def an_order(lines: dict[str, int], service: ServiceLevel, *, may_split: bool = True, delay: int = 1440) -> Order:
    return Order(
        order_id="o1",
        version=1,
        customer_key="c",
        currency="GBP",
        lines=tuple(
            OrderLine(line_id=f"n{n}", sku=sku, quantity=units, amount_minor=1, capacity=1)
            for n, (sku, units) in enumerate(lines.items())
        ),
        service_level=service,
        home_region="r",
        zone="z",
        delivery_point=HERE,
        stop_id="s",
        shipping_paid_by=Payer.SHOP,
        one_box=False,
        max_delay_minutes=delay,
        may_split=may_split,
        backorder=Backorder.LINES,
        placed_at_ms=NOW_MS,
        accepted_at_ms=NOW_MS,
    )


@st.composite
def decisions(draw: st.DrawFn, *, rich: bool = False) -> Facts:
    """What a decision saw. `rich`: rate cards, cartons and transfers, too."""
    count = draw(st.integers(2, 4))
    small = st.integers(0, 40)
    sites = tuple(
        Site(
            site_id=f"s{n}",
            region_id="r",
            location=HERE,
            timezone="UTC",
            pick_minutes=draw(st.integers(0, 90)),
            units_per_hour=1000,
            handling_line_minor=draw(st.integers(0, 20)),
            handling_parcel_minor=draw(st.integers(0, 20)),
        )
        for n in range(count)
    )
    lanes = tuple(
        Lane(
            lane_id=f"s{n}-{way}",
            site_id=f"s{n}",
            zone="z",
            carrier=f"c{(n + way) % 2}",
            services=SERVICES,
            every_minutes=draw(st.sampled_from([30, 45, 120])),
            offset_minutes=draw(st.integers(0, 29)),
            transit_minutes=draw(st.integers(20, 200)),
            parcels_per_departure=9,
            parcel_minor=draw(st.integers(1, 60)),
            kilogram_minor=draw(st.sampled_from([0, 5, 20])),
            line_haul_minor=draw(small) if rich else 0,
        )
        for n in range(count)
        for way in range(draw(st.integers(1, 2)))
    )
    network = Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="r", centre=HERE),),
        sites=sites,
        lanes=lanes,
        policies=Policies(
            late_hour_minor=draw(st.sampled_from([0, 10, 60])),
            consolidation=(
                Consolidation(service=ServiceLevel.STANDARD, threshold_minor=draw(small), max_delay_minutes=2 * 1440),
            ),
        ),
        rate_cards=(_card(draw),) if rich and draw(st.booleans()) else (),
        cartons=(
            Carton(carton_id="S", max_weight_g=1000, volume_cm3=1500, tare_g=50, carton_minor=3),
            Carton(carton_id="L", max_weight_g=4000, volume_cm3=6000, tare_g=200, carton_minor=9),
        )
        if rich and draw(st.booleans())
        else (),
        transfers=tuple(
            Transfer(from_site=f"s{n}", to_site=f"s{(n + 1) % count}", minutes=60, transfer_minor=draw(small))
            for n in range(count)
        )
        if rich
        else (),
    )
    lines = draw(st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1, max_size=3))
    order = an_order(
        lines,
        draw(st.sampled_from(SERVICES)),
        may_split=draw(st.booleans()),
        delay=draw(st.sampled_from([0, 30, 1440])),
    )
    stock = {(site.site_id, sku): draw(st.integers(-1, 4)) for site in sites for sku in SKUS}
    return facts_of(order, network, ITEMS, stock, region="r", now_ms=NOW_MS + 60_000 * draw(st.integers(0, 60)))


def _card(draw: st.DrawFn) -> RateCard:
    low = draw(st.integers(10, 60))
    return RateCard(
        carrier="c0",
        zone="z",
        breaks=(
            WeightBreak(up_to_g=1000, parcel_minor=low),
            WeightBreak(up_to_g=3000, parcel_minor=low + draw(st.integers(0, 30))),
        ),
        kilogram_minor=5,
        volumetric_cm3_per_kg=5000,
    )
