"""A payment provider over HTTP, as one meets it: idempotency keys, late answers, lost answers, declines.

POST /v1/authorisations {order_id, amount_minor, currency, token}; /v1/captures and /v1/voids {order_id, amount_minor,
currency, authorisation}, each with an `Idempotency-Key` header; 200 approved, 402 declined. GET /v1/ledger.
Tokens: `tok_decline…` is declined, `tok_slow…` answered late, `tok_error…` fails at first; any other is approved.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import PaymentSimulator, Settings
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


class PaymentProvider:
    """Chance comes from (seed, key, number of the call) alone."""

    def __init__(self, book: Book, manners: PaymentSimulator, seed: int) -> None:
        self._book = book
        self._manners = manners
        self._seed = seed
        self._calls: Counter[str] = Counter()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/authorisations", self._authorise),
                web.post("/v1/captures", self._capture),
                web.post("/v1/voids", self._void),
                web.get("/v1/ledger", self._ledger),
            ]
        )
        return app

    async def _authorise(self, request: web.Request) -> web.Response:
        return await self._serve(request, "authorise")

    async def _capture(self, request: web.Request) -> web.Response:
        return await self._serve(request, "capture")

    async def _void(self, request: web.Request) -> web.Response:
        return await self._serve(request, "void")

    async def _ledger(self, _: web.Request) -> web.Response:
        return web.json_response({"entries": self._book.entries})

    async def _serve(self, request: web.Request, purpose: str) -> web.Response:
        key = request.headers.get("Idempotency-Key", "")
        try:
            asked = Asked.model_validate_json(await request.read())
        except ValidationError:
            return _refusal(422, "invalid_request")
        if not key or len(key) > 300 or (purpose != "authorise" and asked.authorisation is None):
            return _refusal(422, "invalid_request")
        self._calls[key] += 1
        call = self._calls[key]
        if latency_ms := self._manners.latency_ms:
            await asyncio.sleep(latency_ms * (0.5 + self._chance(key, call, "latency")) / 1000)
        if asked.token.startswith("tok_error") and call <= self._manners.error_times:
            if call % 2 == 0:
                await asyncio.sleep(self._manners.hang_ms / 1000)
            return _refusal(500, "internal_error")
        failure = self._chance(key, call, "failure")
        if failure < self._manners.failure_rate / 2:
            return _refusal(500, "internal_error")
        first = self._book.find(key) is None
        entry = self._entry(key, purpose, asked)
        if failure < self._manners.failure_rate:
            return _refusal(500, "internal_error")
        if first and asked.token.startswith("tok_slow"):
            await asyncio.sleep(self._manners.slow_ms / 1000)
        return _response(entry)

    def _entry(self, key: str, purpose: str, asked: Asked) -> Entry:
        """The entry of this key: the one there is, or a new one."""
        if (known := self._book.find(key)) is not None:
            if (known["purpose"], known["order_id"]) != (purpose, asked.order_id) or (
                purpose != "void" and known["amount_minor"] != asked.amount_minor
            ):
                self._book.flag(known, "key_reused")
            return known
        order_id, currency, authorisation = asked.order_id, asked.currency, asked.authorisation or ""
        if purpose == "authorise":
            declined = "insufficient_funds" if asked.token.startswith("tok_decline") else None
            return self._book.authorise(key, order_id, asked.amount_minor, currency, declined)
        if purpose == "capture":
            return self._book.capture(key, order_id, asked.amount_minor, currency, authorisation)
        return self._book.void(key, order_id, currency, authorisation)

    def _chance(self, key: str, call: int, what: str) -> float:
        told = f"{self._seed}|{key}|{call}|{what}".encode()
        return int.from_bytes(blake2b(told, digest_size=8).digest()) / 2**64


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"outcome": "declined" if status < 500 else "failed", "reason": reason}, status=status)


def _response(entry: Entry) -> web.Response:
    told = {name: entry[name] for name in ("outcome", "reference", "amount_minor", "reason")}
    return web.json_response(told, status=200 if entry["outcome"] == "approved" else 402)


async def serve(settings: Settings, stop: threading.Event) -> None:
    parts = urlsplit(settings.payments.url)
    host, port = parts.hostname or "127.0.0.1", parts.port if parts.port is not None else 80
    with Book(settings.runtime.run_dir / "psp.ledger.jsonl") as book:
        provider = PaymentProvider(book, settings.psp, settings.runtime.seed)
        runner = web.AppRunner(provider.application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        file = settings.runtime.run_dir / "psp.api.json"
        try:
            try:
                await site.start()
            except OSError as error:
                raise OperatorError(
                    f"{host}:{port} cannot be used ({error.strerror}): set ORDERWING_PSP_URL."
                ) from None
            _announce(file, f"http://{host}:{runner.addresses[0][1]}")
            while not stop.is_set():
                await asyncio.sleep(0.05)
        finally:
            await runner.cleanup()
            file.unlink(missing_ok=True)


def _announce(file: Path, url: str) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", "utf-8")
    draft.replace(file)  # whole or not at all


def run(settings: Settings, stop: threading.Event) -> None:
    """Until `stop` is set. Raises OperatorError when the address is taken."""
    asyncio.run(serve(settings, stop))
