"""What happens on the warehouse's floor: which parcel is picked, short, late or told twice, and when.

Everything follows from the shipment's id and a seed, so that a restart goes on where the book ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from orderwing.runtime.settings import WarehouseSimulator

MINUTE_MS = 60_000
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """An answer to be given at a domain time; `lines` are those missing of `short_picked`, else those in the box."""

    at_ms: int
    status: str
    lines: list[dict[str, Any]]
    times: int = 1


class Floor:
    """The day of each shipment."""

    def __init__(self, manners: WarehouseSimulator, seed: int) -> None:
        self._manners = manners
        self._seed = seed

    def day_of(self, received: Entry) -> list[Step]:
        """The answers to a shipment, in the order in which they are given. Times are domain milliseconds."""
        lines, missing = received["lines"], self._missing(received)
        steps = []
        if missing:
            steps.append(self._step(received, "short_picked", missing))
            gone = {line["line_id"]: line["quantity"] for line in missing}
            lines = [{**x, "quantity": x["quantity"] - gone.get(x["line_id"], 0)} for x in lines]
            lines = [line for line in lines if line["quantity"] > 0]
        if lines:
            after = ("arrived",) if received.get("to_site_id") else ("in_transit", "delivered")
            statuses = ("picked", "packed", "shipped", *after)
            steps += [self._step(received, status, lines) for status in statuses]
        return sorted(steps, key=lambda step: step.at_ms)

    def _step(self, received: Entry, status: str, lines: list[dict[str, Any]]) -> Step:
        told_twice = self._chance(received, f"twice {status}") < self._manners.duplicate_share
        return Step(self._at_ms(received, status), status, lines, 2 if told_twice else 1)

    def _at_ms(self, received: Entry, status: str) -> int:
        start_ms, leaves_ms = int(received["at_ms"]), self._leaves_ms(received)
        if status == "packed" and self._chance(received, "disorder") < self._manners.disorder_share:
            return leaves_ms + MINUTE_MS // 2
        share = {"short_picked": 0.3, "picked": 0.4, "packed": 0.7, "shipped": 1.0}.get(status)
        if share is not None:
            return start_ms + int((leaves_ms - start_ms) * share)
        if status == "in_transit":
            return leaves_ms + MINUTE_MS
        road_ms = max(2 * MINUTE_MS, int(received["arrival_at_ms"]) - int(received["departure_at_ms"]))
        return leaves_ms + max(2 * MINUTE_MS, int(road_ms * (1 - 0.1 * self._chance(received, "road"))))

    def _leaves_ms(self, received: Entry) -> int:
        """With its departure; some are late, as is what came too late to be picked in ten minutes."""
        on_time_ms = max(int(received["departure_at_ms"]), int(received["at_ms"]) + 10 * MINUTE_MS)
        goods = _goods(received)
        if self._drawn(goods, "late") >= self._manners.late_share:
            return on_time_ms
        return on_time_ms + int((5 + 55 * self._drawn(goods, "how late")) * MINUTE_MS)

    def _missing(self, received: Entry) -> list[dict[str, Any]]:
        if self._chance(received, "short") >= self._manners.short_share:
            return []
        line = received["lines"][int(self._chance(received, "which line") * len(received["lines"]))]
        return [{**line, "quantity": 1 + int(self._chance(received, "how many") * line["quantity"])}]

    def _chance(self, received: Entry, what: str) -> float:
        return self._drawn(received["shipment_id"], what)

    def _drawn(self, about: str, what: str) -> float:
        """From 0 up to 1, below 1."""
        digest = blake2b(f"{self._seed}|{about}|{what}".encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / (1 << 48)


def _goods(received: Entry) -> str:
    """What is the same whoever planned it: two compared rules meet the same mishaps. A transfer has its own."""
    first = min(line["line_id"] for line in received["lines"])
    return f"{received['order_id']}|{first}|{received.get('to_site_id', '')}"


@dataclass
class Book:
    """The warehouse's own book, append-only: `received`, and then each answer once the broker has it.

    An entry is written, not buffered, before the next record is read, so a killed process forgets nothing. What it had
    told and not written it tells again.
    """

    path: Path
    received: dict[str, Entry] = field(default_factory=dict)
    told: dict[str, set[str]] = field(default_factory=dict)
    _file: int = -1

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        written = self.path.read_bytes()
        whole = written.rfind(b"\n") + 1
        os.ftruncate(self._file, whole)  # a line that a kill cut short
        for line in written[:whole].splitlines():
            self._apply(json.loads(line))
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, entry: Entry) -> None:
        left = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        while left:  # a full disk or a signal may cut a write short
            left = left[os.write(self._file, left) :]
        self._apply(entry)

    def knows(self, shipment_id: str) -> bool:
        return shipment_id in self.told

    def unfinished(self) -> Iterator[Entry]:
        yield from self.received.values()

    def close_day(self, shipment_id: str) -> None:
        """All answers are given: only the id is remembered."""
        self.received.pop(shipment_id, None)

    def _apply(self, entry: Entry) -> None:
        shipment_id = entry["shipment_id"]
        if entry["status"] == "received":
            self.received[shipment_id] = entry
            self.told[shipment_id] = set()
        else:
            self.told[shipment_id].add(entry["status"])
