"""JSON over connections that stay open, and may be closed by the engine at any time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ProtocolError

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.distances.port import EngineError

if TYPE_CHECKING:
    from socket import socket

    from _typeshed import WriteableBuffer

A = TypeVar("A")
T = TypeVar("T")

_CONNECT_S = 2.0
# An engine closes connections that rest or that have carried enough requests; asking again is harmless.
_ATTEMPTS = 3


class _Until(io.RawIOBase):
    """What a socket sends up to a deadline: its own time-out begins anew with each byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket, timeout_s: float) -> None:
        self._raw, self._sock, self._timeout_s = raw, sock, timeout_s
        self._countdown = Countdown(Budget(seconds=timeout_s))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left_s = self._timeout_s - self._countdown.seconds_spent()
        if left_s <= 0:
            raise TimeoutError("The answer is not complete in time.")
        self._sock.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Timely(HTTPResponse):
    """Headers and body within the time that a connection has for one read."""

    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        timeout_s = sock.gettimeout()
        if timeout_s is not None:
            self.fp = io.BufferedReader(_Until(self.fp.detach(), sock, timeout_s))


class _Connection(HTTPConnection):
    response_class = _Timely


class _SecureConnection(HTTPSConnection):
    response_class = _Timely


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Client:
    """One engine's address. Raises EngineError where it has not answered, to the last byte, in time."""

    def __init__(self, engine: str, url: str, timeout_s: float, connections: int) -> None:
        """`url` is `http://host:port`, with a path before the engine's own if it is behind another server."""
        self._connections = connections
        self.engine = engine
        self.url = url.rstrip("/")
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=timeout_s)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, maxsize=connections)
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

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
