"""Dispatch: waves, manifests and shipments, by site.

ordered ──► released ──► picked ──► packed ──► shipped ──► in_transit ──► delivered
               └── short_picked: what is missing is a new need; nothing found: empty, the end
"""

from orderwing.dispatch.decide import progress_due, shipment_ordered, warehouse_answered
from orderwing.dispatch.rows import InWave, Progress, Shipment, Wave
from orderwing.dispatch.waves import wave_due
from orderwing.kernel.stage import Stage
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import ShipmentOrdered
from orderwing_schemas.events.public import WarehouseAnswered

STAGE = Stage(
    name="dispatch",
    inputs=(topics.SHIPMENTS_ORDERED, topics.WAREHOUSE_ANSWERS),
    handlers={ShipmentOrdered: shipment_ordered, WarehouseAnswered: warehouse_answered},
    rows=(Shipment, Progress, Wave, InWave),
    deadlines={Progress: progress_due, Wave: wave_due},
)
