"""JSON over connections that stay open, and may be closed by the engine at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from orderwing.planning.distances.port import EngineError

A = TypeVar("A")
T = TypeVar("T")

_CONNECT_S = 2.0
# An engine closes connections that rest or that have carried enough requests; asking again is harmless.
_ATTEMPTS = 3


class Client:
    """One engine's address. Raises EngineError where it does not answer in time."""

    def __init__(self, engine: str, url: str, timeout_s: float, connections: int) -> None:
        """`url` is `http://host:port`, with a path before the engine's own if it is behind another server."""
        self._connections = connections
        self.engine = engine
        self.url = url.rstrip("/")
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=timeout_s)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, maxsize=connections)

    def get(self, path: str) -> tuple[int, bytes]:
        return self._send("GET", path, None)

    def post(self, path: str, value: object) -> tuple[int, bytes]:
        return self._send("POST", path, msgspec.json.encode(value))

    def each(self, ask: Callable[[A], T], questions: Iterable[A]) -> Iterator[T]:
        """The answers in order, `connections` at once; whoever stops early leaves the rest unasked."""
        listed = list(questions)
        if min(len(listed), self._connections) < 2:
            yield from map(ask, listed)
            return
        with ThreadPoolExecutor(self._connections) as pool:
            yield from pool.map(ask, listed)

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body else None
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._pool.request(method, self.url + path, body=body, headers=headers)
            except ProtocolError as error:
                if attempt == _ATTEMPTS:
                    raise self._silent(error) from error
            except HTTPError as error:
                raise self._silent(error) from error
            else:
                return answer.status, answer.data
        raise AssertionError("unreachable")

    def _silent(self, error: HTTPError) -> EngineError:
        return EngineError(
            f"{self.engine} at {self.url} does not answer ({type(error).__name__}): start it, or name the address at "
            "which it runs."
        )

    def read(self, kind: type[T], body: bytes) -> T:
        """The answer as `kind`."""
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise self.unexpected(body) from error

    def unexpected(self, body: bytes) -> EngineError:
        """An answer that is none to what was asked, with its beginning."""
        told = body[:200].decode("utf-8", "replace")
        return EngineError(f"What answers at {self.url} is no {self.engine} that can be used: it says {told!r}.")

    def close(self) -> None:
        self._pool.clear()
