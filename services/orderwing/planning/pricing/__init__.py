"""The cost model: what shipments cost, as named terms that sum to it, in minor units of the network's currency.

`tariffs` what carriers take, `packing` into which cartons goods go, `shipments` the terms of one, `grid` the same for
many loads at once.
"""

from orderwing.planning.pricing.packing import Carton, Goods, Packed, pack
from orderwing.planning.pricing.shipments import HOUR_MS, Handling, Shipping, add_terms, shipment_terms
from orderwing.planning.pricing.tariffs import PricingError, Tariff, tariff_of

__all__ = [
    "HOUR_MS",
    "Carton",
    "Goods",
    "Handling",
    "Packed",
    "PricingError",
    "Shipping",
    "Tariff",
    "add_terms",
    "pack",
    "shipment_terms",
    "tariff_of",
]
