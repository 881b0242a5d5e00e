"""What a decision saw, as one value that can be changed, so that the decision can be made again."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from orderwing.planning.holding import Sought
from orderwing.planning.sourcing import Asked, Line, Rest
from orderwing_schemas.domain import Order
from orderwing_schemas.network import Item, Lane, Network, Policies, RateCard, Site, Transfer


class Shelf(NamedTuple):
    site_id: str
    sku: str


@dataclass(frozen=True)
class Facts:
    """`network` is of the sites looked at and of their lanes to the order's zone alone. `stock`: ATP; 0 where absent.

    `steering`: prices of units by (site, SKU), minor units; 0 where absent. None: no price list was in force.
    `elsewhere`: the regions whose sites were looked at, where they are not the region's own. `used`: sites that sent
    something of the order in any case.
    """

    network: Network
    items: Mapping[str, Item]
    stock: Mapping[Shelf, int]
    order: Order
    lines: tuple[Line, ...]
    region: str
    now_ms: int
    may_split: bool
    max_delay_minutes: int
    without_site: str | None = None
    by_ms: int | None = None
    steering: Mapping[tuple[str, str], int] | None = None
    elsewhere: tuple[str, ...] = ()
    used: frozenset[str] = frozenset()

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.network.sites

    @property
    def needed(self) -> dict[str, int]:
        """Units by SKU, in the lines' order."""
        units: dict[str, int] = {}
        for line in self.lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
        return units

    def atp(self, site_id: str, sku: str) -> int:
        return self.stock.get(Shelf(site_id, sku), 0)

    def steering_minor(self, site_id: str, sku: str) -> int:
        return 0 if self.steering is None else self.steering.get((site_id, sku), 0)

    @property
    def sought(self) -> Sought:
        asked = Asked(
            network=self.network,
            catalogue=self.items.get,
            atp=self.atp,
            lines=self.lines,
            zone=self.order.zone,
            service_level=self.order.service_level,
            now_ms=self.now_ms,
            may_split=self.may_split,
            max_delay_minutes=self.max_delay_minutes,
            steering=None if self.steering is None else self.steering_minor,
            one_box=self.order.one_box,
        )
        return Sought(asked, self.region, self.without_site, self.by_ms, self._among, self.used)

    @property
    def _among(self) -> tuple[Site, ...] | None:
        by_region = self.network.sites_by_region
        return tuple([site for one in self.elsewhere for site in by_region.get(one, ())]) if self.elsewhere else None

    def with_stock(self, site_id: str, sku: str, units: int) -> Facts:
        return replace(self, stock={**self.stock, Shelf(site_id, sku): units})

    def without(self, site_id: str) -> Facts:
        """As if the network had no such site."""
        network = self.network
        return self.on(
            edited(
                network,
                sites=tuple([site for site in network.sites if site.site_id != site_id]),
                lanes=tuple([lane for lane in network.lanes if lane.site_id != site_id]),
                transfers=tuple([t for t in network.transfers if site_id not in (t.from_site, t.to_site)]),
            )
        )

    def at(self, now_ms: int) -> Facts:
        return replace(self, now_ms=now_ms)

    def on(self, network: Network) -> Facts:
        return replace(self, network=network)

    def with_policies(self, policies: Policies) -> Facts:
        return self.on(edited(self.network, policies=policies))


def facts_of(
    order: Order,
    network: Network,
    items: Iterable[Item],
    stock: Mapping[tuple[str, str], int],
    *,
    region: str,
    now_ms: int,
    lines: Sequence[Line] | None = None,
    whole: bool = False,
    without_site: str | None = None,
    by_ms: int | None = None,
    steering: Mapping[tuple[str, str], int] | None = None,
    elsewhere: tuple[str, ...] = (),
    used: Iterable[str] = (),
) -> Facts:
    """What a region's decision about an order saw. `lines` None: all of the order's.

    `stock` and `steering`: ATP, and the price of a unit, by (site, SKU).
    """
    sought = tuple([Rest(line.line_id, line.sku, line.quantity) for line in (order.lines if lines is None else lines)])
    skus = {line.sku for line in order.lines}
    return Facts(
        network=narrowed(network, elsewhere or (region,), (order.zone,)),
        items={item.sku: item for item in items if item.sku in skus},
        stock={Shelf(*place): units for place, units in stock.items()},
        order=order,
        lines=sought,
        region=region,
        now_ms=now_ms,
        may_split=order.may_split and not whole,
        max_delay_minutes=order.max_delay_minutes,
        without_site=without_site,
        by_ms=by_ms,
        steering=steering,
        elsewhere=elsewhere,
        used=frozenset(used),
    )


def narrowed(network: Network, regions: Iterable[str], zones: Container[str]) -> Network:
    """Of a network what decisions for zones look at: small, so that it is quick to change."""
    sites = tuple([site for region in regions for site in network.sites_by_region.get(region, ())])
    ids = {site.site_id for site in sites}
    lanes = tuple([lane for lane in network.lanes if lane.zone in zones and lane.site_id in ids])
    transfers = tuple([t for t in network.transfers if t.from_site in ids and t.to_site in ids])
    return edited(network, sites=sites, lanes=lanes, transfers=transfers)


def edited(
    network: Network,
    *,
    sites: tuple[Site, ...] | None = None,
    lanes: tuple[Lane, ...] | None = None,
    policies: Policies | None = None,
    transfers: tuple[Transfer, ...] | None = None,
    rate_cards: tuple[RateCard, ...] | None = None,
) -> Network:
    """Not validated again, and without what the old one has looked up: `model_copy` would keep that."""
    return Network.model_construct(
        version=network.version,
        currency=network.currency,
        regions=network.regions,
        sites=network.sites if sites is None else sites,
        lanes=network.lanes if lanes is None else lanes,
        promotions=network.promotions,
        policies=network.policies if policies is None else policies,
        rate_cards=network.rate_cards if rate_cards is None else rate_cards,
        cartons=network.cartons,
        transfers=network.transfers if transfers is None else transfers,
    )
