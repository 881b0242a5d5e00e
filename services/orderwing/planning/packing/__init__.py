"""Orders into vehicles, goods into cartons: bin packing in several dimensions with bins of several kinds.

First-fit decreasing (the baseline) and best-fit decreasing in several orders of items; where these do not meet the
bound, CP-SAT (OR-Tools) is given the better of them and the rest of the budget. Bound: Martello and Toth's L2 (1990)
in each dimension, by the cheapest bin; and the cost of the volume; and CP-SAT's own.
"""

from __future__ import annotations

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.packing.exact import by_cp_sat
from orderwing.planning.packing.fitting import bound, counted, decreasing, greedy, l2_bound, told_of
from orderwing.planning.packing.problem import Bin, Item, Kind, Left, Packing, PackingProblem, verify

__all__ = ["Bin", "Item", "Kind", "Left", "Packing", "PackingProblem", "bound", "greedy", "l2_bound", "plan", "verify"]


def plan(problem: PackingProblem, budget: Budget, seed: int) -> Packing:
    """The best that the budget finds; of least cost if `cost` meets `bound`. `iterations` limit CP-SAT's conflicts."""
    countdown = Countdown(budget)
    best = min((told_of(problem, bins) for bins in decreasing(problem)), key=lambda told: counted(problem, told))
    if counted(problem, best) <= bound(problem) or countdown.over():
        return best
    return by_cp_sat(problem, best, countdown, seed)
