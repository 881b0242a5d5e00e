"""Asking the payment provider over HTTP until it answers or patience ends."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Generic, Self, TypeVar
from urllib.parse import urlsplit

from orderwing.gateways.advice import Advice
from orderwing.gateways.asking import ANSWER_BYTES, Asking, Patience, Trace
from orderwing.gateways.calls import Calls
from orderwing_schemas.events.payments import PaymentAnswered, PaymentRequested

T = TypeVar("T")
_LOOK_S = 0.2


class Provider(Generic[T]):
    """Many requests at once, each with what the caller wants back with its answer.

    `address` is asked before each try, for one may come back elsewhere. Nothing happens outside of `answers`.
    """

    def __init__(
        self,
        address: Callable[[], str],
        patience: Patience,
        at_once: int,
        retried: Callable[[], None] = lambda: None,
    ) -> None:
        self._address = address
        self._patience = patience
        self._retried = retried
        self._calls = Calls[tuple[Asking, T]](at_once, patience.timeout_s, ANSWER_BYTES)
        self._advice = Advice()
        self._resting: list[tuple[float, int, Asking, T]] = []  # a heap by the time of the next try
        self._rested = 0
        self._answers: list[tuple[T, PaymentAnswered]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def __len__(self) -> int:
        """Requests without an answer yet."""
        return len(self._calls) + len(self._resting) + len(self._answers)

    def ask(self, request: PaymentRequested, about: T, trace: Trace = ()) -> None:
        asking = Asking(request, self._patience, trace)
        if (answer := asking.refused()) is not None:
            self._answers.append((about, answer))
        else:
            self._try(asking, about)

    def answers(self, wait_s: float) -> list[tuple[T, PaymentAnswered]]:
        """The provider's, or `failed` with the last try's reason; waits up to `wait_s` for something to happen."""
        while self._resting and self._resting[0][0] <= time.monotonic():
            _, _, asking, about = heappop(self._resting)
            self._retried()
            self._try(asking, about)
        if self._answers:
            wait_s = 0.0
        elif self._resting:
            wait_s = min(wait_s, max(0.0, self._resting[0][0] - time.monotonic()))
        for (asking, about), status, body, missed, detail in self._calls.finished(wait_s):
            self._advice.give(status, missed, detail, time.monotonic())
            self._tried(asking, about, asking.heard(status, body) if missed is None else asking.missed(missed))
        told, self._answers = self._answers, []
        return told

    def _try(self, asking: Asking, about: T) -> None:
        try:
            url = self._address() + asking.path
        except ConnectionError:
            self._tried(asking, about, asking.missed("unreachable"))
        else:
            self._calls.post(url, asking.headers, asking.body, (asking, about))

    def _tried(self, asking: Asking, about: T, answer: PaymentAnswered | None) -> None:
        if answer is not None:
            self._answers.append((about, answer))
            return
        self._rested += 1
        heappush(self._resting, (time.monotonic() + asking.pause_s(random.random()), self._rested, asking, about))


def address_of(psp_url: str, run_dir: Path) -> Callable[[], str]:
    """`psp_url` as it is; with port 0 what the simulator wrote to the run directory, as long as it is there."""
    fixed = psp_url.rstrip("/")
    if urlsplit(fixed).port != 0:
        return lambda: fixed
    return _Announced(run_dir / "psp.api.json").url


@dataclass
class _Announced:
    """What the simulator last wrote to `file`, which is looked at now and then and read when it has changed."""

    file: Path
    _stamp_ns: int = -1
    _url: str = ""
    _looked_s: float = -_LOOK_S

    def url(self) -> str:
        """Raises ConnectionError while there is none."""
        if (now_s := time.monotonic()) - self._looked_s < _LOOK_S:
            return self._url
        try:
            stamp_ns = os.stat(self.file).st_mtime_ns
            if stamp_ns != self._stamp_ns:
                self._url = _url_of(json.loads(self.file.read_text("utf-8")))
                self._stamp_ns = stamp_ns
            self._looked_s = now_s
        except (OSError, ValueError) as error:
            raise ConnectionError("no provider is announced") from error
        return self._url


def _url_of(announced: object) -> str:
    """Raises ValueError."""
    url = announced.get("url") if isinstance(announced, dict) else None
    if not isinstance(url, str) or not url.isascii():
        raise ValueError("no address is announced")
    return url
