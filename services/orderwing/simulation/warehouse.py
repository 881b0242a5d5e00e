"""The warehouses outside the pipeline, with a book of their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

from orderwing.runtime.clock import DomainClock
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.outside import Agenda, Reader, event_of, publish
from orderwing.simulation.shop import MINUTE_MS, Publication
from orderwing_schemas import topics
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import ShipmentReleased
from orderwing_schemas.events.public import (
    StockAdjusted,
    StockCounted,
    StockExpected,
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
        self._packed: Counter[tuple[str, str]] = Counter()  # picked, and still in the house
        self._picked: Counter[tuple[str, str]] = Counter()  # from shelves, by shipment
        self._dock: Counter[tuple[str, str, str, str]] = Counter()  # come for an order's line: never on a shelf
        self._left: dict[str, str] = {}  # a site's last shipment that did
        self._moved: dict[str, dict[int, tuple[str, int]]] = {}  # SKU and units by site and sequence
        self._counts: dict[tuple[str, int], StockCounted] = {}
        self._reader = Reader(cluster, topics.SHIPMENTS_RELEASED)

    def heard(self, publication: Publication) -> Publication:
        """The goods that a movement tells of are there from then on. Half of the counts are its own, the rest wrong."""
        event = publication.event
        if isinstance(event, StockCounted):
            event = self._counted(event)
            return replace(publication, value=encode(event), event=event)
        if isinstance(event, StockReceived | StockAdjusted | StockExpected):
            moved = self._moved.setdefault(event.site_id, {})
            if event.sequence not in moved:
                delta = 0
                if not isinstance(event, StockExpected):
                    delta = event.quantity if isinstance(event, StockReceived) else event.delta
                moved[event.sequence] = (event.sku, delta)
                self._physical[event.site_id, event.sku] += delta
        return publication

    def _counted(self, told: StockCounted) -> StockCounted:
        """What is in the house, by the movements without a gap and up to the last shipment that left."""
        place = (told.site_id, told.sequence)
        if place not in self._counts:
            moved = self._moved.setdefault(told.site_id, {})
            moved[told.sequence] = (told.sku, 0)
            if self._random.random() < 0.5:
                self._faults["counted"] += 1
                mark = next(n for n in count(1) if n not in moved) - 1
                later = sum(delta for n, (sku, delta) in moved.items() if n > mark and sku == told.sku)
                shelf = (told.site_id, told.sku)
                there = max(0, self._physical[shelf] + self._packed[shelf] - later)
                told = told.model_copy(
                    update={
                        "on_hand": there,
                        "includes_sequence": min(mark, told.sequence - 1),
                        "includes_shipment": self._left.get(told.site_id),
                    }
                )
            self._counts[place] = told
        return self._counts[place]

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
            place = (told.site_id, told.order_id, line.line_id, line.sku)
            crossed = self._dock.pop(place, 0) if told.cross_docked else 0
            if crossed and self._random.random() < 0.1:
                crossed -= 1  # broken on the way
                self._faults["cross-docked unit broken"] += 1
            there = max(0, min(line.quantity - self._expected(told, line), self._physical[told.site_id, line.sku]))
            if there and self._random.random() < 0.04:
                there -= 1  # not found, though it is there
            self._physical[told.site_id, line.sku] -= there
            self._packed[told.site_id, line.sku] += there
            self._picked[told.shipment_id, line.sku] += there
            there += crossed
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

    def _expected(self, told: ShipmentReleased, line: LineQuantity) -> int:
        """Units of a line that are to be on the dock."""
        return sum(one.quantity for one in told.cross_docked if (one.line_id, one.sku) == (line.line_id, line.sku))

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
        if told.to_site_id is not None:
            del times[WarehouseStatus.IN_TRANSIT], times[WarehouseStatus.DELIVERED]
            times[WarehouseStatus.ARRIVED] = self._arrival_ms(leaves_ms + road_ms)
        if self._random.random() < 0.1:
            self._faults["answers out of order"] += 1
            times[WarehouseStatus.PACKED] = leaves_ms + 3 * MINUTE_MS
        for status, at_ms in times.items():
            self._agenda.at(self._clock.wall_ms(at_ms), lambda s=status: self._tell(told, s, found))  # type: ignore[misc]

    def _arrival_ms(self, on_time_ms: int) -> int:
        """Of a transfer: some are held up for long enough to be missed."""
        if self._random.random() >= 0.15:
            return on_time_ms
        self._faults["transfer held up"] += 1
        return on_time_ms + self._random.randrange(60 * MINUTE_MS)

    def _tell(self, told: ShipmentReleased, status: WarehouseStatus, lines: tuple[LineQuantity, ...]) -> None:
        self._enter(told, status.value, lines)
        if status is WarehouseStatus.SHIPPED:
            self._left[told.site_id] = told.shipment_id
            for sku in {line.sku for line in lines}:
                self._packed[told.site_id, sku] -= self._picked.pop((told.shipment_id, sku), 0)
        if status is WarehouseStatus.ARRIVED and told.to_site_id is not None:
            for line in lines:
                self._dock[told.to_site_id, told.order_id, line.line_id, line.sku] += line.quantity
        site_id = told.to_site_id if status is WarehouseStatus.ARRIVED and told.to_site_id else told.site_id
        answer = WarehouseAnswered(
            shipment_id=told.shipment_id, site_id=site_id, order_id=told.order_id, status=status,
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
