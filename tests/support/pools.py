"""Small pools of parts whose standing plans may be bettered, drawn at random."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec.structs import replace

from orderwing.reoptimizer.options import Pricer
from orderwing.reoptimizer.pool import Line, Pool, PoolPart, Take
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import Item, Lane, Network, Policies, Region, Site

HOUR_MS = 3_600_000
NOW_MS = 20_000 * 24 * HOUR_MS
SITES = ("s1", "s2", "s3")
SKUS = ("a", "b", "c")


def network(prices: tuple[int, ...], churn_minor: int) -> Network:
    here = Point(latitude=51.5, longitude=0.0)
    return Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="r", centre=here),),
        sites=tuple(
            Site(
                site_id=site,
                region_id="r",
                location=here,
                timezone="Europe/London",
                pick_minutes=10,
                units_per_hour=100,
                handling_line_minor=7,
                handling_parcel_minor=30,
            )
            for site in SITES
        ),
        lanes=tuple(
            Lane(
                lane_id=f"l-{site}",
                site_id=site,
                zone="z",
                carrier="van",
                services=(ServiceLevel.STANDARD,),
                every_minutes=60,
                transit_minutes=60,
                parcels_per_departure=100,
                parcel_minor=price,
                kilogram_minor=11,
            )
            for site, price in zip(SITES, prices, strict=True)
        ),
        policies=Policies(churn_minor=churn_minor),
    )


def catalogue(sku: str) -> Item:
    return Item(sku=sku, weight_g=900, volume_cm3=1, capacity=1, list_price_minor=100)


@st.composite
def parts(draw: st.DrawFn, count: int) -> tuple[PoolPart, ...]:
    """Parts whose standing plans hold each line at any site: stock is there, since they hold it."""
    return tuple(draw(one_part(number)) for number in range(count))


@st.composite
def one_part(draw: st.DrawFn, number: int) -> PoolPart:
    skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=3, unique=True))
    lines = tuple(Line(f"l{n}", sku, draw(st.integers(1, 2)), 1000, 1) for n, sku in enumerate(skus))
    takes = tuple(sorted(Take(draw(st.sampled_from(SITES)), x.line_id, x.sku, x.quantity) for x in lines))
    return PoolPart(
        region="r",
        part_id=f"o{number}/r/1",
        order_id=f"o{number}",
        version=draw(st.integers(1, 3)),
        zone="z",
        stop_id="stop",
        service_level=ServiceLevel.STANDARD,
        one_box=draw(st.booleans()),
        max_delay_minutes=draw(st.sampled_from((0, 60, 1440))),
        may_split=draw(st.booleans()),
        lines=lines,
        takes=takes,
        cost_minor=0,
        arrival_at_ms=NOW_MS,
        promise_at_ms=NOW_MS + draw(st.integers(0, 6)) * HOUR_MS,
        freeze_at_ms=NOW_MS + HOUR_MS,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Pool, Network]:
    prices = tuple(draw(st.lists(st.integers(100, 400), min_size=3, max_size=3)))
    net = network(prices, draw(st.sampled_from((0, 5, 60))))
    free = draw(st.dictionaries(st.tuples(st.sampled_from(SITES), st.sampled_from(SKUS)), st.integers(0, 3)))
    pool = Pool("r", draw(parts(draw(st.integers(1, 4)))), free)
    pricer = Pricer(net, catalogue, NOW_MS)
    priced = tuple(_priced(part, pricer) for part in pool.parts)
    return Pool("r", priced, free), net


def _priced(part: PoolPart, pricer: Pricer) -> PoolPart:
    return replace(part, cost_minor=pricer.cost(replace(part, promise_at_ms=NOW_MS + 100 * HOUR_MS), part.takes) or 0)
