"""Which fault strikes when: drawn from the seed, counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from orderwing.kernel.ports import Outgoing, TopicPartition
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.simulated import SimulatedBus
from orderwing.runtime.simulated_cluster import Fault, SimulatedCluster
from orderwing_schemas import topics

SESSION_MS = 6_000
ZOMBIE = "zombie that runs on"
HELD_BACK = "last stable offset held back"
LEFT_OPEN = "takeover with an open transaction"
PARTIAL = "partial assignment"
POISON = "poison"
_POISONED = (topics.ORDERS_ACCEPTED, topics.ORDERS_PLACED, topics.PAYMENTS_ANSWERED, topics.SHIPMENTS_PROGRESS)
_AT: dict[str, tuple[str, ...]] = {
    "begin": (Fault.CRASH_BEFORE.value, ZOMBIE),
    "send_offsets": (Fault.ABORT.value, LEFT_OPEN, Fault.CRASH_AFTER.value, ZOMBIE),
    "commit": (
        LEFT_OPEN,
        Fault.CRASH_AFTER.value,
        Fault.ABORT.value,
        Fault.UNKNOWN_COMMITTED.value,
        Fault.UNKNOWN_ABORTED.value,
        HELD_BACK,
    ),
}
OF_THE_CLUSTER = (
    *(fault.value for fault in Fault), ZOMBIE, HELD_BACK, LEFT_OPEN, PARTIAL, POISON,
)  # fmt: skip


class Faults:
    """Interrupts buses. `others(bus, milliseconds)` lets the rest of the world run on while one instance hangs."""

    def __init__(
        self, cluster: SimulatedCluster, random: Random, rate: float, others: Callable[[SimulatedBus, int, bool], None]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._cluster = cluster
        self._random = random
        self._rate = rate
        self._others = others
        self._hanging = False
        cluster.interrupt = self.interrupt

    def interrupt(self, point: str, bus: SimulatedBus) -> Fault | None:
        if self._hanging or self._random.random() >= self._rate:
            return None
        kind = self._random.choice(_AT[point])
        self.counts[kind] += 1
        if kind in (ZOMBIE, HELD_BACK):
            self._hang(bus, kind)
            return None
        return Fault.CRASH_BEFORE if kind == LEFT_OPEN else Fault(kind)

    def _hang(self, bus: SimulatedBus, kind: str) -> None:
        """A zombie sleeps past its session while another instance takes over; a slow commit only holds readers back."""
        self._hanging = True
        try:
            zombie = kind == ZOMBIE
            milliseconds = SESSION_MS + self._random.randrange(1_000, 3_000) if zombie else 1_500
            self._others(bus, milliseconds, zombie)
        finally:
            self._hanging = False

    def poison(self, order_id: str) -> None:
        """A record that nobody can decode, of an order that is on its way."""
        topic = self._random.choice(_POISONED)
        self.counts[POISON] += 1
        headers = [("ce_type", b"garbage"), ("ce_subject", order_id.encode())]
        partition = key_partition(order_id, topic.partitions)
        self._cluster.publish(Outgoing(topic.name, partition, order_id.encode(), b"\xff\x00", headers))

    def withhold(self, group_name: str, topic: str) -> None:
        """Give the group's members this topic only in part, until `release`."""
        self.counts[PARTIAL] += 1
        group = self._cluster.group(group_name)
        group.withheld = {TopicPartition(topic, self._random.randrange(topics.PARTITIONS))}
        group.rebalance()

    def release(self, group_name: str) -> None:
        group = self._cluster.group(group_name)
        group.withheld = set()
        group.rebalance()
