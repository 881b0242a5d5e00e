"""The app behind a socket, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn

from orderwing.api.app import Exposition, create_app
from orderwing.api.jobs import Searches
from orderwing.planning.distances import Distances
from orderwing.runtime.errors import OperatorError

_GRACE_S = 5  # for searches that end by then


class _Server(uvicorn.Server):
    """Whose searches end in time for their requests to be answered."""

    def __init__(self, config: uvicorn.Config, searches: Callable[[], Searches]) -> None:
        super().__init__(config)
        self._searches = searches

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(_end(self._searches()))
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()


async def _end(searches: Searches) -> None:
    await searches.close(_GRACE_S)
    await asyncio.sleep(_GRACE_S)
    await searches.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address. Of a name all its addresses must be so."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return all(ip_address(str(address).partition("%")[0]).is_loopback for address in found)


def serve(
    host: str,
    port: int,
    processes: int,
    waiting: int,
    listening: Callable[[str], None],
    distances: Distances | None = None,
    metrics: Exposition | None = None,
    token: str | None = None,
) -> None:
    """`listening` is told the address once connections are taken; port 0 takes a free one. Raises OperatorError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
            taken.listen(128)
        except (OSError, OverflowError) as error:
            raise OperatorError(f"{host}:{port} cannot be used ({error}): choose another --port, or 0.") from None
        name = f"[{host}]" if ":" in host else host
        # uvicorn ends gracefully, and then raises the signal again for whoever was there before.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        app = create_app(processes, waiting, distances, metrics, token)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE_S + 3)
        listening(f"http://{name}:{taken.getsockname()[1]}")
        _Server(config, lambda: app.state.searches).run([taken])
