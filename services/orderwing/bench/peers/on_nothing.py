"""The work in a bare loop on confluent-kafka: rows in a dictionary and a changelog, all in the same transaction.

`python -m orderwing.bench.peers.on_nothing TASK`, until SIGTERM. Neither poison nor deadlines nor a failed transaction
are seen to: any error ends the process.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from orderwing.bench.peers.work import SESSION_S, TRANSACTION_S, Task, encode, placed, tallied

_CALL_S = 10.0
Row = tuple[int, int]


class Loop:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._changelog = f"{task.name}.changelog"
        self._rows: dict[int, dict[bytes, Row]] = {}  # by partition
        self._common: dict[str, Any] = {"bootstrap.servers": task.bootstrap, "log_level": 0}
        self._reading = {"isolation.level": "read_committed", "enable.auto.commit": False}
        self._consumer = Consumer(
            self._common
            | self._reading
            | {
                "group.id": task.name,
                "session.timeout.ms": int(SESSION_S * 1000),
                "heartbeat.interval.ms": 2000,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        self._producer = Producer(
            self._common
            | {
                "transactional.id": task.name,
                "transaction.timeout.ms": int(TRANSACTION_S * 1000),
                "retry.backoff.ms": 10,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
                "delivery.report.only.error": True,
            }
        )
        # Ends what a killed predecessor left open, so that the changelog can be read to its end.
        self._producer.init_transactions(_CALL_S)

    def run(self, stop: threading.Event) -> None:
        self._consumer.subscribe([self._task.source], on_assign=self._restore)
        limit = int(self._task.commit)
        while not stop.is_set():
            first = self._consumer.poll(0.1)
            if first is not None:
                self._batch([first, *self._consumer.consume(limit - 1, 0)])
        self._consumer.close()

    def _batch(self, messages: Sequence[Message]) -> None:
        produce, target = self._producer.produce, self._task.target
        ends: dict[int, int] = {}
        changed: dict[tuple[int, bytes], Row] = {}
        self._producer.begin_transaction()
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            number, key = message.partition() or 0, _bytes(message.key())
            rows = self._rows[number]
            event = tallied(placed(_bytes(message.value())), *rows.get(key, (0, 0)))
            changed[number, key] = rows[key] = event.orders, event.total_minor
            produce(target, encode(event), key, number)
            ends[number] = (message.offset() or 0) + 1
        for (number, key), row in changed.items():
            produce(self._changelog, json.dumps(row), key, number)
        places = [TopicPartition(self._task.source, number, end) for number, end in ends.items()]
        self._producer.send_offsets_to_transaction(places, self._consumer.consumer_group_metadata(), _CALL_S)
        self._producer.commit_transaction(_CALL_S)

    def _restore(self, _: Consumer, given: list[TopicPartition]) -> None:
        reader = Consumer(self._common | self._reading | {"group.id": "never joined", "enable.partition.eof": True})
        reader.assign([TopicPartition(self._changelog, tp.partition, OFFSET_BEGINNING) for tp in given])
        self._rows = {tp.partition: {} for tp in given}
        left = set(self._rows)
        while left:
            for message in reader.consume(10_000, 0.1):
                number, error = message.partition() or 0, message.error()
                if error is None:
                    orders, total_minor = json.loads(_bytes(message.value()))
                    self._rows[number][_bytes(message.key())] = orders, total_minor
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(number)
                else:
                    raise KafkaException(error)
        reader.close()


def _bytes(value: str | bytes | None) -> bytes:
    assert isinstance(value, bytes)
    return value


def main(task: Task) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Loop(task).run(stop)


if __name__ == "__main__":
    main(Task.of(sys.argv[1]))
