"""What reservation reads about stock, applied to the auditor's books in the order in which reservation read it."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from orderwing.audit.facts import Fact, History
from orderwing.audit.shelf_book import (
    ADJUSTED,
    COUNTED,
    EXPECTED,
    Movement,
    Shelf,
    ShelfBook,
    SiteBook,
    shelf_of,
)

MOVEMENT, SHIPPED, MISSED = "stock.movement_accepted.v1", "shipment.shipped.v1", "hold.replacement_requested.v1"
_TOPICS = ("stock.movements", "shipments.shipped", "allocation.requests")
Holding = dict[tuple[str, str], tuple[str, int]]  # (line, site) -> (SKU, units)


@dataclass
class Parts:
    """What each part holds, and what they hold together on each shelf."""

    held: Counter[Shelf] = field(default_factory=Counter)
    _of: dict[str, Holding] = field(default_factory=dict)

    def hold(self, part_id: str, holding: Holding) -> set[Shelf]:
        """All that the part holds from now on; the shelves that this concerns."""
        touched: set[Shelf] = set()
        for sign, lines in ((-1, self._of.get(part_id, {})), (1, holding)):
            for (_, site_id), (sku, units) in lines.items():
                self.held[site_id, sku] += sign * units
                touched.add((site_id, sku))
        self._of[part_id] = holding
        return touched

    def knows(self, part_id: str) -> bool:
        return part_id in self._of

    def take(self, part_id: str, line_id: str, site_id: str, units: int) -> None:
        """Units are gone, at most those that it holds."""
        holding = self._of.get(part_id, {})
        sku, there = holding.get((line_id, site_id), ("", 0))
        if gone := min(units, there):
            holding[line_id, site_id] = (sku, there - gone)
            self.held[site_id, sku] -= gone


class StockInputs:
    """Movements, shipments and short picks. What a dead letter holds up comes when a decision names it."""

    def __init__(self, history: History) -> None:
        self.shelves: dict[Shelf, ShelfBook] = defaultdict(ShelfBook)
        self.parts = Parts()
        self._sites: dict[str, SiteBook] = defaultdict(SiteBook)
        self._missed: set[tuple[str, str]] = set()
        letters = history.by_topic.get("reservation.dead-letters", ())
        self._dead = {f"{x.body.get('topic')}/{x.body.get('partition')}/{x.body.get('offset')}" for x in letters}
        self._parked = {str(letter.body["order_id"]) for letter in letters if letter.body.get("order_id")}
        self._by_place = {fact.place: fact for kind in (MOVEMENT, SHIPPED, MISSED) for fact in history.by_type[kind]}
        self._ends = {(f.topic, f.partition): f.offset for topic in _TOPICS for f in history.by_topic.get(topic, ())}
        self._queues: dict[tuple[str, int], deque[Fact]] = defaultdict(deque)
        for fact in self._by_place.values():
            self._queues[fact.topic, fact.partition].append(fact)

    def unread(self, place: str) -> bool:
        """Whether this is an input that came after the audit's end."""
        topic, _, rest = place.partition("/")
        partition, _, offset = rest.partition("/")
        return topic in _TOPICS and int(offset) > self._ends.get((topic, int(partition)), -1)

    def arrive(self, place: str) -> Movement | None:
        """All up to the input at `place`. Its movement, if it took effect at once; nothing if it is no input."""
        cause = self._by_place.get(place)
        if cause is None:
            return None
        queue, effect = self._queues[cause.topic, cause.partition], None
        while queue and queue[0].offset <= cause.offset:
            fact = queue.popleft()
            if not self._held_up(fact):
                effect = self._apply(fact)
        return self._apply(cause) if self._held_up(cause) else effect

    def forgotten(self) -> Iterator[Fact]:
        """Inputs that must have changed a shelf, of which no decision tells. Ask once, at the end."""
        for queue in self._queues.values():
            for fact in queue:
                if not self._held_up(fact) and self._changes(fact):
                    yield fact

    def catch_up(self, shelf: Shelf, kind: str) -> bool:
        """The next movement of a type at a shelf has come, though no decision named it: it had to wait. False: none."""
        for queue in self._queues.values():
            for fact in queue:
                movement = fact.body.get("movement")
                if movement and (shelf_of(movement), movement["type"]) == (shelf, kind) and not self._held_up(fact):
                    self.arrive(fact.place)
                    return True
        return False

    def waiting(self, shelf: Shelf, kind: str) -> Movement | None:
        """The first movement of a type that waits at a shelf, those first that need not wait any longer."""
        site = self._sites[shelf[0]]
        there = [m for m in site.waiting if shelf_of(m) == shelf and m["type"] == kind]
        return min(there, key=lambda m: (not self.ready(m), m["sequence"]), default=None)

    def overdue(self) -> Iterator[Movement]:
        """What waits although nothing is missing."""
        for site in self._sites.values():
            yield from [movement for movement in site.waiting if site.complete(movement)]

    def ready(self, movement: Movement) -> bool:
        """Complete; of an adjustment, also what takes no more than there is."""
        if self._sites[movement["site_id"]].complete(movement):
            return True
        there = self.shelves[shelf_of(movement)].on_hand
        return movement["type"] == ADJUSTED and there + int(movement["delta"]) >= 0

    def give_up(self, movement: Movement) -> None:
        """It takes effect without what it waited for, and so does from now on whatever waits for the same."""
        self._sites[movement["site_id"]].give_up(movement)

    def book(self, movement: Movement) -> None:
        """Let it take effect now."""
        site, shelf = self._sites[movement["site_id"]], shelf_of(movement)
        if movement["type"] == COUNTED:
            self.shelves[shelf].count(movement, site.last_of(movement))
        else:
            self.shelves[shelf].move(movement)
        site.waiting = [m for m in site.waiting if m is not movement and not self._superseded(m)]

    def _superseded(self, movement: Movement) -> bool:
        """A later count stands already."""
        return movement["type"] == COUNTED and int(movement["sequence"]) < self.shelves[shelf_of(movement)].counted

    def _held_up(self, fact: Fact) -> bool:
        return fact.place in self._dead or str(fact.body.get("order_id")) in self._parked

    def _changes(self, fact: Fact) -> bool:
        if fact.type == MOVEMENT:
            return self._apply(fact) is not None
        if fact.type == SHIPPED:
            return fact.body["shipment_id"] not in self._sites[fact.body["site_id"]].shipments
        from_shelf = bool(fact.body["missing"])  # what had only crossed the dock is on no shelf
        return from_shelf and self.parts.knows(fact.body["part_id"]) and not self._told_missing(fact)

    def _apply(self, fact: Fact) -> Movement | None:
        if fact.type == MOVEMENT:
            return self._move(fact.body["movement"])
        if fact.type == SHIPPED:
            self._ship(fact)
        else:
            self._miss(fact)
        return None

    def _move(self, movement: Movement) -> Movement | None:
        site = self._sites[movement["site_id"]]
        if not site.note(movement["sequence"]) or movement["type"] == EXPECTED or self._superseded(movement):
            return None
        if movement["type"] in (ADJUSTED, COUNTED) and not self.ready(movement):
            site.waiting.append(movement)
            return None
        self.book(movement)
        return movement

    def _ship(self, fact: Fact) -> None:
        """Each shipment once."""
        told, site = fact.body, self._sites[fact.body["site_id"]]
        if told["shipment_id"] in site.shipments:
            return
        number = site.shipments[told["shipment_id"]] = len(site.shipments) + 1
        for line in told["lines"]:
            self.shelves[told["site_id"], line["sku"]].ship(number, line["quantity"])
            self.parts.take(told["part_id"], line["line_id"], told["site_id"], line["quantity"])

    def _miss(self, fact: Fact) -> None:
        """Once for each shipment of a part."""
        told = fact.body
        if not self.parts.knows(told["part_id"]) or self._told_missing(fact):
            return
        self._missed.add((told["part_id"], told["shipment_id"]))
        for line in told["missing"]:
            self.shelves[told["site_id"], line["sku"]].miss(line["quantity"])
            self.parts.take(told["part_id"], line["line_id"], told["site_id"], line["quantity"])

    def _told_missing(self, fact: Fact) -> bool:
        return (fact.body["part_id"], fact.body["shipment_id"]) in self._missed
