"""Stops: deliveries that one halt of a van can serve, by door, building and side of the street."""

from orderwing.planning.stops.ids import door_of, stop_id
from orderwing.planning.stops.plan import Group, Plan, plan
from orderwing.planning.stops.problem import (
    LEVELS,
    MOST_PARCELS,
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
    "MOST_PARCELS",
    "Delivery",
    "Drop",
    "Group",
    "Handling",
    "Level",
    "Plan",
    "Problem",
    "ProblemError",
    "door_of",
    "plan",
    "problem_of",
    "stop_id",
    "verify",
]
