"""Stops: deliveries that one halt of a van can serve, by door, building and side of the street."""

from orderwing.planning.stops.plan import Group, Plan, plan
from orderwing.planning.stops.problem import (
    LEVELS,
    Delivery,
    Drop,
    Handling,
    Level,
    Problem,
    ProblemError,
    problem_of,
)
from orderwing.planning.stops.verify import verify

__all__ = [
    "LEVELS",
    "Delivery",
    "Drop",
    "Group",
    "Handling",
    "Level",
    "Plan",
    "Problem",
    "ProblemError",
    "plan",
    "problem_of",
    "verify",
]
