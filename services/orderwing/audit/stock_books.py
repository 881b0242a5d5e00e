"""The auditor's books beside reservation's word: every change of a shelf, in the order of its decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from typing import Any

from orderwing.audit.facts import Fact, History, Violation
from orderwing.audit.shelf_book import ADJUSTED, COUNTED, Movement, Shelf, ShelfBook, shelf_of
from orderwing.audit.stock_inputs import Holding, Parts, StockInputs
from orderwing_schemas.network import Network

_POSTPONED = {"adjusted": ADJUSTED, "counted": COUNTED}
_CORRECTIONS = frozenset({"adjusted", "counted", "short_pick"})  # may leave a shelf with less than it holds
_RESTATED = frozenset({"received", "counted"})  # set the safety anew
Level = dict[str, Any]


class StockBooks:
    """All shelves and parts after the whole log, and what was wrong on the way.

    Reservation's records tell by their causes which inputs it had decided, and by their decisions' numbers when. What
    those inputs leave on a shelf is worked out from their own words.
    """

    def __init__(self, history: History, network: Network, settled_before_wall_ms: int) -> None:
        self.violations: list[Violation] = []
        self._inputs = StockInputs(history)
        self._settled_before_wall_ms = settled_before_wall_ms
        self._moves: set[str] = set()
        # Which share was in force when is only known of a network that was published once.
        first = network.version == 1
        self._shares = {site.site_id: site.safety_share_percent for site in network.sites} if first else None
        for facts in _by_partition(history):
            self._read(facts)

    @property
    def shelves(self) -> dict[Shelf, ShelfBook]:
        return self._inputs.shelves

    @property
    def parts(self) -> Parts:
        return self._inputs.parts

    def forgotten(self) -> Iterator[Fact]:
        """Inputs that must have changed a shelf, of which no decision tells. Ask once."""
        return self._inputs.forgotten()

    # --- decisions -------------------------------------------------------------------------------------------------

    def _read(self, facts: Iterable[Fact]) -> None:
        for _, group in groupby(facts, key=_number):
            decision = list(group)
            if self._unread(decision[0]):
                return
            at_once = self._inputs.arrive(decision[0].cause)
            concerned: set[Shelf] = set()
            for fact in decision:
                if fact.type == "stock.moved.v1":
                    at_once = self._told(fact, at_once)
                else:
                    concerned |= self._hold(fact)
            for shelf in concerned:
                self._check_parts(shelf, decision[0])
            self._hurry(decision[0])

    def _unread(self, fact: Fact) -> bool:
        """Whether its cause came after the end of the audit: then all that follows is too young to judge."""
        return fact.wall_ms >= self._settled_before_wall_ms and self._inputs.unread(fact.cause)

    def _hold(self, fact: Fact) -> set[Shelf]:
        body = fact.body
        if fact.type == "stock.reserved.v1":
            return self.parts.hold(body["part_id"], _holding(body["held"]))
        if fact.type != "hold.moved.v1" or body["move_id"] in self._moves:  # told again, it changes nothing
            return set()
        self._moves.add(body["move_id"])
        touched = [self.parts.hold(move["part_id"], _holding(move["held"])) for move in body["moves"]]
        return set().union(*touched)

    def _told(self, fact: Fact, at_once: Movement | None) -> Movement | None:
        """One record of changed shelves. Returns the cause's movement as long as no record has told of it."""
        kind, excused = fact.body["kind"], bool(fact.body.get("exception"))
        for level in fact.body["shelves"]:
            shelf = level["site_id"], level["sku"]
            if (awaited := _POSTPONED.get(kind)) is not None:
                if at_once is not None and (shelf_of(at_once), at_once["type"]) == (shelf, awaited):
                    at_once = None
                else:
                    self._book_late(fact, shelf, awaited, excused)
            self._compare(shelf, level, kind)
            self._bound(shelf, level, kind, excused)
        return at_once

    def _book_late(self, fact: Fact, shelf: Shelf, awaited: str, excused: bool) -> None:
        """What had to wait need not any more."""
        movement = self._inputs.waiting(shelf, awaited)
        while movement is None or not (excused or self._inputs.ready(movement)):
            # No decision names what had to wait, and a later count may be complete before an earlier one.
            if not self._inputs.catch_up(shelf, awaited):
                break
            movement = self._inputs.waiting(shelf, awaited)
        if movement is None:
            return  # it was complete when it came, or there is none: the level tells
        if not self._inputs.ready(movement):
            if not excused:
                self._find("stock", shelf, f"{fact.place}: {_named(movement)} before all that it includes")
            self._inputs.give_up(movement)
        self._inputs.book(movement)

    def _hurry(self, fact: Fact) -> None:
        for movement in self._inputs.overdue():
            self._find("stock", shelf_of(movement), f"{fact.place}: {_named(movement)} is still not on the books")
            self._inputs.book(movement)

    # --- levels ----------------------------------------------------------------------------------------------------

    def _compare(self, shelf: Shelf, level: Level, kind: str) -> None:
        book = self.shelves[shelf]
        if level["reserved"] < 0 or level["on_hand"] < 0:
            self._find("stock", shelf, f"negative level {level}")
        if (off := level["on_hand"] - book.on_hand) != book.off:
            book.off = off
            self._find("stock", shelf, f"{kind}: on hand {level['on_hand']}, the books say {book.on_hand}")
        safety = book.safety
        if kind in _RESTATED and self._shares is not None:
            share = level["on_hand"] * self._shares.get(shelf[0], 0) // 100
            safety = max(0, min(share, level["on_hand"] - level["reserved"]))
        if level["safety"] != safety and (kind not in _RESTATED or self._shares is not None):
            self._find("stock", shelf, f"{kind}: safety {level['safety']} instead of {safety}")

    def _bound(self, shelf: Shelf, level: Level, kind: str, excused: bool) -> None:
        """What is held and kept back is there, but for what a correction on record has taken away since."""
        book = self.shelves[shelf]
        before = book.reserved
        book.reserved, book.safety = level["reserved"], level["safety"]
        if kind in _CORRECTIONS and excused:
            promised = min(before, book.reserved) + book.safety
            book.owed = max(book.owed, promised - book.on_hand)
        self._judge(shelf, book.over, f"{kind}: {level}")

    def _check_parts(self, shelf: Shelf, fact: Fact) -> None:
        """What the parts were given is what the shelf has set aside for them, whatever it says it has."""
        book, held = self.shelves[shelf], self.parts.held[shelf]
        if held > book.reserved:
            self._find("stock", shelf, f"{fact.place}: the parts hold {held}, reserved are {book.reserved}")
            self._judge(shelf, max(0, held + book.safety - book.on_hand), f"{fact.place}: the parts hold {held}")

    def _judge(self, shelf: Shelf, over: int, what: str) -> None:
        book = self.shelves[shelf]
        if (units := over - book.owed) > 0:
            book.oversold += units
            self._find("oversold", shelf, f"{what}: {units} more than {book.on_hand} on the books allow")
        book.owed = over

    def _find(self, kind: str, shelf: Shelf, detail: str) -> None:
        self.violations.append(Violation(kind, name_of(shelf), detail))


def name_of(shelf: Shelf) -> str:
    return f"{shelf[0]}/{shelf[1]}"


def _named(movement: Movement) -> str:
    return f"{movement['type']} {movement['sequence']}"


def _number(fact: Fact) -> int:
    return int(fact.decision or 0)


def _by_partition(history: History) -> Iterator[Iterable[Fact]]:
    """Reservation's records about shelves and parts, each partition in the order of its decisions."""
    found: dict[int, tuple[list[Fact], list[Fact]]] = {}
    for place, topic in enumerate(("stock.moved", "stock.reserved")):
        for fact in history.by_topic.get(topic, ()):
            found.setdefault(fact.partition, ([], []))[place].append(fact)
    for moved, reserved in found.values():
        yield merge(moved, reserved, key=_number)


def _holding(held: Iterable[dict[str, Any]]) -> Holding:
    units: Holding = {}
    for line in held:
        place = line["line_id"], line["site_id"]
        units[place] = (line["sku"], units.get(place, ("", 0))[1] + line["quantity"])
    return units
