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
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from msgspec.json import encode

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import PaymentSimulator, Settings
from orderwing.simulators.psp_book import Book
from orderwing.simulators.psp_teller import Reply, Teller

_PURPOSES = {"/v1/authorisations": "authorise", "/v1/captures": "capture", "/v1/voids": "void"}
_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


class PaymentProvider:
    """A teller behind HTTP."""

    def __init__(self, book: Book, manners: PaymentSimulator, seed: int) -> None:
        self._teller = Teller(book, manners, seed)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """A router would cost as much as the rest."""
        if request.path == "/v1/ledger" and request.method == "GET":
            return _json({"entries": self._teller.book.entries})
        purpose = _PURPOSES.get(request.path)
        if purpose is None:
            return web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=405)
        steps = self._teller.serve(purpose, request.headers.get("Idempotency-Key", ""), await request.read())
        while True:
            try:
                wait_ms = next(steps)
            except StopIteration as end:
                reply: Reply = end.value
                return _json(reply.told, reply.status)
            await asyncio.sleep(wait_ms / 1000)


def _json(told: object, status: int = 200) -> web.Response:
    return web.Response(body=encode(told), status=status, headers=_HEADERS)


async def serve(settings: Settings, stop: threading.Event) -> None:
    parts = urlsplit(settings.payments.url)
    host, port = parts.hostname or "127.0.0.1", parts.port if parts.port is not None else 80
    with Book(settings.runtime.run_dir / "psp.ledger.jsonl") as book:
        provider = PaymentProvider(book, settings.psp, settings.runtime.seed)
        runner = web.ServerRunner(web.Server(provider.answer, access_log=None), shutdown_timeout=0.5)
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
