"""The payment gateway: requests from Kafka, many calls in flight, answers as they come.

A request's offset is committed once its answer is acknowledged, and only up to the lowest one still open: whatever
kills this process, every request is asked at least once more. The provider keeps answers by idempotency key and
payment_hold takes a second one as a no-op, so nothing is charged twice.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from orderwing.gateways.answers import Answers
from orderwing.gateways.asking import Patience
from orderwing.gateways.envelope import NAME
from orderwing.gateways.provider import Provider, address_of, session
from orderwing.gateways.requests import POLL_S, Asked, Requests
from orderwing.runtime import metric_defs as defs
from orderwing.runtime.logs import concerning, get_logger
from orderwing.runtime.metrics import Metrics, process_metrics
from orderwing.runtime.settings import Settings
from orderwing.runtime.tracing import Tracer, tracing
from orderwing_schemas.events.payments import Outcome, PaymentAnswered
from orderwing_schemas.topics import PAYMENTS_ANSWERED

IN_FLIGHT = 512
GRACE_S = 2.0  # for calls under way when asked to stop; what is not answered then is asked again later

_log = get_logger("orderwing.payment_gateway")


class Gateway:
    """Requests are fetched and committed in a thread of their own; everything else runs in the event loop."""

    def __init__(self, settings: Settings, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._calls: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._requests = Requests(settings, metrics, tracer)
        self._answers = Answers(settings, self._failed)

    async def run(self, provider: Provider, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="kafka") as thread:
            await loop.run_in_executor(thread, self._requests.subscribe)
            try:
                while not stop.is_set():
                    if len(self._calls) >= IN_FLIGHT:
                        await asyncio.wait(self._calls, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                    fetched = await loop.run_in_executor(thread, self._requests.fetch, IN_FLIGHT - len(self._calls))
                    for asked in fetched:
                        self._start(provider, asked)
                    self._metrics.add(defs.RECORDS_IN, len(fetched))
                    self._metrics.set(defs.PROVIDER_IN_FLIGHT, len(self._calls))
                    self._answers.poll()
                    if self._failure is not None:
                        raise self._failure
                if self._calls:
                    await asyncio.wait(self._calls, timeout=GRACE_S)
            finally:
                for call in self._calls:
                    call.cancel()
                await loop.run_in_executor(thread, self._answers.flush, GRACE_S)
                await loop.run_in_executor(thread, self._requests.close)

    def _start(self, provider: Provider, asked: Asked) -> None:
        call = asyncio.create_task(self._answer(provider, asked))
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        if not call.cancelled() and (error := call.exception()) is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self._failure = error

    async def _answer(self, provider: Provider, asked: Asked) -> None:
        began_s = time.perf_counter()
        answer = await provider.ask(asked.request, asked.trace)
        self._metrics.observe(defs.PROVIDER_SECONDS, time.perf_counter() - began_s, answer.outcome.value)
        if answer.outcome is Outcome.FAILED:
            with concerning(answer.order_id, asked.traceparent):
                _log.warning("provider gave no answer", purpose=answer.purpose, reason=answer.reason)
        while not self._answers.send(answer, asked.trace, lambda: self._delivered(asked, answer)):
            await asyncio.sleep(POLL_S)

    def _delivered(self, asked: Asked, answer: PaymentAnswered) -> None:
        asked.finish()
        if self._tracer is not None and asked.span is not None:
            asked.span.done(answer.outcome.value, attempts=answer.attempts)
            self._tracer.export([asked.span])
        self._metrics.add(defs.RECORDS_OUT, 1, PAYMENTS_ANSWERED.name)


async def serve(settings: Settings, stop: threading.Event, patience: Patience) -> None:
    metrics = process_metrics(NAME)
    with tracing(NAME, settings) as tracer:
        async with session(patience, IN_FLIGHT) as calls:
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
