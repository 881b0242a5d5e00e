"""The contracts: declared whole, generated files current, released events never edited, the documents valid."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from orderwing.runtime import asyncapi, contracts
from orderwing.runtime.compatibility import incompatibilities
from orderwing.runtime.errors import OperatorError
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.examples import EXAMPLES
from orderwing_schemas.topics import ALL_TOPICS, EVENT_BY_TYPE, STAGES

ROOT = Path(__file__).resolve().parents[2]
ASYNCAPI = Path(__file__).with_name("asyncapi-3.0.0.schema.json")
SERVICES = {*STAGES, "payment_gateway", "reoptimizer", "steering", "views", "audit"}
OUTSIDE = {"shop", "warehouse", "stock_system", "operator"}


def all_events(base: type[Event] = Event) -> set[type[Event]]:
    found = {cls for cls in base.__subclasses__() if cls.__module__.startswith("orderwing_schemas.")}
    return found.union(*(all_events(cls) for cls in found))


def test_generated_files_are_current() -> None:
    assert contracts.stale(ROOT) == [], "run `orderwing schemas generate`"


def test_no_released_event_is_edited_incompatibly() -> None:
    assert contracts.broken(ROOT) == []


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.EVENT_TYPE)
def test_every_example_round_trips_and_fits_its_schema(event: Event) -> None:
    value = encode(event)
    assert decode(value, event.EVENT_TYPE) == event
    jsonschema.Draft202012Validator(contracts.schema_of(event.EVENT_TYPE)).validate(json.loads(value))
    extended = {**json.loads(value), "a_field_that_a_stranger_adds": 1}
    assert decode(json.dumps(extended).encode(), event.EVENT_TYPE, lenient=True) == event


def test_every_event_is_on_a_topic_and_has_one_example() -> None:
    assert all_events() == set(EVENT_BY_TYPE.values())
    assert sorted(event.EVENT_TYPE for event in EXAMPLES) == sorted(EVENT_BY_TYPE)


def test_no_topic_is_an_orphan() -> None:
    assert len({topic.name for topic in ALL_TOPICS}) == len(ALL_TOPICS)
    for topic in ALL_TOPICS:
        assert topic.producer in SERVICES | OUTSIDE, topic.name
        assert topic.consumers, topic.name
        assert set(topic.consumers) <= SERVICES | OUTSIDE, topic.name
        assert topic.events or topic.name.endswith(".changelog"), topic.name
        assert topic.stranger == (topic.producer in OUTSIDE and "gate" in topic.consumers and topic.public), topic.name


@pytest.mark.parametrize("topic", [t for t in ALL_TOPICS if t.events], ids=lambda topic: topic.name)
def test_every_event_has_the_key_of_its_topics(topic: Any) -> None:
    for event in EXAMPLES:
        if type(event) in topic.events:
            assert topic.key_of(event)


def test_an_event_type_names_one_class_and_its_version() -> None:
    for event_type, cls in EVENT_BY_TYPE.items():
        assert event_type == cls.EVENT_TYPE
        assert event_type.rpartition(".v")[2].isdigit()


# --- AsyncAPI --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text("utf-8"))
    return loaded


def test_the_asyncapi_document_is_valid(document: dict[str, Any]) -> None:
    validator = jsonschema.Draft7Validator(json.loads(ASYNCAPI.read_text("utf-8")))
    assert [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(document)] == []
    assert document == asyncapi.document()


def test_the_validation_can_fail(document: dict[str, Any]) -> None:
    validator = jsonschema.Draft7Validator(json.loads(ASYNCAPI.read_text("utf-8")))
    broken = deepcopy(document)
    next(iter(broken["operations"].values()))["action"] = "shout"
    assert list(validator.iter_errors(broken))


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = references(document)
    assert len(found) > 100
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_document_tells_all_topics_and_who_does_what(document: dict[str, Any]) -> None:
    channels = {channel["address"]: channel for channel in document["channels"].values()}
    assert set(channels) == {topic.name for topic in ALL_TOPICS}
    for topic in ALL_TOPICS:
        assert channels[topic.name]["bindings"]["kafka"]["partitions"] == topic.partitions
    actions = {(o["tags"][0]["name"], o["action"], o["channel"]["$ref"]) for o in document["operations"].values()}
    assert ("gate", "receive", "#/channels/orders_inbound") in actions
    assert ("gate", "send", "#/channels/orders_placed") in actions
    assert ("dispatch", "send", "#/channels/shipments_released_v1") in actions
    assert ("warehouse", "receive", "#/channels/shipments_released_v1") not in actions


def test_examples_fit_the_payloads_of_the_document(document: dict[str, Any]) -> None:
    for name, message in document["components"]["messages"].items():
        schema = {**message["payload"], "components": document["components"]}
        for example in message["examples"]:
            jsonschema.Draft202012Validator(schema).validate(example["payload"])
        assert EVENT_BY_TYPE[message["name"]].__name__ == name


# --- Compatibility ---------------------------------------------------------------------------------------------------

OLD: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "string", "maxLength": 64},
        "state": {"enum": ["open", "done"], "type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Line"}},
        "kind": {"const": "a", "type": "string"},
    },
    "$defs": {
        "Line": {
            "type": "object",
            "required": ["quantity"],
            "properties": {"quantity": {"type": "integer", "minimum": 1}},
        }
    },
}
Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> dict[str, Any]:
    schema = deepcopy(OLD)
    edit(schema)
    return schema


BREAKING: dict[str, tuple[Edit, str]] = {
    "removed": (lambda s: s["properties"].pop("state"), r"\(whole\)\.state: removed"),
    "retyped": (lambda s: s["properties"]["id"].update(type="integer"), r"\.id: was string, is integer"),
    "newly required": (lambda s: s["required"].append("state"), r"\.state: newly required"),
    "new and required": (
        lambda s: (s["properties"].update(x={"type": "string"}), s["required"].append("x")),
        r"\.x: newly required",
    ),
    "deep": (
        lambda s: s["$defs"]["Line"]["properties"]["quantity"].update(type="string"),
        r"\.lines\[\]\.quantity: was integer, is string",
    ),
    "shorter": (lambda s: s["properties"]["id"].update(maxLength=10), r"\.id: maxLength lowered"),
    "bounded": (lambda s: s["$defs"]["Line"]["properties"]["quantity"].update(maximum=5), r"quantity: maximum lowered"),
    "fewer words": (lambda s: s["properties"]["state"].update(enum=["open"]), r"\.state: done allowed no more"),
    "not null": (lambda s: s["properties"].update(note={"type": "string"}), r"\.note: null is allowed no more"),
    "another constant": (lambda s: s["properties"]["kind"].update(const="b"), r"\.kind: was always 'a', is 'b'"),
    "a pattern": (lambda s: s["properties"]["id"].update(pattern="^x"), r"\.id: another pattern"),
}
HARMLESS: dict[str, Edit] = {
    "nothing": lambda s: None,
    "a new optional field": lambda s: s["properties"].update(x={"type": "string"}),
    "required no more": lambda s: s["required"].remove("lines"),
    "longer": lambda s: s["properties"]["id"].update(maxLength=100),
    "one more word": lambda s: s["properties"]["state"]["enum"].append("lost"),
    "nullable": lambda s: s["properties"].update(id={"anyOf": [{"type": "string", "maxLength": 64}, {"type": "null"}]}),
    "a renamed definition": lambda s: (
        s["$defs"].update(Item=s["$defs"].pop("Line")),
        s["properties"]["lines"].update(items={"$ref": "#/$defs/Item"}),
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_found(name: str) -> None:
    edit, told = BREAKING[name]
    (found,) = incompatibilities(OLD, edited(edit))
    assert re.search(told, found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_is_not(name: str) -> None:
    assert incompatibilities(OLD, edited(HARMLESS[name])) == []


def test_generate_refuses_to_edit_a_released_event(tmp_path: Path) -> None:
    (tmp_path / "schemas" / "orderwing_schemas").mkdir(parents=True)
    assert len(contracts.write(tmp_path)) == len(contracts.generated())
    assert contracts.write(tmp_path) == []
    kept = tmp_path / "schemas/json/order.placed.v1.schema.json"
    released = json.loads(kept.read_text("utf-8"))
    released["properties"]["a_field_that_is_gone"] = {"type": "string"}
    kept.write_text(json.dumps(released), "utf-8")
    (tmp_path / "schemas/examples/gone.v1.json").write_text("{}", "utf-8")
    with pytest.raises(OperatorError, match=r"order\.placed\.v1: \(whole\)\.a_field_that_is_gone: removed"):
        contracts.write(tmp_path)
    assert json.loads(kept.read_text("utf-8")) == released, "nothing was written"
    assert set(contracts.write(tmp_path, allow_breaking=True)) == {
        Path("schemas/json/order.placed.v1.schema.json"),
        Path("schemas/examples/gone.v1.json"),
    }
    assert contracts.stale(tmp_path) == []
