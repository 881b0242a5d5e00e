"""Dispatch: waves, manifests and shipments, by site.

ordered ──► released ──► picked ──► packed ──► shipped ──► in_transit ──► delivered
   │   ▲           └── short_picked: what is missing is a new need; nothing found: empty, the end
   └► awaiting ── goods of other sites have come ──┘      (their shipments: packed ──► transferred, the end)
"""

from orderwing.dispatch.decide import progress_due, shipment_ordered, transfer_asked, warehouse_answered
from orderwing.dispatch.rows import Coming, Gathering, InWave, Progress, Shipment, Transfer, Wave
from orderwing.dispatch.transfers import transfer_left
from orderwing.dispatch.waves import wave_due
from orderwing.kernel.stage import Stage
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import ShipmentOrdered
from orderwing_schemas.events.dispatch import TransferAsked, TransferLeft
from orderwing_schemas.events.public import WarehouseAnswered

STAGE = Stage(
    name="dispatch",
    inputs=(topics.SHIPMENTS_ORDERED, topics.WAREHOUSE_ANSWERS, topics.TRANSFERS),
    handlers={
        ShipmentOrdered: shipment_ordered,
        WarehouseAnswered: warehouse_answered,
        TransferAsked: transfer_asked,
        TransferLeft: transfer_left,
    },
    rows=(Shipment, Progress, Wave, InWave, Transfer, Gathering, Coming),
    deadlines={Progress: progress_due, Wave: wave_due},
)
