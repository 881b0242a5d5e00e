"""State machines as tables: (state, happening) -> state. What is not in the table is illegal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)
H = TypeVar("H", bound=StrEnum)

Witness = Callable[[StrEnum, StrEnum], None]
_witnesses: list[Witness] = []


class IllegalTransitionError(RuntimeError):
    """A happening that the state does not allow: a defect, so the record becomes a dead letter."""


def step(table: Mapping[tuple[S, H], S], state: S, happening: H) -> S:
    """The next state. Raises IllegalTransitionError."""
    try:
        following = table[state, happening]
    except KeyError:
        raise IllegalTransitionError(f"{happening} is not allowed in {type(state).__name__} {state}") from None
    for witness in _witnesses:
        witness(state, happening)
    return following


@contextmanager
def witnessed(witness: Witness) -> Iterator[None]:
    """Tell `witness` of every transition meanwhile: how a simulation knows what it has covered."""
    _witnesses.append(witness)
    try:
        yield
    finally:
        _witnesses.remove(witness)
