"""The service that makes steering prices, in simulated time."""

from __future__ import annotations

from orderwing.kernel.ports import Outgoing
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.publish_prices import chunks
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.outside import Reader, event_of
from orderwing.steering.market import Market
from orderwing.steering.rhythm import Rhythm
from orderwing_schemas import topics
from orderwing_schemas.codec import encode
from orderwing_schemas.network import Network
from orderwing_schemas.steering import PriceList


class SimulatedSteering:
    """Until `until_ms` of domain time, when the shop closes."""

    def __init__(
        self, cluster: SimulatedCluster, clock: DomainClock, network: Network, rhythm: Rhythm, until_ms: int
    ) -> None:
        self.lists = 0
        self._cluster = cluster
        self._clock = clock
        self._network = network
        self._rhythm = rhythm
        self._until_ms = until_ms
        self._market = Market(rhythm.half_life_ms, rhythm.horizon_ms)
        self._reader = Reader(cluster, topics.ORDERS_ACCEPTED, topics.STOCK_MOVED)
        self._last: tuple[int, int] | None = None

    def step(self) -> bool:
        for record in self._reader.new():
            self._market.learn(event_of(record))
        now_ms = self._clock.domain_ms(self._cluster.wall_ms)
        if now_ms > self._until_ms or not self._rhythm.due(self._last, now_ms, self._market.orders):
            return False
        self._last = (now_ms, self._market.orders)
        self.lists += 1
        prices = PriceList(
            version=self.lists,
            currency=self._network.currency,
            valid_from_ms=now_ms,
            valid_until_ms=now_ms + self._rhythm.valid_ms,
            prices=tuple(self._market.prices(self._network, now_ms)),
        )
        for key, event in chunks(prices).items():
            value, headers = encode(event), [("ce_type", event.EVENT_TYPE.encode())]
            for partition in range(topics.REFERENCE.partitions):
                self._cluster.publish(Outgoing(topics.REFERENCE.name, partition, key.encode(), value, headers))
        return True
