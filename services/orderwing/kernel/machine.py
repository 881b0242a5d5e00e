"""State machines as tables: (state, happening) -> state. What is not in the table is illegal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)
H = TypeVar("H", bound=StrEnum)


class IllegalTransitionError(RuntimeError):
    """A happening that the state does not allow: a defect, so the record becomes a dead letter."""


def step(table: Mapping[tuple[S, H], S], state: S, happening: H) -> S:
    """The next state. Raises IllegalTransitionError."""
    try:
        return table[state, happening]
    except KeyError:
        raise IllegalTransitionError(f"{happening} is not allowed in {type(state).__name__} {state}") from None
