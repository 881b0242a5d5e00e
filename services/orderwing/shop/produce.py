"""Sends records to a broker as any shop would: plain Kafka client, CloudEvents headers, no code of the stages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from orderwing.runtime.kafka_client import Cluster, client_config
from orderwing.shop.feed import TimedRecord

_DELIVERY_TIMEOUT_MS = 120_000  # a broker that restarts within it loses nothing


@dataclass
class Tally:
    """`sent` were handed to the client; each ends `acknowledged` or `failed`. `first_error` says why, if any."""

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    first_error: str = ""

    def fail(self, error: KafkaError) -> None:
        self.failed += 1
        self.first_error = self.first_error or error.str()


@dataclass
class ShopProducer:
    """One idempotent producer. `tally` may be read while it works; `copied` hears of each record before it is sent."""

    bootstrap: Cluster
    copied: Callable[[TimedRecord], None] = lambda _: None
    tally: Tally = field(default_factory=Tally)
    _producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self._producer = Producer(
            {
                **client_config(self.bootstrap),
                "client.id": "shop",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "delivery.timeout.ms": _DELIVERY_TIMEOUT_MS,
                "log_level": 2,  # a broker that is away is told in `first_error`
            }
        )

    def send_all(self, records: Iterable[TimedRecord], told: Callable[[int], None] = lambda _: None) -> None:
        """Send without pacing and wait until each is answered; `told` hears how many were sent."""
        for record in records:
            self._send(record)
            told(self.tally.sent)
        self.flush()

    def play(self, records: Iterable[TimedRecord], stop: threading.Event) -> None:
        """Send each record at its offset from now, until they end or `stop` is set; then wait for the answers."""
        started = time.monotonic()
        for record in records:
            while (wait_s := started + record.offset_ms / 1000 - time.monotonic()) > 0 and not stop.is_set():
                self._producer.poll(0)
                stop.wait(min(wait_s, 0.2))
            if stop.is_set():
                break
            self._send(record)
        self.flush()

    def flush(self) -> None:
        """Wait until every record is acknowledged or has failed."""
        self._producer.flush(_DELIVERY_TIMEOUT_MS / 1000 + 5)

    def _send(self, record: TimedRecord) -> None:
        self.copied(record)
        self.tally.sent += 1
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key or None,
                    headers=list(record.headers),
                    on_delivery=self._delivered,
                )
            except BufferError:  # the client's queue is full: let it send
                self._producer.poll(0.1)
                continue
            except KafkaException as error:  # too large, say
                self.tally.fail(error.args[0])
            break
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.tally.acknowledged += 1
        else:
            self.tally.fail(error)
