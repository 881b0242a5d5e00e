"""Telling payment_hold what the provider answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from orderwing.gateways.envelope import NAME, answer_headers
from orderwing.runtime.kafka_client import client_config
from orderwing.runtime.settings import Settings
from orderwing_schemas.codec import encode
from orderwing_schemas.events.payments import PaymentAnswered
from orderwing_schemas.topics import PAYMENTS_ANSWERED


class Answers:
    """Each is sent until the broker has it. `failed` hears of what can never be sent. Call `poll` now and then."""

    def __init__(self, settings: Settings, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._producer = Producer(
            {
                **client_config(settings.kafka),
                "client.id": f"{NAME}-{settings.runtime.instance}",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 5,  # a request costs the broker the same for one answer or for ten
                "partitioner": "murmur2",  # as every other record's of ours
                "message.timeout.ms": 0,  # for ever: only the broker's word finishes a request
            }
        )

    def send(self, answer: PaymentAnswered, trace: Sequence[tuple[str, bytes]], delivered: Callable[[], None]) -> bool:
        """Whether there was room; `delivered` is called, inside `poll`, once the broker has it."""

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._failed(KafkaException(error))
            else:
                delivered()

        try:
            self._producer.produce(
                PAYMENTS_ANSWERED.name,
                key=answer.order_id.encode(),
                value=encode(answer),
                headers=list(answer_headers(answer, trace)),
                on_delivery=on_delivery,
            )
        except BufferError:  # the broker is slower than the provider
            self.poll()
            return False
        return True

    def poll(self) -> None:
        self._producer.poll(0)

    def flush(self, timeout_s: float) -> None:
        self._producer.flush(timeout_s)
