"""What differs between two versions of a policy: strategies by name, everything else by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orderwing_schemas.policy import Policy, Strategy


class Difference(NamedTuple):
    """`before` and `after` are JSON values; None for what is not there."""

    field: str
    before: Any
    after: Any


def differences(old: Policy, new: Policy) -> list[Difference]:
    return list(_differences(old, new))


def _differences(old: Policy, new: Policy) -> Iterator[Difference]:
    for field in ("policy", "version", "currency"):
        yield from _between(field, getattr(old, field), getattr(new, field))
    before, after = {one.name: one for one in old.strategies}, {one.name: one for one in new.strategies}
    for name in dict.fromkeys([*before, *after]):
        ours = _plain(before[name]) if name in before else None
        theirs = _plain(after[name]) if name in after else None
        yield from _between(f"strategies[{name}]", ours, theirs)
    both = [name for name in before if name in after]
    turned = [name for name in after if name in before]
    if both != turned:
        yield Difference("order of strategies", both, turned)


def _plain(strategy: Strategy) -> dict[str, Any]:
    return strategy.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)


def _between(field: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _between(f"{field}.{name}", before.get(name), after.get(name))
    elif before != after:
        yield Difference(field, before, after)
