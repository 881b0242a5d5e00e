"""The payment requests of this instance's partitions: fetched, accounted for, committed once they are answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from orderwing.gateways.envelope import NAME
from orderwing.gateways.offsets import OpenOffsets
from orderwing.kernel.decision import RecordCause
from orderwing.runtime import metric_defs as defs
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.health import process_health
from orderwing.runtime.kafka_client import client_config
from orderwing.runtime.logs import get_logger
from orderwing.runtime.metrics import Metrics
from orderwing.runtime.settings import Settings
from orderwing.runtime.trace_context import origin
from orderwing.runtime.tracing import Tracer
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.codec import UndecodableError, decode, header_map
from orderwing_schemas.events.payments import PaymentRequested
from orderwing_schemas.topics import PAYMENTS_REQUESTED

COMMIT_EVERY_S = 0.2

_log = get_logger("orderwing.payment_gateway")


class Asked(NamedTuple):
    """A request, and where its offset is accounted for. `began_s` by `time.perf_counter`."""

    request: PaymentRequested
    offset: int
    open_offsets: OpenOffsets
    began_s: float
    trace: list[tuple[str, bytes]]  # W3C headers, as its answer carries them on
    span: DecisionSpan | None

    def finish(self) -> None:
        """Its answer is with the broker."""
        self.open_offsets.finish(self.offset)


class Requests:
    """What it gives out may be finished in any order."""

    def __init__(self, settings: Settings, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._open: dict[int, OpenOffsets] = {}
        self._committed: dict[int, int] = {}
        self._commit_at_s = 0.0
        self._paused: list[TopicPartition] = []
        self._consumer = Consumer(
            {
                **client_config(settings.kafka),
                "group.id": NAME,
                "client.id": f"{NAME}-{settings.runtime.instance}",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": settings.kafka.session_timeout_ms,
            }
        )

    def subscribe(self) -> None:
        self._consumer.subscribe(
            [PAYMENTS_REQUESTED.name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def fetch(self, room: int, wait_s: float) -> list[Asked]:
        """Up to `room` requests, the first within `wait_s`; with no room only heartbeats and rebalances."""
        if time.monotonic() >= self._commit_at_s:
            self._commit(wait=False)
            self._measure_lag()
            self._commit_at_s = time.monotonic() + COMMIT_EVERY_S
        self._pause(room <= 0)
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        asked = [self._asked(first)]  # accounted for before `consume`, in which a rebalance may happen
        asked.extend(self._asked(message) for message in (self._consumer.consume(room - 1, 0) if room > 1 else ()))
        return [one for one in asked if one is not None]

    def close(self) -> None:
        self._commit(wait=True)
        self._consumer.close()

    def _pause(self, wanted: bool, /) -> None:
        """Seldom: what the client has fetched is fetched again afterwards."""
        if wanted and not self._paused:
            self._paused = self._consumer.assignment()
            self._consumer.pause(self._paused)
        elif self._paused and not wanted:
            self._consumer.resume([place for place in self._consumer.assignment() if place in self._paused])
            self._paused = []

    # --- assignment ------------------------------------------------------------------------------------------------

    def _assigned(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for place in partitions:
            self._open[place.partition] = OpenOffsets()
            self._committed.pop(place.partition, None)
        process_health().set(True)
        self._metrics.set(defs.READY, 1)
        _log.info("assigned", partitions=[place.partition for place in partitions])

    def _revoked(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._commit(wait=True)
        self._lost(_, partitions)

    def _lost(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._pause(False)  # it would last until they come back
        for place in partitions:
            self._open.pop(place.partition, None)

    # --- records ---------------------------------------------------------------------------------------------------

    def _asked(self, message: Message) -> Asked | None:
        if (error := message.error()) is not None:
            if error.fatal():
                raise KafkaException(error)
            _log.warning("broker", reason=error.name())
            return None
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        headers: Any = message.headers()
        named = header_map(headers)
        try:
            request = decode(message.value(), named.get("ce_type"))
        except UndecodableError as error_:
            raise OperatorError(
                f"{PAYMENTS_REQUESTED.name}/{partition}@{offset} is not understood ({error_}): "
                "update this service before payment_hold."
            ) from None
        assert isinstance(request, PaymentRequested)
        open_offsets = self._open.get(partition)
        if open_offsets is None:  # taken away meanwhile: its new owner asks
            return None
        open_offsets.start(offset)
        trace, span = self._trace(headers, partition, offset)
        return Asked(request, offset, open_offsets, time.perf_counter(), trace, span)

    def _trace(self, headers: Any, partition: int, offset: int) -> tuple[list[tuple[str, bytes]], DecisionSpan | None]:
        """How the request's trace goes on: with a span of its own where spans are exported."""
        told = origin(headers or ())
        if self._tracer is None:
            return [] if told.context is None else told.context.headers(), None
        cause = RecordCause(PAYMENTS_REQUESTED.name, partition, offset)
        span = DecisionSpan(self._tracer, "record", cause, partition, None, told)
        return span.lead_to().headers(), span

    # --- positions -------------------------------------------------------------------------------------------------

    def _commit(self, *, wait: bool) -> None:
        reached = {p: at for p, offsets in self._open.items() if (at := offsets.position()) is not None}
        new = {p: at for p, at in reached.items() if self._committed.get(p) != at}
        if not new:
            return
        places = [TopicPartition(PAYMENTS_REQUESTED.name, p, at) for p, at in new.items()]
        try:
            if wait:
                self._consumer.commit(offsets=places, asynchronous=False)
            else:
                self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:  # asked again later, at worst twice
            _log.warning("commit", reason=error.args[0].name())
            return
        self._committed.update(new)

    def _measure_lag(self) -> None:
        """From what the client has cached; the broker is not asked."""
        for place in self._consumer.position([TopicPartition(PAYMENTS_REQUESTED.name, p) for p in self._open]):
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if place.offset >= 0 and end >= 0:
                lag = max(0, end - place.offset)
                self._metrics.set(defs.INPUT_LAG, lag, PAYMENTS_REQUESTED.name, str(place.partition))
