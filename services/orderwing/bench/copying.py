"""One link of the bare chain: the least that an exactly-once stage can do.

`python -m orderwing.bench.copying BOOTSTRAP SOURCE TARGET BYTES`: records are copied with their keys, as BYTES bytes.
"""

from __future__ import annotations

import signal
import sys
import threading

from confluent_kafka import Consumer, Producer, TopicPartition

from orderwing.runtime.kafka_client import client_config

_BATCH = 500
_CALL_S = 10.0


def copy(bootstrap: str, source: str, target: str, size: int) -> None:
    """Until SIGTERM, with the runner's client settings."""
    common = client_config(bootstrap)
    consumer = Consumer(
        common
        | {
            "group.id": target,
            "session.timeout.ms": 6000,
            "partition.assignment.strategy": "range",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
            "queued.min.messages": 2000,
        }
    )
    producer = Producer(
        common
        | {
            "transactional.id": target,
            "transaction.timeout.ms": 10_000,
            "retry.backoff.ms": 10,
            "linger.ms": 5,
            "delivery.report.only.error": True,
        }
    )
    producer.init_transactions(_CALL_S)
    consumer.subscribe([source])
    value = b"x" * size
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    while not stop.is_set():
        first = consumer.poll(0.1)
        if first is None:
            continue
        ends: dict[int, int] = {}
        producer.begin_transaction()
        for message in (first, *consumer.consume(_BATCH - 1, 0)):
            if message.error() is None:
                partition = message.partition() or 0
                producer.produce(target, value, message.key(), partition)
                ends[partition] = (message.offset() or 0) + 1
        places = [TopicPartition(source, partition, end) for partition, end in ends.items()]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), _CALL_S)
        producer.commit_transaction(_CALL_S)
    consumer.close()


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
