"""A policy file, YAML or JSON, with the line of every field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from orderwing_schemas.policy import Policy

Path = tuple[str | int, ...]
MOST_VALUES = 100_000
MOST_DEPTH = 20
MOST_INT = 1 << 63
SHOWN = 5


class Fault(NamedTuple):
    """What is wrong at a place in the file."""

    path: Path
    sentence: str


class PolicyError(ValueError):
    """A policy cannot be used. The message names each place in the file; `faults` are they."""

    def __init__(self, name: str, faults: Iterable[Fault], lines: Mapping[Path, int]) -> None:
        self.faults = tuple(faults)
        told = [_told(fault, lines) for fault in self.faults[:SHOWN]]
        more = f" (and {len(self.faults) - SHOWN} more)" if len(self.faults) > SHOWN else ""
        super().__init__(f"{name} is no usable policy: {'; '.join(told)}{more}.")


class Parsed(NamedTuple):
    """`name` is how errors call the file; `lines` count from 1."""

    name: str
    policy: Policy
    lines: Mapping[Path, int]


def parse(name: str, text: str) -> Parsed:
    """Raises PolicyError."""
    lines: dict[Path, int] = {}
    try:
        if name.endswith(".json"):
            text = text.expandtabs()  # which YAML does not take, and JSON has only between values
        node = _composed(text)
    except yaml.YAMLError as error:
        raise PolicyError(name, [Fault((), _broken(error))], lines) from None
    except RecursionError:
        raise PolicyError(name, [Fault((), "it is nested too deep")], lines) from None
    if node is None:
        raise PolicyError(name, [Fault((), "the file is empty: name policy, version and currency")], lines)
    reader = _Reader(lines)
    value = reader.value(node, ())
    if reader.faults:
        raise PolicyError(name, reader.faults, lines)
    try:
        return Parsed(name, Policy.model_validate_json(json.dumps(value)), lines)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        faults = [Fault(_known(one["loc"], one["type"], lines), _sentence(one["type"], one["msg"])) for one in found]
        raise PolicyError(name, dict.fromkeys(faults), lines) from None


def _composed(text: str) -> yaml.Node | None:
    """Raises YAMLError."""
    loader = yaml.SafeLoader(text)
    try:
        return loader.get_single_node()
    except (ValueError, OverflowError):  # of an escape beyond the last character there is
        sentence = "an escape names a character that there is not"
        raise yaml.MarkedYAMLError(problem=sentence, problem_mark=loader.get_mark()) from None
    finally:
        loader.dispose()


class _Reader:
    """Plain values of a YAML document; `faults` are what JSON could not say."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self.faults: list[Fault] = []
        self._lines = lines
        self._count = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        if self._count > MOST_VALUES or len(path) > MOST_DEPTH:  # of an alias of itself, say
            if not self.faults:
                self.faults.append(Fault(path[:4], "is nested too deep, or repeats itself"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, place)) for place, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, child in node.value:
            key = key_node.value
            if not isinstance(key, str) or not key_node.tag.endswith((":str", ":bool", ":int")) or not _whole(key):
                self.faults.append(Fault(path, f"a field's name on line {key_node.start_mark.line + 1} is no word"))
                continue
            self._lines.setdefault((*path, key), key_node.start_mark.line + 1)
            if key in found:
                line = key_node.start_mark.line + 1
                self.faults.append(Fault((*path, key), f"is given twice, again on line {line}"))
            found[key] = self.value(child, (*path, key))
        return found

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value = self._constructor.construct_object(node)
        except _UNREADABLE:
            value = ...
        if isinstance(value, str) and not _whole(value):
            self.faults.append(Fault(path, "holds half a character, a surrogate without its other half"))
            return None
        if value is None or isinstance(value, bool | str) or (isinstance(value, int) and abs(value) < MOST_INT):
            return value
        if isinstance(value, float) and isfinite(value):
            return value
        self.faults.append(Fault(path, f"{str(node.value)[:40]!r} is neither text nor a number"))
        return None


# What the constructor raises for a value that is not of its tag.
_UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, yaml.YAMLError)


def _whole(text: str) -> bool:
    """Surrogates come in pairs, as JSON escapes them, or not at all."""
    try:
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return True


def told_path(path: Path) -> str:
    return ".".join(map(str, path)) or "the whole"


def _told(fault: Fault, lines: Mapping[Path, int]) -> str:
    line = lines.get(fault.path) or lines.get(fault.path[:-1] or fault.path)
    return f"{told_path(fault.path)}{f' (line {line})' if line and fault.path else ''}: {fault.sentence}"


def _known(location: Path, kind: str, lines: Mapping[Path, int]) -> Path:
    """The place in the file: pydantic's, without the names of alternatives."""
    path: Path = ()
    for part in location:
        if (*path, part) in lines:
            path = (*path, part)
    return (*path, location[-1]) if kind == "missing" else path


def _sentence(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such field"
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _broken(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"it is not YAML at line {error.problem_mark.line + 1}: {error.problem}"
    return "it is not YAML"
