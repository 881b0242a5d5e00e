"""Many HTTP calls at once in one thread, by libcurl."""

from __future__ import annotations

import selectors
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

import pycurl

T = TypeVar("T")
TLS = "tls"
_INTEREST = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}
_NO_TLS = (pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE)
_CLOSE_S = 0.5
_UNASKED = ("Accept:", "Expect:", "User-Agent:")  # not to be added


class Finished(NamedTuple, Generic[T]):
    """`missed` is why there is no answer, else None: `timeout`, `tls` or `unreachable`.

    `detail` is libcurl's word on that, or where a redirect leads, which is not followed; else empty.
    """

    about: T
    status: int
    body: bytes
    missed: str | None
    detail: str


class _Call(Generic[T]):
    """A handle of libcurl's, used again and again, and what has come of its answer."""

    def __init__(self, timeout_s: float, most_bytes: int, trusted: ssl.DefaultVerifyPaths) -> None:
        self.about: T
        self._most_bytes = most_bytes
        self._body = bytearray()
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout_s * 1000)))
        curl.setopt(pycurl.PROXY, "")  # whatever the environment says
        if trusted.cafile is not None:
            curl.setopt(pycurl.CAINFO, trusted.cafile)
        if trusted.capath is not None:
            curl.setopt(pycurl.CAPATH, trusted.capath)
        curl.setopt(pycurl.WRITEFUNCTION, self._take)

    def prepare(self, url: str, headers: Mapping[str, str], body: bytes, about: T) -> None:
        self.about = about
        self._body.clear()
        self.curl.setopt(pycurl.URL, url)
        told = [f"{name}: {value}" for name, value in headers.items()]
        self.curl.setopt(pycurl.HTTPHEADER, [*told, *_UNASKED])
        self.curl.setopt(pycurl.POSTFIELDS, body)

    def answered(self) -> Finished[T]:
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        leads: bytes | None = self.curl.getinfo_raw(pycurl.REDIRECT_URL) if 300 <= status < 400 else None
        return Finished(self.about, status, bytes(self._body), None, (leads or b"").decode("ascii", "replace"))

    def failed(self, error: int, detail: str) -> Finished[T]:
        if len(self._body) >= self._most_bytes:  # cut short by us
            return self.answered()
        missed = "timeout" if error == pycurl.E_OPERATION_TIMEDOUT else TLS if error in _NO_TLS else "unreachable"
        return Finished(self.about, 0, b"", missed, detail)

    def _take(self, piece: bytes) -> int:
        room = self._most_bytes - len(self._body)
        self._body += piece[:room]
        return len(piece) if len(piece) < room else 0  # which ends the call


class Calls(Generic[T]):
    """Of each answer at most `most_bytes` are read. A call is under way only while `finished` is being called."""

    def __init__(self, at_once: int, timeout_s: float, most_bytes: int) -> None:
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._trusted = ssl.get_default_verify_paths()  # of the system; libcurl's own wheel brings none
        self._free: list[_Call[T]] = []
        self._open: dict[pycurl.Curl, _Call[T]] = {}
        self._due_s: float | None = None  # when libcurl wants to be called whatever happens
        self._selector = selectors.DefaultSelector()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, at_once)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._wake)

    def __len__(self) -> int:
        return len(self._open)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, about: T) -> None:
        call = self._free.pop() if self._free else self._new()
        call.prepare(url, headers, body, about)
        self._open[call.curl] = call
        self._multi.add_handle(call.curl)

    def finished(self, wait_s: float) -> list[Finished[T]]:
        """What has come to its end; waits up to `wait_s` for something to happen."""
        if self._due_s is not None:
            wait_s = min(wait_s, max(0.0, self._due_s - time.monotonic()))
        for key, events in self._selector.select(wait_s):
            told = pycurl.CSELECT_IN if events & selectors.EVENT_READ else 0
            told |= pycurl.CSELECT_OUT if events & selectors.EVENT_WRITE else 0
            self._multi.socket_action(key.fd, told)
        if self._due_s is not None and time.monotonic() >= self._due_s:
            self._due_s = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        _, good, bad = self._multi.info_read()
        ended = [self._freed(curl).answered() for curl in good]
        ended += [self._freed(curl).failed(error, detail) for curl, error, detail in bad]
        return ended

    def close(self) -> None:
        """At the process's end: what looks up a name then may go on a while, and end with the process."""
        for curl in list(self._open):
            self._freed(curl)
        # It waits for the system's resolver, seconds where DNS is slow, and pycurl cannot tell libcurl not to.
        closing = threading.Thread(target=self._close, name="calls-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_S)

    def _close(self) -> None:
        self._multi.close()
        for call in self._free:
            call.curl.close()
        self._selector.close()

    def _new(self) -> _Call[T]:
        return _Call(self._timeout_s, self._most_bytes, self._trusted)

    def _freed(self, curl: pycurl.Curl) -> _Call[T]:
        call = self._open.pop(curl)
        self._multi.remove_handle(curl)
        self._free.append(call)
        return call

    def _watch(self, what: int, file: int, _multi: object, _data: object) -> None:
        known = file in self._selector.get_map()
        if what in _INTEREST:
            (self._selector.modify if known else self._selector.register)(file, _INTEREST[what])
        elif known:
            self._selector.unregister(file)

    def _wake(self, after_ms: int) -> None:
        self._due_s = None if after_ms < 0 else time.monotonic() + after_ms / 1000
