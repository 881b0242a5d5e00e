"""Tokens of an OpenID provider for clients of aiokafka; librdkafka fetches its own."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode

import aiohttp
from aiokafka.abc import AbstractTokenProvider

from orderwing.runtime.settings.tree import Kafka

_TIMEOUT_S = 10.0
_FRESH = 0.8  # of a token's life it is used again
_LIFE_S = 60.0  # of one that does not say how long it lives


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]
    """RFC 6749, 4.4, with the client's id and secret in the Authorization header."""

    def __init__(self, cluster: Kafka) -> None:
        assert cluster.sasl_oauthbearer_client_secret is not None
        assert cluster.sasl_oauthbearer_token_endpoint_url is not None
        secret = cluster.sasl_oauthbearer_client_secret.get_secret_value()
        client = b64encode(f"{cluster.sasl_oauthbearer_client_id}:{secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {client}"}
        self._url = cluster.sasl_oauthbearer_token_endpoint_url
        self._form = {"grant_type": "client_credentials"}
        if cluster.sasl_oauthbearer_scope:
            self._form["scope"] = cluster.sasl_oauthbearer_scope
        self._ssl = ssl.create_default_context(cafile=cluster.https_ca_location)
        self._token = ""
        self._fresh_until_s = 0.0

    async def token(self) -> str:
        """Raises aiohttp.ClientError, TimeoutError, KeyError, ValueError where the provider gives none."""
        if time.monotonic() >= self._fresh_until_s:
            told = await self._ask()
            self._token = str(told["access_token"])
            self._fresh_until_s = time.monotonic() + _FRESH * float(told.get("expires_in", _LIFE_S))
        return self._token

    async def _ask(self) -> dict[str, str]:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=timeout, raise_for_status=True) as session,
            session.post(self._url, data=self._form, ssl=self._ssl) as answer,
        ):
            told: dict[str, str] = await answer.json(content_type=None)
            return told
