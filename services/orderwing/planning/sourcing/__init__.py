"""Which sites ship which lines: `quick` for the hot path; `problem`, `plan` and `engine` weigh every option exactly."""

from orderwing.planning.sourcing.quick import (
    EXACT_SITES,
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
    "EXACT_SITES",
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
