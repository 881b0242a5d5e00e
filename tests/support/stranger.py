"""A stranger to the product: plain confluent-kafka and JSON, and the AsyncAPI document to know what to say where."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from confluent_kafka import Consumer, Producer

DOCUMENT = Path(__file__).resolve().parents[2] / "schemas" / "asyncapi.yaml"


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    return found


def _message(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _document()["components"]["messages"][name]
    return found


def address_of(message: str) -> str:
    """Of the public channel that carries a message."""
    for channel in _document()["channels"].values():
        public = any(tag["name"] == "public" for tag in channel.get("tags", ()))
        if public and message in channel["messages"]:
            return str(channel["address"])
    raise LookupError(f"no public channel carries {message}")


def example_of(message: str) -> dict[str, Any]:
    return deepcopy(dict(_message(message)["examples"][0]["payload"]))


class Stranger:
    """`close` it."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._consumers: list[Consumer] = []

    def close(self) -> None:
        self._producer.flush(60)
        for consumer in self._consumers:
            consumer.close()

    def send(self, message: str, value: dict[str, Any], key: str) -> None:
        """With the headers that the document requires, and no other."""
        headers = _message(message)["headers"]
        told: list[tuple[str, str | bytes | None]] = [
            (name, str(headers["properties"][name]["const"]).encode()) for name in headers["required"]
        ]
        self._producer.produce(address_of(message), json.dumps(value).encode(), key.encode(), headers=told)
        self._producer.flush(60)

    def listen(self, message: str) -> Consumer:
        """From the beginning of the message's channel."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": f"stranger-{uuid4()}",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([address_of(message)])
        self._consumers.append(consumer)
        return consumer


def heard(consumer: Consumer, deadline_s: float = 120.0, **wanted: object) -> dict[str, Any]:
    """The first value whose fields are as wanted. Raises TimeoutError."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        message = consumer.poll(0.5)
        if message is None or message.error() is not None:
            continue
        value: dict[str, Any] = json.loads(message.value() or b"{}")
        if all(value.get(name) == expected for name, expected in wanted.items()):
            return value
    raise TimeoutError(f"nobody said {wanted} within {deadline_s:g} s")
