"""The cost model: what shipments cost, as named terms that sum to it, in minor units of the network's currency.

`tariffs` what carriers take, `packing` into which cartons goods go, `shipments` the terms of one, `grid` the same for
many loads at once; `price_list` a network's prices made ready for decisions.
"""

from orderwing.planning.pricing.packing import Carton, Goods, Packed, pack
from orderwing.planning.pricing.price_list import Catalogue, Load, PriceList, cartons_of, price_list, unpriced
from orderwing.planning.pricing.shipments import HOUR_MS, Handling, Shipping, add_terms, shipment_terms
from orderwing.planning.pricing.tariffs import PricingError, Tariff, tariff_of

__all__ = [
    "HOUR_MS",
    "Carton",
    "Catalogue",
    "Goods",
    "Handling",
    "Load",
    "Packed",
    "PriceList",
    "PricingError",
    "Shipping",
    "Tariff",
    "add_terms",
    "cartons_of",
    "pack",
    "price_list",
    "shipment_terms",
    "tariff_of",
    "unpriced",
]
