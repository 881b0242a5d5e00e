"""Asking the payment provider, without a network: what a request is sent as, and what comes of each try."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.json import encode
from pydantic import ValidationError
from pydantic_core import from_json

from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose

PATHS = {purpose: f"/v1/{purpose.value}s" for purpose in Purpose} | {Purpose.AUTHORISE: "/v1/authorisations"}
DECLINED = (400, 402, 422)  # it understood, and the same request will never do
REDIRECTS = range(300, 400)
REDIRECTED = "redirected"
NOT_TAKEN = (401, 403, 404, 405)  # whatever the request is
ANSWER_BYTES = 65_536  # of an answer that are read
REFERENCE_CHARACTERS = 200
Trace = Sequence[tuple[str, bytes]]
_KEY = re.compile(r"[!-~]([ -~]*[!-~])?")  # which a header carries, and carries unchanged


@dataclass(frozen=True)
class Patience:
    """Per request: `tries` calls of at most `timeout_s`, with pauses that double between them.

    With the defaults a provider may be away for about half a minute before anybody hears of it.
    """

    tries: int = 15
    timeout_s: float = 5.0
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    def pause_s(self, tried: int, chance: float) -> float:
        """`chance`, from 0 to 1, spreads those that wait, so that a provider that is back is not met by all at once."""
        return (0.5 + chance / 2) * min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(tried - 1, 30))


class NotUnderstoodError(Exception):
    """The provider's answer is none."""


class Asking:
    """One request until its answer. `path`, `headers` and `body` are the same at each try, the idempotency key too.

    Tell it how each try went: `heard` and `missed` return the answer, or None to try again after `pause_s`.
    """

    def __init__(self, request: PaymentRequested, patience: Patience, trace: Trace = ()) -> None:
        """`trace` are W3C headers, which the provider is told as they are, where they can be."""
        body: dict[str, str | int] = {
            "order_id": request.order_id,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
        }
        if request.payment_token is not None:
            body["token"] = request.payment_token
        if request.authorisation is not None:
            body["authorisation"] = request.authorisation
        self.path = PATHS[request.purpose]
        self.body = encode(body)
        self.headers = {"Idempotency-Key": request.idempotency_key, "Content-Type": "application/json"}
        for name, value in trace:
            if value.isascii() and (text := value.decode()).isprintable():  # a stranger's may break the line
                self.headers[name] = text
        self.tried = 0
        self._request = request
        self._patience = patience

    def refused(self) -> PaymentAnswered | None:
        """`failed` for a request that must not be sent: without its key as it is, it might be paid twice."""
        if _KEY.fullmatch(self._request.idempotency_key):
            return None
        return self._answer(Outcome.FAILED, 1, reason="bad_key")

    def heard(self, status: int, body: bytes) -> PaymentAnswered | None:
        """An answer came, `body` up to ANSWER_BYTES of it. A redirect is one: nobody asked for the other address."""
        try:
            answer = self._understood(status, body)
        except (NotUnderstoodError, ValidationError):  # the latter for an amount that is none
            return self.missed("not_understood")
        if answer is None:
            return self.missed(f"http_{status}")
        self.tried += 1
        return answer

    def missed(self, reason: str) -> PaymentAnswered | None:
        """This try brought none; `reason` is a short code, told with the last try's `failed`."""
        self.tried += 1
        if self.tried < self._patience.tries:
            return None
        return self._answer(Outcome.FAILED, self.tried, reason=reason)

    def pause_s(self, chance: float) -> float:
        return self._patience.pause_s(self.tried, chance)

    def _understood(self, status: int, body: bytes) -> PaymentAnswered | None:
        tries = self.tried + 1
        if status == 200:
            told = _told(body)
            amount, outcome = told.get("amount_minor"), told.get("outcome", Outcome.APPROVED)
            if outcome == Outcome.DECLINED:
                return self._declined(told, tries, Outcome.DECLINED)
            if not isinstance(amount, int) or outcome != Outcome.APPROVED:
                raise NotUnderstoodError
            named = self._request.purpose is Purpose.AUTHORISE
            reference = _reference(told) if named else _text(told, "reference")
            return self._answer(Outcome.APPROVED, tries, amount, reference)
        if status in DECLINED:
            return self._declined(_told(body), tries, f"http_{status}")
        if status in REDIRECTS:
            return self._answer(Outcome.FAILED, tries, reason=REDIRECTED)
        return None

    def _declined(self, told: dict[str, object], tries: int, otherwise: str) -> PaymentAnswered:
        return self._answer(Outcome.DECLINED, tries, reason=_text(told, "reason") or otherwise)

    def _answer(
        self,
        outcome: Outcome,
        tries: int,
        amount_minor: int | None = None,
        reference: str | None = None,
        reason: str | None = None,
    ) -> PaymentAnswered:
        request = self._request
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
        raise NotUnderstoodError from None
    return told if isinstance(told, dict) else {}


def _reference(told: dict[str, object]) -> str | None:
    """By which captures and voids name an authorisation: as it is, or they would name none."""
    value = told.get("reference")
    if value is None or (isinstance(value, str) and len(value) <= REFERENCE_CHARACTERS):
        return value
    raise NotUnderstoodError


def _text(told: dict[str, object], name: str) -> str | None:
    value = told.get(name)
    return value[:200] if isinstance(value, str) else None
