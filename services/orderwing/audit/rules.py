"""Rules: nothing leaves a site that may not ship it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orderwing.audit.capacity import StandingPlans
from orderwing.audit.facts import Violation
from orderwing_schemas.network import Item, Network


def check_rules(plans: StandingPlans, network: Network, items: Mapping[str, Item]) -> Iterator[Violation]:
    for part_id, plan in plans.items():
        for shipment in plan["shipments"]:
            able = network.site_by_id[shipment.get("to_site_id") or shipment["site_id"]].capabilities
            for line in shipment["lines"]:
                item = items.get(line["sku"])
                if able is not None and item is not None and not set(item.traits) <= set(able):
                    yield Violation("rule", part_id, f"{shipment['site_id']} may not ship {line['sku']}")
