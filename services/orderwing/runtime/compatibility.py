"""Whether records that a schema allows are still allowed, and mean the same, under its successor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def incompatibilities(old: Json, new: Json) -> list[str]:
    """What breaks readers or kept records: removed, retyped or newly required fields, and narrower values."""
    return list(_Comparison(old, new).schema(old, new, "(whole)"))


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old_definitions = old.get("$defs", {})
        self._new_definitions = new.get("$defs", {})
        self._seen: set[tuple[str, str]] = set()

    def schema(self, old: Json, new: Json, at: str) -> Iterator[str]:
        names = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and "$ref" in new:
            if names in self._seen:
                return
            self._seen.add(names)
        old, new = _resolve(old, self._old_definitions), _resolve(new, self._new_definitions)
        if "anyOf" in old or "anyOf" in new or "oneOf" in old or "oneOf" in new:
            yield from self._alternatives(_alternatives(old), _alternatives(new), at)
            return
        if old.get("type") != new.get("type") and not (old.get("type") == "integer" and new.get("type") == "number"):
            yield f"{at}: was {old.get('type', 'any')}, is {new.get('type', 'any')}"
            return
        yield from _values(old, new, at)
        yield from self._properties(old, new, at)
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], f"{at}[]")
        if len(old.get("prefixItems", ())) != len(new.get("prefixItems", ())):
            yield f"{at}: another number of items"
        for n, (before, after) in enumerate(zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)):
            yield from self.schema(before, after, f"{at}[{n}]")

    def _properties(self, old: Json, new: Json, at: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{at}.{name}: removed"
            else:
                yield from self.schema(before[name], after[name], f"{at}.{name}")
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                yield f"{at}.{name}: newly required"

    def _alternatives(self, old: list[Json], new: list[Json], at: str) -> Iterator[str]:
        for before in old:
            seen = set(self._seen)
            problems: list[list[str]] = []
            for after in new:
                self._seen = set(seen)
                problems.append(list(self.schema(before, after, at)))
                if not problems[-1]:
                    break
            else:
                best = min(problems, key=len) if len(old) == len(new) == 1 else []
                yield from best or [f"{at}: {before.get('$ref') or before.get('type')} is allowed no more"]


def _resolve(schema: Json, definitions: Json) -> Json:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _alternatives(schema: Json) -> list[Json]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _values(old: Json, new: Json, at: str) -> Iterator[str]:
    """Constants, enumerations, formats and bounds of one place."""
    if old.get("const") != new.get("const"):
        yield f"{at}: was always {old.get('const')!r}, is {new.get('const')!r}"
    if "enum" in new and (gone := set(old.get("enum", ["any other"])) - set(new["enum"])):
        yield f"{at}: {', '.join(sorted(gone))} allowed no more"
    for word in ("pattern", "format"):
        if word in new and old.get(word) != new[word]:
            yield f"{at}: another {word}"
    for word in _LOWER_BOUNDS:
        if word in new and old.get(word, float("-inf")) < new[word]:
            yield f"{at}: {word} raised"
    for word in _UPPER_BOUNDS:
        if word in new and old.get(word, float("inf")) > new[word]:
            yield f"{at}: {word} lowered"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{at}: other fields allowed no more"
