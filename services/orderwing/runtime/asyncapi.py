"""The AsyncAPI 3.0 document: topics as channels, events as messages, what each service sends and receives."""

from __future__ import annotations

import json
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

import orderwing
from orderwing.runtime.topics_admin import wanted_config
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.examples import EXAMPLE_BY_TYPE
from orderwing_schemas.topics import ALL_TOPICS, EVENT_BY_TYPE, STAGES, Topic

Json = dict[str, Any]

_BINDING = "0.5.0"
_OURS = {*STAGES, "payment_gateway", "reoptimizer", "steering", "views", "audit"}
_SCHEMAS = "#/components/schemas/"
_ABOUT = """\
Order management on Apache Kafka, exactly once. Values are plain JSON, CloudEvents 1.0 attributes are headers (Kafka
binary mode), times in milliseconds are domain time, money is integer minor units.

To take part from outside: place orders on `orders.inbound`, follow an order on the topics tagged `public`, read
`shipments.released.v1` and answer on `wms.inbound`, feed `stock.inbound`. Records that break the contract are answered
on `inputs.rejected`. Strangers may add fields; they are ignored. Read with isolation level `read_committed`.
"""


def document() -> Json:
    """The whole document, as plain values."""
    events = list(EVENT_BY_TYPE.values())
    _, definitions = models_json_schema([(event, "validation") for event in events], ref_template=_SCHEMAS + "{model}")
    strangers = {event for topic in ALL_TOPICS if topic.stranger for event in topic.events}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "orderwing",
            "version": orderwing.__version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:9092",
                "protocol": "kafka",
                "description": "The broker that `orderwing servers` starts.",
            }
        },
        "channels": {_slug(topic.name): _channel(topic) for topic in ALL_TOPICS},
        "operations": dict(operation for topic in ALL_TOPICS for operation in _operations(topic)),
        "components": {
            "messages": {event.__name__: _message(event, event in strangers) for event in events},
            "schemas": _plain(definitions["$defs"]),
        },
    }


def as_yaml() -> str:
    """`schemas/asyncapi.yaml`."""
    head = "# Made from schemas/orderwing_schemas by `orderwing schemas generate`: do not edit.\n"
    return head + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True  # anchors are harder to read than repetitions


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _slug(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _channel(topic: Topic) -> Json:
    config = wanted_config(topic)
    settings: Json = {
        "cleanup.policy": [config["cleanup.policy"]],
        "max.message.bytes": int(config["max.message.bytes"]),
    }
    if "retention.ms" in config:
        settings["retention.ms"] = int(config["retention.ms"])
    names = [event.__name__ for event in topic.events]
    return {
        "address": topic.name,
        "description": f"{topic.about} {_placing(topic)}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "tags": [{"name": "public" if topic.public else "internal"}],
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": settings,
                "bindingVersion": _BINDING,
            }
        },
    }


def _placing(topic: Topic) -> str:
    if topic.stranger:
        return f"Key: any, best the {topic.key}."
    if topic.by_region:
        return "Key: the region; partition: the region's place in the network modulo the count of partitions."
    return f"Key: the {topic.key}; partition: murmur2 of the key, as Java clients have it."


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    """What orderwing itself does; shops, warehouses and operators do the opposite."""
    done = [(service, "receive") for service in topic.consumers if service in _OURS]
    if topic.producer in _OURS:
        done.insert(0, (topic.producer, "send"))
    channel = f"#/channels/{_slug(topic.name)}"
    return [
        (
            f"{service}_{action}_{_slug(topic.name)}",
            {
                "action": action,
                "channel": {"$ref": channel},
                "tags": [{"name": service}],
                "messages": [{"$ref": f"{channel}/messages/{event.__name__}"} for event in topic.events],
            },
        )
        for service, action in done
    ]


def _message(event: type[Event], stranger: bool) -> Json:
    example = EXAMPLE_BY_TYPE[event.EVENT_TYPE]
    return {
        "name": event.EVENT_TYPE,
        "title": event.__name__,
        "contentType": "application/json",
        "headers": _headers(event, stranger),
        "payload": {"$ref": f"{_SCHEMAS}{event.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _BINDING}},
        "examples": [{"name": "example", "payload": json.loads(encode(example))}],
    }


def _headers(event: type[Event], stranger: bool) -> Json:
    """CloudEvents attributes. Of a stranger's record, only the type must be there."""
    text = {"type": "string", "minLength": 1}
    required = ["ce_type"] if stranger else ["ce_specversion", "ce_type", "ce_source", "ce_id", "content-type"]
    return {
        "type": "object",
        "required": required,
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"const": event.EVENT_TYPE},
            "ce_source": text,
            "ce_id": text,
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_subject": {**text, "description": "The order that the record concerns."},
            "traceparent": {
                "type": "string",
                "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                "description": "W3C Trace Context. Who answers a record tells its context back, or that of a child.",
            },
            "tracestate": {"type": "string", "maxLength": 512},
            "content-type": {"const": "application/json"},
        },
    }


def _plain(node: Any) -> Any:
    """Without OpenAPI's discriminator, which AsyncAPI writes otherwise; `oneOf` and the constant types say the same."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if not (key == "discriminator" and "oneOf" in node)}
    return [_plain(value) for value in node] if isinstance(node, list) else node
