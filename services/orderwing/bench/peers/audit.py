"""What went in against what came out, read from the log by a program that shares no code with what it counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Losses:
    """Of `orders` in, `lost` never came out, `doubled` came out so many times too often; `wrong` told another row."""

    orders: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0

    @property
    def none(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def losses(bootstrap: str, source: str, target: str) -> Losses:
    """Only what is committed counts. Rows are followed from the beginning of `source`."""
    spent: dict[str, tuple[int, int]] = {}
    expected: dict[str, tuple[str, int, int]] = {}
    for order in _values(bootstrap, source):
        customer = order["customer_id"]
        count, total = spent.get(customer, (0, 0))
        total += sum(line["unit_price_minor"] * line["quantity"] for line in order["lines"])
        spent[customer] = count + 1, total
        expected[order["order_id"]] = customer, count + 1, total
    came: Counter[str] = Counter()
    wrong = 0
    for told in _values(bootstrap, target):
        came[told["order_id"]] += 1
        wrong += expected.get(told["order_id"]) != (told["customer_id"], told["orders"], told["total_minor"])
    return Losses(len(expected), len(expected.keys() - came.keys()), came.total() - len(came), wrong)


def _values(bootstrap: str, topic: str) -> Iterator[dict[str, Any]]:
    config: dict[str, Any] = {"bootstrap.servers": bootstrap, "group.id": "audit", "log_level": 0}
    reading = {"isolation.level": "read_committed", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(config | reading)
    try:
        left = set(consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
        while left:
            for message in consumer.consume(5_000, 0.2):
                error = message.error()
                if error is None:
                    yield json.loads(message.value() or b"")
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition() or 0)
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
