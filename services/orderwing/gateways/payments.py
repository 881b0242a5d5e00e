"""The payment gateway: requests from Kafka, many calls in flight, answers as they come.

A request's offset is committed once its answer is acknowledged, and only up to the lowest one still open: whatever
kills this process, every request is asked at least once more. The provider keeps answers by idempotency key and
payment_hold takes a second one as a no-op, so nothing is charged twice.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import aiohttp
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from orderwing.gateways.offsets import OpenOffsets
from orderwing.gateways.provider import Patience, Provider, address_of
from orderwing.kernel.decision import RecordCause
from orderwing.runtime import metric_defs as defs
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.health import process_health
from orderwing.runtime.kafka_client import client_config
from orderwing.runtime.logs import concerning, get_logger
from orderwing.runtime.metrics import Metrics, process_metrics
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.settings import Settings
from orderwing.runtime.trace_context import origin
from orderwing.runtime.tracing import Tracer, tracing
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.codec import UndecodableError, decode, encode, header_map
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested
from orderwing_schemas.topics import PAYMENTS_ANSWERED, PAYMENTS_REQUESTED

NAME = "payment_gateway"
IN_FLIGHT = 512
POLL_S = 0.05
COMMIT_EVERY_S = 0.2
GRACE_S = 2.0  # for calls under way when asked to stop; what is not answered then is asked again later

_log = get_logger("orderwing.payment_gateway")


@dataclass(frozen=True)
class Asked:
    """A request, and where its offset is accounted for."""

    request: PaymentRequested
    offset: int
    open_offsets: OpenOffsets
    trace: list[tuple[str, bytes]]  # W3C headers, as its answer carries them on
    span: DecisionSpan | None = None

    @property
    def traceparent(self) -> str | None:
        return next((value.decode() for name, value in self.trace if name == "traceparent"), None)


class Gateway:
    """The consumer is used by one thread alone, `fetch`'s; everything else runs in the event loop."""

    def __init__(self, settings: Settings, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._open: dict[int, OpenOffsets] = {}
        self._committed: dict[int, int] = {}
        self._commit_at_s = 0.0
        self._calls: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
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
        self._producer = Producer(
            {
                **client_config(settings.kafka),
                "client.id": f"{NAME}-{settings.runtime.instance}",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 5,  # a request costs the broker the same for one answer or for ten
                "message.timeout.ms": 0,  # for ever: only the broker's word finishes a request
            }
        )

    async def run(self, provider: Provider, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="kafka") as thread:
            await loop.run_in_executor(thread, self._subscribe)
            try:
                while not stop.is_set():
                    if len(self._calls) >= IN_FLIGHT:
                        await asyncio.wait(self._calls, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                    fetched = await loop.run_in_executor(thread, self._fetch, IN_FLIGHT - len(self._calls))
                    for asked in fetched:
                        self._start(provider, asked)
                    self._metrics.add(defs.RECORDS_IN, len(fetched))
                    self._metrics.set(defs.PROVIDER_IN_FLIGHT, len(self._calls))
                    self._producer.poll(0)
                    if self._failure is not None:
                        raise self._failure
                if self._calls:
                    await asyncio.wait(self._calls, timeout=GRACE_S)
            finally:
                for call in self._calls:
                    call.cancel()
                await loop.run_in_executor(thread, self._producer.flush, GRACE_S)
                await loop.run_in_executor(thread, self._close)

    def _start(self, provider: Provider, asked: Asked) -> None:
        call = asyncio.create_task(self._answer(provider, asked))
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        if not call.cancelled() and (error := call.exception()) is not None:
            self._failure = error

    async def _answer(self, provider: Provider, asked: Asked) -> None:
        began_s = time.perf_counter()
        answer = await provider.ask(asked.request, asked.trace)
        self._metrics.observe(defs.PROVIDER_SECONDS, time.perf_counter() - began_s, answer.outcome.value)
        if answer.outcome is Outcome.FAILED:
            with concerning(answer.order_id, asked.traceparent):
                _log.warning("provider gave no answer", purpose=answer.purpose, reason=answer.reason)
        while True:
            try:
                self._produce(asked, answer)
                return
            except BufferError:  # the broker is slower than the provider
                self._producer.poll(0)
                await asyncio.sleep(POLL_S)

    def _produce(self, asked: Asked, answer: PaymentAnswered) -> None:
        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._failure = KafkaException(error)
            else:
                asked.open_offsets.finish(asked.offset)
                if self._tracer is not None and asked.span is not None:
                    asked.span.done(answer.outcome.value, attempts=answer.attempts)
                    self._tracer.export([asked.span])
                self._metrics.add(defs.RECORDS_OUT, 1, PAYMENTS_ANSWERED.name)

        self._producer.produce(
            PAYMENTS_ANSWERED.name,
            key=answer.order_id.encode(),
            value=encode(answer),
            partition=key_partition(answer.order_id, PAYMENTS_ANSWERED.partitions),
            headers=answer_headers(answer, asked.trace),
            on_delivery=delivered,
        )

    # --- In the consumer's thread ------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            [PAYMENTS_REQUESTED.name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

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
        for place in partitions:
            self._open.pop(place.partition, None)

    def _fetch(self, room: int) -> list[Asked]:
        """Up to `room` requests; with no room only heartbeats and rebalances."""
        if time.monotonic() >= self._commit_at_s:
            self._commit(wait=False)
            self._measure_lag()
            self._commit_at_s = time.monotonic() + COMMIT_EVERY_S
        held = self._consumer.assignment() if room <= 0 else []
        if held:
            self._consumer.pause(held)
        first = self._consumer.poll(POLL_S)
        if held:
            self._consumer.resume([place for place in self._consumer.assignment() if place in held])
        if first is None:
            return []
        asked = [self._asked(first)]  # accounted for before `consume`, in which a rebalance may happen
        asked.extend(self._asked(message) for message in (self._consumer.consume(room - 1, 0) if room > 1 else ()))
        return [one for one in asked if one is not None]

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
        return self._traced(Asked(request, offset, open_offsets, []), message.headers(), partition)

    def _traced(self, asked: Asked, headers: Any, partition: int) -> Asked:
        """Whose answer goes on with the request's trace: with a span of its own where spans are exported."""
        told = origin(headers or ())
        if self._tracer is None:
            return replace(asked, trace=[] if told.context is None else told.context.headers())
        cause = RecordCause(PAYMENTS_REQUESTED.name, partition, asked.offset)
        span = DecisionSpan(self._tracer, "record", cause, partition, None, told)
        return replace(asked, trace=span.lead_to().headers(), span=span)

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

    def _close(self) -> None:
        self._commit(wait=True)
        self._consumer.close()


def answer_headers(answer: PaymentAnswered, trace: Sequence[tuple[str, bytes]]) -> list[tuple[str, str | bytes | None]]:
    """CloudEvents attributes; the id is the same for every repetition of one answer."""
    told = f"{NAME}|{answer.idempotency_key}|{answer.outcome}".encode()
    headers: list[tuple[str, str | bytes | None]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", blake2b(told, digest_size=16).hexdigest().encode()),
        ("ce_source", f"/orderwing/{NAME}".encode()),
        ("ce_type", answer.EVENT_TYPE.encode()),
        ("ce_subject", answer.order_id.encode()),
        ("content-type", b"application/json"),
    ]
    return [*headers, *trace]


def session(patience: Patience) -> aiohttp.ClientSession:
    """A provider knows no cookies and answers a line of JSON: what serves browsers would cost more than the rest."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=IN_FLIGHT),
        timeout=aiohttp.ClientTimeout(total=patience.timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    )


async def serve(settings: Settings, stop: threading.Event, patience: Patience) -> None:
    metrics = process_metrics(NAME)
    with tracing(NAME, settings) as tracer:
        async with session(patience) as calls:
            provider = Provider(
                calls,
                address_of(settings.payments.url, settings.runtime.run_dir),
                patience,
                retried=lambda: metrics.add(defs.PROVIDER_RETRIES, 1),
            )
            await Gateway(settings, metrics, tracer).run(provider, stop)


def run_patiently(settings: Settings, stop: threading.Event, patience: Patience) -> None:
    """Until `stop` is set. Raises OperatorError, KafkaException."""
    asyncio.run(serve(settings, stop, patience))


def run(settings: Settings, stop: threading.Event) -> None:
    """The worker's entry. Raises as `run_patiently`."""
    told = settings.payments
    patience = Patience(told.tries, told.timeout_s, told.first_pause_s, told.longest_pause_s)
    run_patiently(settings, stop, patience)
