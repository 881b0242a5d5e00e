"""The warehouses outside the pipeline, with a book of their own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

from orderwing.runtime.clock import DomainClock
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.outside import Agenda, Reader, event_of, publish
from orderwing.simulation.shop import MINUTE_MS, Publication
from orderwing_schemas import topics
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import ShipmentReleased
from orderwing_schemas.events.public import (
    StockAdjusted,
    StockReceived,
    WarehouseAnswered,
    WarehouseStatus,
)


class Warehouse:
    """Picks what is physically there, whatever the systems believe, and tells in any order, some of it twice."""

    def __init__(
        self, cluster: SimulatedCluster, clock: DomainClock, agenda: Agenda, random: Random, faults: Counter[str]
    ) -> None:
        self.book: list[dict[str, Any]] = []
        self._cluster = cluster
        self._clock = clock
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._physical: Counter[tuple[str, str]] = Counter()
        self._counted: set[tuple[str, int]] = set()
        self._reader = Reader(cluster, topics.SHIPMENTS_RELEASED)

    def heard(self, publication: Publication) -> None:
        """The goods that a movement tells of are there from then on."""
        event = publication.event
        if isinstance(event, StockReceived | StockAdjusted) and (event.site_id, event.sequence) not in self._counted:
            self._counted.add((event.site_id, event.sequence))
            delta = event.quantity if isinstance(event, StockReceived) else event.delta
            self._physical[event.site_id, event.sku] += delta

    def step(self) -> bool:
        busy = False
        for record in self._reader.new():
            told = event_of(record)
            assert isinstance(told, ShipmentReleased)
            self._enter(told, "received", told.lines)
            now_ms = self._clock.domain_ms(self._cluster.wall_ms)
            pick_ms = now_ms + self._random.randrange(max(1, told.departure_at_ms - now_ms))
            self._agenda.at(self._clock.wall_ms(pick_ms), lambda t=told: self._pick(t))  # type: ignore[misc]
            busy = True
        return busy

    def _pick(self, told: ShipmentReleased) -> None:
        found, missing = [], []
        for line in told.lines:
            there = max(0, min(line.quantity, self._physical[told.site_id, line.sku]))
            if there and self._random.random() < 0.04:
                there -= 1  # not found, though it is there
            self._physical[told.site_id, line.sku] -= there
            if there:
                found.append(line.model_copy(update={"quantity": there}))
            if there < line.quantity:
                missing.append(line.model_copy(update={"quantity": line.quantity - there}))
        if missing:
            self._faults["short pick"] += 1
            self._tell_short(told, tuple(missing))
        if found:
            self._tell(told, WarehouseStatus.PICKED, tuple(found))
            self._plan_rest(told, tuple(found))

    def _tell_short(self, told: ShipmentReleased, missing: tuple[LineQuantity, ...]) -> None:
        """Sometimes only after the parcel was called picked, or packed."""
        early = self._random.choices((0, 1, 2), (6, 2, 2))[0]
        self._faults["short after picked"] += early > 0
        for status in (WarehouseStatus.PICKED, WarehouseStatus.PACKED)[:early]:
            self._tell(told, status, told.lines)
        self._tell(told, WarehouseStatus.SHORT_PICKED, missing)

    def _plan_rest(self, told: ShipmentReleased, found: tuple[LineQuantity, ...]) -> None:
        late_ms = self._random.randrange(40 * MINUTE_MS) if self._random.random() < 0.1 else 0
        leaves_ms = max(told.departure_at_ms, self._clock.domain_ms(self._cluster.wall_ms)) + late_ms
        road_ms = told.arrival_at_ms - told.departure_at_ms
        times = {
            WarehouseStatus.PACKED: leaves_ms - MINUTE_MS,
            WarehouseStatus.SHIPPED: leaves_ms,
            WarehouseStatus.IN_TRANSIT: leaves_ms + MINUTE_MS,
            WarehouseStatus.DELIVERED: leaves_ms + road_ms,
        }
        if self._random.random() < 0.1:
            self._faults["answers out of order"] += 1
            times[WarehouseStatus.PACKED] = leaves_ms + 3 * MINUTE_MS
        for status, at_ms in times.items():
            self._agenda.at(self._clock.wall_ms(at_ms), lambda s=status: self._tell(told, s, found))  # type: ignore[misc]

    def _tell(self, told: ShipmentReleased, status: WarehouseStatus, lines: tuple[LineQuantity, ...]) -> None:
        self._enter(told, status.value, lines)
        answer = WarehouseAnswered(
            shipment_id=told.shipment_id, site_id=told.site_id, order_id=told.order_id, status=status,
            missing=lines if status is WarehouseStatus.SHORT_PICKED else (),
            at=_utc(self._clock.domain_ms(self._cluster.wall_ms)),
        )  # fmt: skip
        twice = self._random.random() < 0.06
        self._faults["answer told twice"] += twice
        for _ in range(1 + twice):
            publish(self._cluster, topics.WMS_INBOUND, answer)

    def _enter(self, told: ShipmentReleased, status: str, lines: tuple[LineQuantity, ...]) -> None:
        self.book.append(
            {
                "shipment_id": told.shipment_id,
                "order_id": told.order_id,
                "site_id": told.site_id,
                "status": status,
                "lines": [line.model_dump() for line in lines],
            }
        )


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
