"""What comes out, as it comes out."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

_TIMEOUT_S = 30.0


class Watch:
    """Follows `topic` in a thread, from its beginning or its `end`. Stamps are milliseconds of the wall clock.

    `committed`: sees a record once its transaction is committed; else as soon as it is appended.
    """

    def __init__(self, bootstrap: str, topic: str, *, committed: bool, end: bool = False) -> None:
        self.seen_ms: dict[str, int] = {}  # by order, when it was first seen here
        self.orders: dict[str, int] = {}  # what was told with it
        self.last_s = 0.0  # monotonic, of the last record
        self.appended_ms: tuple[int, int] | None = None  # the broker's stamps: the first record's, the last one's
        config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "group.id": "watch",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "log_level": 0,
        }
        self._consumer = Consumer(config)
        partitions = self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        begin = OFFSET_END if end else OFFSET_BEGINNING
        self._consumer.assign([TopicPartition(topic, partition, begin) for partition in partitions])
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"watch {topic}", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        return len(self.seen_ms)

    def wait(self, timeout_s: float) -> None:
        """Until something comes."""
        with self._news:
            self._news.wait(timeout_s)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            first = self._consumer.poll(0.1)
            if first is None:
                continue
            now_ms = time.time_ns() // 1_000_000
            for message in (first, *self._consumer.consume(5_000, 0)):
                if message.error() is None:
                    self._take(json.loads(message.value() or b""), message.timestamp()[1], now_ms)
            self.last_s = time.monotonic()
            with self._news:
                self._news.notify_all()

    def _take(self, told: dict[str, Any], stamp_ms: int, now_ms: int) -> None:
        self.seen_ms.setdefault(told["order_id"], now_ms)
        self.orders[told["order_id"]] = told["orders"]
        first, last = self.appended_ms or (stamp_ms, stamp_ms)
        self.appended_ms = min(first, stamp_ms), max(last, stamp_ms)
