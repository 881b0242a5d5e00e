"""Asking the payment provider over HTTP until it answers or patience ends."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from orderwing.gateways.asking import ANSWER_BYTES, Asking, Patience, Trace
from orderwing_schemas.events.payments import PaymentAnswered, PaymentRequested

_LOOK_S = 0.2


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
        """The provider's answer, or `failed` with the last try's reason."""
        asking = Asking(request, self._patience, trace)
        while (answer := await self._try(asking)) is None:
            self._retried()
            await asyncio.sleep(asking.pause_s(random.random()))
        return answer

    async def _try(self, asking: Asking) -> PaymentAnswered | None:
        try:
            url = self._address() + asking.path
            async with self._session.post(url, data=asking.body, headers=asking.headers) as response:
                return asking.heard(response.status, await _body(response))
        except TimeoutError:
            return asking.missed("timeout")
        except (aiohttp.ClientError, OSError):
            return asking.missed("unreachable")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """All of it, up to a limit; a single `read` gives no more than has come so far."""
    content = response.content
    body = await content.read(ANSWER_BYTES)
    while not content.at_eof() and len(body) < ANSWER_BYTES:
        body += await content.read(ANSWER_BYTES - len(body))
    return body


def session(patience: Patience, in_flight: int) -> aiohttp.ClientSession:
    """A provider knows no cookies and answers a line of JSON: what serves browsers would cost more than the rest."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=in_flight),
        timeout=aiohttp.ClientTimeout(total=patience.timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        auto_decompress=False,  # none was asked for
    )


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
                self._url = str(json.loads(self.file.read_text("utf-8"))["url"])
                self._stamp_ns = stamp_ns
            self._looked_s = now_s
        except (OSError, ValueError, KeyError) as error:
            raise ConnectionError("no provider is announced") from error
        return self._url
