"""Asking the payment provider over HTTP until it answers or patience ends."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from pydantic import ValidationError
from pydantic_core import from_json

from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose

PATHS = {Purpose.AUTHORISE: "authorisations", Purpose.CAPTURE: "captures", Purpose.VOID: "voids"}
DECLINED = (400, 402, 422)  # it understood, and the same request will never do
ANSWER_BYTES = 65_536
_LOOK_S = 0.2
Trace = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Patience:
    """Per request: `tries` calls of at most `timeout_s`, with pauses that double between them.

    With the defaults a provider may be away for about half a minute before anybody hears of it.
    """

    tries: int = 15
    timeout_s: float = 5.0
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    def pause_s(self, tried: int) -> float:
        """Jittered, so that a provider that comes back is not met by all at once."""
        return random.uniform(0.5, 1) * min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(tried - 1, 30))


class NoAnswerError(Exception):
    """This try brought none; `reason` is a short code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Provider:
    """`session` limits one call to `timeout_s`; `address` is asked before each try, for one may come back elsewhere."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: Callable[[], str],
        patience: Patience,
        retried: Callable[[], None] = lambda: None,
    ) -> None:
        self._session = session
        self._address = address
        self._patience = patience
        self._retried = retried

    async def ask(self, request: PaymentRequested, trace: Trace = ()) -> PaymentAnswered:
        """The provider's answer, or `failed` with the last try's reason. The idempotency key never changes.

        `trace` are W3C headers, which the provider is told as they are.
        """
        reason = ""
        for tried in range(1, self._patience.tries + 1):
            try:
                return await self._try(request, tried, trace)
            except NoAnswerError as error:
                reason = error.reason
            if tried < self._patience.tries:
                self._retried()
                await asyncio.sleep(self._patience.pause_s(tried))
        return _answer(request, Outcome.FAILED, self._patience.tries, reason=reason)

    async def _try(self, request: PaymentRequested, tried: int, trace: Trace) -> PaymentAnswered:
        body: dict[str, str | int] = {
            "order_id": request.order_id,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
        }
        if request.payment_token is not None:
            body["token"] = request.payment_token
        if request.authorisation is not None:
            body["authorisation"] = request.authorisation
        try:
            async with self._session.post(
                f"{self._address()}/v1/{PATHS[request.purpose]}",
                data=json.dumps(body).encode(),
                headers={
                    "Idempotency-Key": request.idempotency_key,
                    "Content-Type": "application/json",
                    **{name: value.decode("ascii", "replace") for name, value in trace},
                },
            ) as response:
                status = response.status
                told = _told(await _body(response)) if status in (200, *DECLINED) else {}
        except TimeoutError:
            raise NoAnswerError("timeout") from None
        except (aiohttp.ClientError, OSError):
            raise NoAnswerError("unreachable") from None
        try:
            return _understood(request, tried, status, told)
        except ValidationError:
            raise NoAnswerError("not_understood") from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """All of it, up to a limit; a single `read` gives no more than has come so far."""
    body = b""
    while len(body) < ANSWER_BYTES and (more := await response.content.read(ANSWER_BYTES - len(body))):
        body += more
    return body


def _understood(request: PaymentRequested, tried: int, status: int, told: dict[str, object]) -> PaymentAnswered:
    """Raises NoAnswerError, and ValidationError for an amount that is none."""
    if status == 200:
        amount = told.get("amount_minor")
        if not isinstance(amount, int):
            raise NoAnswerError("not_understood")
        return _answer(request, Outcome.APPROVED, tried, amount, _text(told, "reference"))
    if status in DECLINED:
        return _answer(request, Outcome.DECLINED, tried, reason=_text(told, "reason") or f"http_{status}")
    raise NoAnswerError(f"http_{status}")


def _answer(
    request: PaymentRequested,
    outcome: Outcome,
    tries: int,
    amount_minor: int | None = None,
    reference: str | None = None,
    reason: str | None = None,
) -> PaymentAnswered:
    return PaymentAnswered(
        order_id=request.order_id,
        purpose=request.purpose,
        idempotency_key=request.idempotency_key,
        outcome=outcome,
        amount_minor=request.amount_minor if amount_minor is None else amount_minor,
        reference=reference,
        reason=reason,
        attempts=tries,
    )


def _told(body: bytes) -> dict[str, object]:
    try:
        told = from_json(body)  # unlike the standard library's it takes nothing that could not be written again
    except ValueError:
        raise NoAnswerError("not_understood") from None
    return told if isinstance(told, dict) else {}


def _text(told: dict[str, object], name: str) -> str | None:
    value = told.get(name)
    return value[:200] if isinstance(value, str) else None


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
        """Raises NoAnswerError while there is none."""
        if (now_s := time.monotonic()) - self._looked_s < _LOOK_S:
            return self._url
        try:
            stamp_ns = os.stat(self.file).st_mtime_ns
            if stamp_ns != self._stamp_ns:
                self._url = str(json.loads(self.file.read_text("utf-8"))["url"])
                self._stamp_ns = stamp_ns
            self._looked_s = now_s
        except (OSError, ValueError, KeyError):
            raise NoAnswerError("unreachable") from None
        return self._url
