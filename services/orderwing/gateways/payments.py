"""The payment gateway: requests from Kafka, many calls in flight, answers as they come.

A request's offset is committed once its answer is acknowledged, and only up to the lowest one still open: whatever
kills this process, every request is asked at least once more. The provider keeps answers by idempotency key and
payment_hold takes a second one as a no-op, so nothing is charged twice.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial

from orderwing.gateways.answers import Answers
from orderwing.gateways.asking import Patience
from orderwing.gateways.envelope import NAME
from orderwing.gateways.provider import Provider, address_of
from orderwing.gateways.requests import Asked, Requests
from orderwing.gateways.room import Room
from orderwing.runtime import metric_defs as defs
from orderwing.runtime.logs import concerning, get_logger
from orderwing.runtime.metrics import Metrics, process_metrics
from orderwing.runtime.settings import Settings
from orderwing.runtime.tracing import Tracer, tracing
from orderwing_schemas.events.payments import Outcome, PaymentAnswered
from orderwing_schemas.topics import PAYMENTS_ANSWERED

IN_FLIGHT = 512
ROOM_AGAIN = IN_FLIGHT // 4  # once full, so many must be answered before more are fetched at once
FULL_S = 0.25  # afterwards fewer will do
IDLE_S = 0.05  # for requests, while nothing is asked
LISTEN_S = 0.005  # for answers, before more requests are looked for
GRACE_S = 2.0  # for calls under way when asked to stop; what is not answered then is asked again later

_log = get_logger("orderwing.payment_gateway")


class Gateway:
    """All of it in one thread: it waits at Kafka while nothing is asked, else at the provider."""

    def __init__(
        self, settings: Settings, metrics: Metrics, provider: Provider[Asked], tracer: Tracer | None = None
    ) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._provider = provider
        self._unsent: deque[tuple[Asked, PaymentAnswered]] = deque()
        self._room = Room(IN_FLIGHT, ROOM_AGAIN, FULL_S)
        self._failure: BaseException | None = None
        self._requests = Requests(settings, metrics, tracer)
        self._answers = Answers(settings, self._failed)

    def run(self, stop: threading.Event) -> None:
        self._requests.subscribe()
        try:
            while not stop.is_set():
                self._fetch()
                self._pass_on(LISTEN_S)
                if self._failure is not None:
                    raise self._failure
            end_s = time.monotonic() + GRACE_S
            while self._open and time.monotonic() < end_s:
                self._pass_on(LISTEN_S)
        finally:
            self._answers.flush(GRACE_S)
            self._requests.close()

    @property
    def _open(self) -> int:
        return len(self._provider) + len(self._unsent)

    def _fetch(self) -> None:
        room = self._room.left(self._open, time.monotonic())
        fetched = self._requests.fetch(room, 0.0 if len(self._provider) else IDLE_S)
        if not fetched:
            return
        for asked in fetched:
            self._provider.ask(asked.request, asked, asked.trace)
        self._metrics.add(defs.RECORDS_IN, len(fetched))
        self._metrics.set(defs.PROVIDER_IN_FLIGHT, len(self._provider))

    def _pass_on(self, wait_s: float) -> None:
        """The answers there are; waits up to `wait_s` for one while any is asked for."""
        if len(self._provider):
            for asked, answer in self._provider.answers(wait_s):
                self._note(asked, answer)
                self._unsent.append((asked, answer))
            self._metrics.set(defs.PROVIDER_IN_FLIGHT, len(self._provider))
        while self._unsent:
            asked, answer = self._unsent[0]
            if not self._answers.send(answer, asked.trace, partial(self._delivered, asked, answer)):
                break
            self._unsent.popleft()
        self._answers.poll()

    def _note(self, asked: Asked, answer: PaymentAnswered) -> None:
        self._metrics.observe(defs.PROVIDER_SECONDS, time.perf_counter() - asked.began_s, answer.outcome.value)
        if answer.outcome is Outcome.FAILED:
            with concerning(answer.order_id):
                _log.warning("provider gave no answer", purpose=answer.purpose, reason=answer.reason)

    def _failed(self, error: BaseException) -> None:
        self._failure = error

    def _delivered(self, asked: Asked, answer: PaymentAnswered) -> None:
        asked.finish()
        if self._tracer is not None and asked.span is not None:
            asked.span.done(answer.outcome.value, attempts=answer.attempts)
            self._tracer.export([asked.span])
        self._metrics.add(defs.RECORDS_OUT, 1, PAYMENTS_ANSWERED.name)


def run_patiently(settings: Settings, stop: threading.Event, patience: Patience) -> None:
    """Until `stop` is set. Raises OperatorError, KafkaException."""
    metrics = process_metrics(NAME)
    address = address_of(settings.payments.url, settings.runtime.run_dir)

    def retried() -> None:
        metrics.add(defs.PROVIDER_RETRIES, 1)

    with tracing(NAME, settings) as tracer, Provider[Asked](address, patience, IN_FLIGHT, retried) as provider:
        Gateway(settings, metrics, provider, tracer).run(stop)


def run(settings: Settings, stop: threading.Event) -> None:
    """The worker's entry. Raises as `run_patiently`."""
    told = settings.payments
    patience = Patience(told.tries, told.timeout_s, told.first_pause_s, told.longest_pause_s)
    run_patiently(settings, stop, patience)
