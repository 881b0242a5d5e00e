"""What the gateway makes of a provider's answers, well-behaved or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from orderwing.gateways.asking import Patience
from orderwing.gateways.provider import Provider
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose

REQUEST = PaymentRequested(
    order_id="O-1",
    purpose=Purpose.AUTHORISE,
    idempotency_key="O-1:authorise:1",
    amount_minor=500,
    currency="GBP",
    payment_token="tok_ok",
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def asked(handler: Handler) -> PaymentAnswered:
    """The answer to REQUEST of a provider that answers by `handler`, asked twice at most."""

    async def ask() -> PaymentAnswered:
        app = web.Application()
        app.router.add_post("/v1/authorisations", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession() as session:
                return await Provider(session, lambda: url, Patience(tries=2, first_pause_s=0.001)).ask(REQUEST)
        finally:
            await runner.cleanup()

    return asyncio.run(ask())


def saying(body: bytes, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status)

    return handler


def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"amount_minor": 50', b'0, "refer', b'ence": "auth-1"}'):
            await response.write(piece)
            for _ in range(20):  # the client has its turns before the next piece comes
                await asyncio.sleep(0)
        await response.write_eof()
        return response

    answer = asked(handler)
    assert (answer.outcome, answer.amount_minor, answer.reference, answer.attempts) == (
        Outcome.APPROVED, 500, "auth-1", 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'{"amount_minor": "500"}', b'{"amount_minor": -1}', b'{"amount_minor": 1e3}',
        b'{"amount_minor": 9999999999999}', b'{"amount_minor": 500, "reference": "\\ud800"}', b"[" * 30_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_as_failed(body: bytes) -> None:
    answer = asked(saying(body))
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.FAILED, "not_understood", 2)


def test_a_decline_needs_no_reason() -> None:
    answer = asked(saying(b"{}", status=402))
    assert (answer.outcome, answer.reason) == (Outcome.DECLINED, "http_402")
