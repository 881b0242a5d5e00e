"""The files that are made from the code: JSON Schemas, examples, the AsyncAPI document, the list of metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orderwing.runtime import asyncapi, generating, metric_defs
from orderwing.runtime.compatibility import incompatibilities
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import docs as settings_docs
from orderwing_schemas.base import Model
from orderwing_schemas.codec import encode
from orderwing_schemas.examples import EXAMPLE_BY_TYPE
from orderwing_schemas.policy import Policy
from orderwing_schemas.topics import EVENT_BY_TYPE

_JSON, _EXAMPLES = Path("schemas/json"), Path("schemas/examples")
_POLICY = Path("schemas/policy.schema.json")


def schema_of(event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's value."""
    return _schema(event_type, EVENT_BY_TYPE[event_type])


def _schema(name: str, cls: type[Model]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:orderwing:{name}",
        **cls.model_json_schema(),
    }


def generated() -> Mapping[Path, str]:
    """Every file by its path in the repository, always the same for the same code."""
    files = {Path("schemas/asyncapi.yaml"): asyncapi.as_yaml(), Path("docs/metrics.md"): metric_defs.markdown()}
    files[Path(settings_docs.PATH)] = settings_docs.markdown()
    files[_POLICY] = _text(_schema("policy", Policy))
    for event_type in sorted(EVENT_BY_TYPE):
        files[_JSON / f"{event_type}.schema.json"] = _text(schema_of(event_type))
        files[_EXAMPLES / f"{event_type}.json"] = _text(json.loads(encode(EXAMPLE_BY_TYPE[event_type])))
    return files


def stale(root: Path) -> list[Path]:
    """Files that are missing, differ from the code, or belong to no event any more."""
    return generating.stale(root, generated(), _kept(root))


def broken(root: Path) -> list[str]:
    """How the code breaks the schemas that are kept under `root`, an event a line."""
    told = []
    for path in _kept(root):
        if path.parent != root / _JSON:
            continue
        event_type = path.name.removesuffix(".schema.json")
        if event_type not in EVENT_BY_TYPE:
            told.append(f"{event_type}: no topic has it any more")
        elif found := incompatibilities(json.loads(path.read_text("utf-8")), schema_of(event_type)):
            told.append(f"{event_type}: {'; '.join(found)}")
    return told


def write(root: Path, *, allow_breaking: bool = False) -> list[Path]:
    """Bring the files under `root` up to date; what was changed. Raises OperatorError on a breaking change."""
    if not (root / "schemas" / "orderwing_schemas").is_dir():
        raise OperatorError(f"{root.absolute()} is not orderwing's repository: go there, or name it with --root.")
    if not allow_breaking and (found := broken(root)):
        raise OperatorError(
            "Released events are never edited; add a new version instead (or --allow-breaking before a release):\n"
            + "\n".join(found)
        )
    return generating.write(root, generated(), stale(root))


def _kept(root: Path) -> Iterator[Path]:
    for directory in (_JSON, _EXAMPLES):
        yield from sorted((root / directory).glob("*.json"))


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
