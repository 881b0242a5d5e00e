"""Intake: orders, versions, duplicates, by order.

unseen ── passed ──► accepted ── repeated ──► a duplicate, counted
   └───── failed ──► rejected ── repeated ──► the same answer again
either, with other facts ──► a conflict: the first stands
"""

from orderwing.intake.decide import forget, placed
from orderwing.intake.rows import SeenOrder
from orderwing.kernel.stage import Stage
from orderwing_schemas import topics
from orderwing_schemas.events.public import OrderPlaced

STAGE = Stage(
    name="intake",
    inputs=(topics.ORDERS_PLACED,),
    handlers={OrderPlaced: placed},
    rows=(SeenOrder,),
    deadlines={SeenOrder: forget},
)
