"""The state of this process, and the HTTP server that shows it: /livez, /readyz, /metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

STARTING = "starting"  # why a process is not ready until it has loaded and can say more


class Health:
    """Not ready until someone says so; what is halted stays so. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = False
        self._halted = False
        self._message = STARTING

    def set(self, ready: bool, halted: bool = False, message: str = "") -> None:
        with self._lock:
            self._ready, self._halted, self._message = ready and not halted, halted, message

    @property
    def state(self) -> tuple[bool, bool, str]:
        """Ready, halted, and why not ready."""
        with self._lock:
            return self._ready, self._halted, self._message


@cache
def process_health() -> Health:
    """This process's state, for workers that announce by themselves when they are ready."""
    return Health()


class HealthServer:
    """Answers on `host:port` from a thread; port 0 takes any. Raises OSError when the port is busy.

    /livez is 200 as long as the process answers; /readyz 200 or 503 with the reason; /metrics what `exposition`
    gives (content type, body).
    """

    def __init__(self, health: Health, exposition: Callable[[], tuple[str, bytes]], host: str, port: int) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(health, exposition))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(health: Health, exposition: Callable[[], tuple[str, bytes]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            if self.path == "/metrics":
                self._answer(200, *exposition())
            elif self.path == "/livez":
                self._answer(200, "text/plain", b"alive\n")
            elif self.path == "/readyz":
                ready, halted, message = health.state
                word = "ready" if ready else f"{'halted' if halted else 'not ready'}: {message}"
                self._answer(200 if ready else 503, "text/plain; charset=utf-8", f"{word}\n".encode())
            else:
                self._answer(404, "text/plain", b"there are /livez, /readyz and /metrics\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # probes are no news
            pass

    return Handler
