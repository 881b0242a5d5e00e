"""What one poll brought, what was decided of it, and the transaction in which that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from time import perf_counter

from orderwing.kernel.ports import Record
from orderwing.runtime.attempt import Attempt
from orderwing.runtime.deadlines import Deadline
from orderwing.runtime.deciding import Decider, Refused
from orderwing.runtime.partition import Partition
from orderwing.runtime.poison import Budget
from orderwing.runtime.tracing import Batch as Told

_NUMBER = attrgetter("partition")


@dataclass
class Batch:
    """`budget` is what is left of it after this batch; `told` (with a tracer) what its spans link to."""

    records: Sequence[Record]
    due: Mapping[int, list[Deadline]]
    wall_ms: int
    budget: Budget
    told: Told | None
    attempts: Sequence[Attempt] = ()
    decided_s: float = 0.0  # how long that took
    ending: Callable[[], float] | None = None  # of its transaction; none where nothing was decided

    def __len__(self) -> int:
        return len(self.records) + sum(map(len, self.due.values()))

    def decide(
        self, decider: Decider, partitions: Mapping[int, Partition], refused: Refused, under: Batch | None
    ) -> None:
        """On top of `under`, whose transaction has not ended yet. Raises BudgetExceededError."""
        began_s = perf_counter()
        earlier = {} if under is None else {made.partition.number: made for made in under.attempts}
        attempts: dict[int, Attempt] = {}

        def attempt(number: int) -> Attempt:
            made = attempts.get(number)
            if made is None:
                made = attempts[number] = Attempt(
                    decider, partitions[number], self.wall_ms, self.budget, refused, earlier.get(number)
                )
            return made

        for number, of_one in groupby(self.records, key=_NUMBER):
            decide = attempt(number).record
            for record in of_one:
                decide(record)
        for number, deadlines in self.due.items():
            for deadline in deadlines:
                attempt(number).deadline(deadline)
        self.attempts = [made for made in attempts.values() if made.number > made.before]
        self.decided_s = perf_counter() - began_s
        if self.told is not None:
            self.told.decided()
