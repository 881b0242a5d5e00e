"""Records of our topics that are none of ours: whoever may write to the cluster may have written anything there."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from orderwing.audit.facts import DOORS, Fact, History, Violation
from orderwing_schemas.codec import UndecodableError, decode

# What code that takes a record for one of ours meets in one that is not.
MISREAD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def is_foreign(fact: Fact) -> bool:
    """Whether a record outside the doors breaks the contract of the type that it claims."""
    if fact.topic in DOORS:
        return False
    try:
        decode(msgspec.json.encode(fact.value), fact.type)
    except UndecodableError:
        return True
    return False


def without_foreign(history: History) -> tuple[History, tuple[Violation, ...]]:
    """The rest, and a violation for each record left out."""
    foreign = {fact.place for fact in _facts(history) if is_foreign(fact)}
    rest = History(fact for fact in _facts(history) if fact.place not in foreign)
    told = "no event of ours: find out who writes to this topic"
    return rest, tuple(Violation("foreign", place, told) for place in sorted(foreign))


def _facts(history: History) -> Iterator[Fact]:
    for facts in history.by_topic.values():
        yield from facts
