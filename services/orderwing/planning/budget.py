"""When a search stops: the caller's argument, so that a run can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Budget:
    """The first limit reached stops the search; None does not limit.

    Only a run stopped by `iterations` comes out the same each time. `clock` counts seconds: `time.process_time` where
    other programs take their part of the processor.
    """

    seconds: float | None = None
    iterations: int | None = None
    clock: Callable[[], float] = perf_counter

    def __post_init__(self) -> None:
        if self.seconds is None and self.iterations is None:
            raise ValueError("A budget needs seconds or iterations.")
        if (self.seconds or 0) < 0 or (self.iterations or 0) < 0:
            raise ValueError("A budget's seconds and iterations are not negative.")


class Countdown:
    """A budget being spent, from now on."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.spent = 0  # iterations
        self._started = budget.clock()

    def seconds_spent(self) -> float:
        return self.budget.clock() - self._started

    def share(self) -> float:
        """Of the budget that is spent, 0 to 1 and more."""
        seconds, iterations = self.budget.seconds, self.budget.iterations
        shares = [self.seconds_spent() / seconds if seconds else 1.0] if seconds is not None else []
        if iterations is not None:
            shares.append(self.spent / iterations if iterations else 1.0)
        return max(shares)

    def over(self) -> bool:
        return self.share() >= 1.0
