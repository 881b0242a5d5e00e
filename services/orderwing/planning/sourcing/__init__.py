"""Which sites ship which lines: `quick` for the hot path; `problem`, `plan` and `engine` weigh every option exactly."""

from orderwing.planning.sourcing.quick import (
    LOSERS,
    Asked,
    Atp,
    Choice,
    Line,
    Pick,
    Rest,
    Steering,
    quick_choice,
    verify,
)

__all__ = [
    "LOSERS",
    "Asked",
    "Atp",
    "Choice",
    "Line",
    "Pick",
    "Rest",
    "Steering",
    "quick_choice",
    "verify",
]
