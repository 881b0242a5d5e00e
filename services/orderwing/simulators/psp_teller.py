"""How the simulated payment provider treats a request, without a network: what it books, what it says, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orderwing.runtime.settings import PaymentSimulator
from orderwing.simulators.psp_book import Book, Entry
from orderwing_schemas.base import CurrencyCode, Id, Minor


class Asked(BaseModel):
    """The body of any request; what a purpose does not need is left out."""

    model_config = ConfigDict(strict=True)

    order_id: Id
    amount_minor: Minor
    currency: CurrencyCode
    token: Annotated[str, Field(max_length=200)] = ""
    authorisation: Annotated[str, Field(max_length=200)] | None = None


@dataclass(frozen=True)
class Reply:
    """An HTTP status and the object of a JSON body."""

    status: int
    told: dict[str, object]


class Teller:
    """Chance comes from (seed, key, number of the call) alone."""

    def __init__(self, book: Book, manners: PaymentSimulator, seed: int) -> None:
        self.book = book
        self._manners = manners
        self._seed = seed
        self._calls: Counter[str] = Counter()

    def serve(self, purpose: str, key: str, body: bytes) -> Generator[float, None, Reply]:
        """Yields milliseconds to wait before it goes on; returns the reply."""
        try:
            asked = Asked.model_validate_json(body)
        except ValidationError:
            return _refusal(422, "invalid_request")
        if not key or len(key) > 300 or (purpose != "authorise" and asked.authorisation is None):
            return _refusal(422, "invalid_request")
        self._calls[key] += 1
        call = self._calls[key]
        if latency_ms := self._manners.latency_ms:
            yield latency_ms * (0.5 + self._chance(key, call, "latency"))
        if asked.token.startswith("tok_error") and call <= self._manners.error_times:
            if call % 2 == 0:
                yield self._manners.hang_ms
            return _refusal(500, "internal_error")
        failure = self._chance(key, call, "failure")
        if failure < self._manners.failure_rate / 2:
            return _refusal(500, "internal_error")
        first = self.book.find(key) is None
        entry = self._entry(key, purpose, asked)
        if failure < self._manners.failure_rate:
            return _refusal(500, "internal_error")
        if first and asked.token.startswith("tok_slow"):
            yield self._manners.slow_ms
        return _reply(entry)

    def _entry(self, key: str, purpose: str, asked: Asked) -> Entry:
        """The entry of this key: the one there is, or a new one."""
        if (known := self.book.find(key)) is not None:
            if (known["purpose"], known["order_id"]) != (purpose, asked.order_id) or (
                purpose != "void" and known["amount_minor"] != asked.amount_minor
            ):
                self.book.flag(known, "key_reused")
            return known
        order_id, currency, authorisation = asked.order_id, asked.currency, asked.authorisation or ""
        if purpose == "authorise":
            declined = "insufficient_funds" if asked.token.startswith("tok_decline") else None
            return self.book.authorise(key, order_id, asked.amount_minor, currency, declined)
        if purpose == "capture":
            return self.book.capture(key, order_id, asked.amount_minor, currency, authorisation)
        return self.book.void(key, order_id, currency, authorisation)

    def _chance(self, key: str, call: int, what: str) -> float:
        told = f"{self._seed}|{key}|{call}|{what}".encode()
        return int.from_bytes(blake2b(told, digest_size=8).digest()) / 2**64


def _refusal(status: int, reason: str) -> Reply:
    return Reply(status, {"outcome": "declined" if status < 500 else "failed", "reason": reason})


def _reply(entry: Entry) -> Reply:
    told = {name: entry[name] for name in ("outcome", "reference", "amount_minor", "reason")}
    return Reply(200 if entry["outcome"] == "approved" else 402, told)
