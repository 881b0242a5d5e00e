"""Gate: decodes what strangers send, checks the contract, re-keys; rejects with a reason. Keeps no rows."""

from orderwing.gate.decide import decide
from orderwing.kernel.stage import Stage
from orderwing_schemas import topics

STAGE = Stage(
    name="gate",
    inputs=(topics.ORDERS_INBOUND, topics.STOCK_INBOUND, topics.WMS_INBOUND, topics.OPERATIONS_INBOUND),
    raw=decide,
)
