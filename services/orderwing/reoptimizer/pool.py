"""The pool of a region: its parts that are planned and not frozen, and the units that are free on its shelves.

What is remembered of one order is one small value, so that no table value grows with the region.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from orderwing.planning.wishes import Way, Wishes
from orderwing_schemas.domain import ServiceLevel, ShelfLevel
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen, ProposalAnswered

Shelf = tuple[str, str]  # site id, SKU
_REMEMBERED = 6  # refusals a part keeps


class Line(msgspec.Struct, frozen=True, array_like=True):
    """What of an order line this part ships, in units; `capacity` is the load of that quantity."""

    line_id: str
    sku: str
    quantity: int
    amount_minor: int
    capacity: int


class Take(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Units of a line from one site."""

    site_id: str
    line_id: str
    sku: str
    quantity: int


def way_of(takes: Iterable[Take], arrival_at_ms: int) -> Way:
    """What customers see of a plan: a parcel for each site, and when the last of them arrives."""
    return Way(len({take.site_id for take in takes}), arrival_at_ms)


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """What one site sends of the standing plan: a departure, and how many parcels. Earlier versions kept no lane."""

    site_id: str
    departure_at_ms: int
    arrival_at_ms: int
    parcels: int
    lane_id: str = ""


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """A change that allocation would not take, at a domain time."""

    fingerprint: str
    at_ms: int


class PoolPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part as its newest plan has it: `cost_minor` is that plan's, `arrival_at_ms` that of its last shipment.

    `legs` by site; none were kept by an earlier version. `strategy` of the policy, by which it is held; `barred`: sites
    to which it lets nothing be moved.
    """

    region: str
    part_id: str
    order_id: str
    version: int
    zone: str
    stop_id: str
    service_level: ServiceLevel
    one_box: bool
    may_split: bool
    lines: tuple[Line, ...]
    takes: tuple[Take, ...]
    cost_minor: int
    arrival_at_ms: int
    promise_at_ms: int
    freeze_at_ms: int
    refusals: tuple[Refusal, ...] = ()
    max_delay_minutes: int = 1440
    legs: tuple[Leg, ...] = ()
    strategy: str | None = None
    barred: tuple[str, ...] = ()

    @property
    def way(self) -> Way:
        """The standing plan as its customer sees it."""
        return way_of(self.takes, self.arrival_at_ms)


Entry = dict[str, PoolPart]  # the parts of one order in one region, by part id
_decoder = msgspec.msgpack.Decoder(Entry)
_encoder = msgspec.msgpack.Encoder()
_shelf_decoder = msgspec.msgpack.Decoder(tuple[str, str, int])


def liking(part: PoolPart, way: Way) -> int:
    """By how many ranks of its customer's wishes a way is better than the standing plan; below nought: worse."""
    wishes = Wishes(part, (part.way, way), part.promise_at_ms)
    return wishes.rank(part.way) - wishes.rank(way)


def entry_key(region: str, order_id: str) -> str:
    return f"{region}|{order_id}"


def order_of_part(part_id: str) -> str:
    """Part ids are order/region/number, and no id of a stranger contains a slash."""
    return part_id.partition("/")[0]


def shelf_key(region: str, shelf: ShelfLevel) -> str:
    return f"{region}|{shelf.site_id}|{shelf.sku}"


def encode_entry(entry: Entry) -> bytes:
    return _encoder.encode(entry)


def decode_entry(raw: bytes | None) -> Entry:
    return _decoder.decode(raw) if raw else {}


def encode_shelf(shelf: ShelfLevel) -> bytes:
    return _encoder.encode((shelf.site_id, shelf.sku, shelf.atp))


def decode_shelf(raw: bytes) -> tuple[Shelf, int]:
    """The shelf and its ATP in units, which a correction can make negative."""
    site_id, sku, atp = _shelf_decoder.decode(raw)
    return (site_id, sku), atp


def learn_plan(entry: Entry, event: PartAllocated) -> Entry:
    """The newest version wins; an older one, told again after a restart, changes nothing.

    A part of which goods are to be moved to another site first is left alone: the transfer leaves as soon as it can.
    """
    known = entry.get(event.part_id)
    if known is not None and known.version >= event.version:
        return entry
    if any(shipment.to_site_id for shipment in event.shipments):
        return {part_id: part for part_id, part in entry.items() if part_id != event.part_id}
    part = PoolPart(
        region=event.region,
        part_id=event.part_id,
        order_id=event.order_id,
        version=event.version,
        zone=event.zone,
        stop_id=event.stop_id,
        service_level=event.service_level,
        one_box=event.one_box,
        max_delay_minutes=event.max_delay_minutes,
        may_split=event.may_split,
        lines=tuple(Line(x.line_id, x.sku, x.quantity, x.amount_minor, x.capacity) for x in event.lines),
        takes=tuple(
            Take(shipment.site_id, x.line_id, x.sku, x.quantity) for shipment in event.shipments for x in shipment.lines
        ),
        cost_minor=event.cost_minor,
        arrival_at_ms=max(shipment.arrival_at_ms for shipment in event.shipments),
        promise_at_ms=event.promise_at_ms,
        freeze_at_ms=event.freeze_at_ms,
        legs=tuple(Leg(s.site_id, s.departure_at_ms, s.arrival_at_ms, s.parcels, s.lane_id) for s in event.shipments),
        strategy=event.strategy,
        barred=event.barred,
    )
    return entry | {part.part_id: part}


def learn_freeze(entry: Entry, event: PartFrozen) -> Entry:
    return {part_id: part for part_id, part in entry.items() if part_id != event.part_id}


def learn_refusal(entry: Entry, event: ProposalAnswered, fingerprint: str, at_ms: int) -> Entry:
    """Remembered on the parts of this order that the proposal named."""
    changed = dict(entry)
    for part_id in event.part_ids:
        if (part := entry.get(part_id)) is not None:
            kept = tuple(r for r in part.refusals if r.fingerprint != fingerprint)[1 - _REMEMBERED :]
            changed[part_id] = msgspec.structs.replace(part, refusals=(*kept, Refusal(fingerprint, at_ms)))
    return changed


@dataclass(frozen=True)
class Pool:
    """One region's parts in the order of their ids, and the units free on each shelf (ATP, never below zero).

    What the parts themselves hold is not in `free`: a part that moves gives it to the others.
    """

    region: str
    parts: tuple[PoolPart, ...]
    free: Mapping[Shelf, int] = field(default_factory=dict)


def make_pool(region: str, entries: Iterable[Entry], shelves: Iterable[tuple[Shelf, int]], open_after_ms: int) -> Pool:
    """The pool without the parts that freeze at `open_after_ms` or earlier."""
    parts = [part for entry in entries for part in entry.values() if part.freeze_at_ms > open_after_ms]
    return Pool(
        region=region,
        parts=tuple(sorted(parts, key=lambda part: part.part_id)),
        free={shelf: max(atp, 0) for shelf, atp in shelves},
    )
