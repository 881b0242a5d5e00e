"""Consecutive records of one partition as few commands: what adds up is added up, what is overwritten is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orderwing.views.project import Command
from orderwing.views.tally import Count

Place = tuple[str, int]  # topic and partition
Part = str | int | bytes  # of a command


class Batch:
    """`orders`: those told of, with the facts that are new."""

    def __init__(self, place: Place, start: int) -> None:
        self.place = place
        self.start = start
        self.end = start
        self.orders: dict[str, set[str]] = {}
        self.counts: list[Count] = []
        self._sums: dict[Command, int] = {}
        self._hashes: dict[Part, dict[Part, Part]] = {}
        self._shelves: dict[Part, Command] = {}
        self._others: list[Command] = []

    def add(self, commands: Iterable[Command]) -> None:
        """In the order of their records. No key is a hash of sums and of values at once."""
        for command in commands:
            name = command[0]
            if name == "HINCRBY":
                place = command[:3]
                self._sums[place] = self._sums.get(place, 0) + int(command[3])
            elif name == "HSET":
                self._hashes.setdefault(command[1], {})[command[2]] = command[3]
            elif name == "SHELF":
                self._shelves[command[2]] = command
            else:
                self._others.append(command)

    def commands(self) -> Iterator[Command]:
        for place, n in self._sums.items():
            yield *place, n
        for key, fields in self._hashes.items():
            yield "HSET", key, *[part for pair in fields.items() for part in pair]
        yield from self._shelves.values()
        yield from self._others
