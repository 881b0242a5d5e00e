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

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import PaymentSimulator, Settings
from orderwing.simulators.psp_book import Book
from orderwing.simulators.psp_teller import Reply, Teller


class PaymentProvider:
    """A teller behind HTTP."""

    def __init__(self, book: Book, manners: PaymentSimulator, seed: int) -> None:
        self._teller = Teller(book, manners, seed)

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
        return web.json_response({"entries": self._teller.book.entries})

    async def _serve(self, request: web.Request, purpose: str) -> web.Response:
        steps = self._teller.serve(purpose, request.headers.get("Idempotency-Key", ""), await request.read())
        while True:
            try:
                wait_ms = next(steps)
            except StopIteration as end:
                reply: Reply = end.value
                return web.json_response(reply.told, status=reply.status)
            await asyncio.sleep(wait_ms / 1000)


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
