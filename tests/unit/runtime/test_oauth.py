"""Tokens for clients of aiokafka, from an endpoint that counts how often it is asked."""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from orderwing.runtime.oauth import ClientCredentials
from orderwing.runtime.settings import Kafka

Answer = Callable[[int], dict[str, Any]]


def asked(answer: Answer, use: Callable[[ClientCredentials], Awaitable[Any]]) -> tuple[Any, list[dict[str, str]]]:
    """What `use` gave, and what the endpoint was sent."""
    sent: list[dict[str, str]] = []

    async def give(request: web.Request) -> web.Response:
        form = await request.post()
        client = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        sent.append({"client": client, **{k: str(v) for k, v in form.items()}})
        told = answer(len(sent))
        return web.json_response(told, status=200 if told else 401)

    async def run() -> Any:
        server = web.Application()
        server.router.add_post("/token", give)
        runner = web.AppRunner(server)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
            return await use(ClientCredentials(cluster(url)))
        finally:
            await runner.cleanup()

    return asyncio.run(run()), sent


def cluster(url: str) -> Kafka:
    return Kafka(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauthbearer_token_endpoint_url=url,
        sasl_oauthbearer_client_id="orderwing",
        sasl_oauthbearer_client_secret=SecretStr("s3cret"),
        sasl_oauthbearer_scope="kafka",
    )


async def twice(provider: ClientCredentials) -> list[str]:
    return [await provider.token(), await provider.token()]


def test_a_token_is_asked_for_once_while_it_is_fresh() -> None:
    tokens, sent = asked(lambda n: {"access_token": f"t{n}", "expires_in": 3600}, twice)
    assert tokens == ["t1", "t1"]
    assert sent == [{"client": "orderwing:s3cret", "grant_type": "client_credentials", "scope": "kafka"}]


def test_a_token_that_has_aged_is_replaced() -> None:
    tokens, sent = asked(lambda n: {"access_token": f"t{n}", "expires_in": 0}, twice)
    assert tokens == ["t1", "t2"]
    assert len(sent) == 2


def test_a_provider_that_refuses_is_an_error() -> None:
    with pytest.raises(aiohttp.ClientResponseError):
        asked(lambda _: {}, twice)
