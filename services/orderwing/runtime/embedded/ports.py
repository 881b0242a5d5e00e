"""TCP ports on the loopback address."""

import secrets
import socket
from contextlib import closing

from orderwing.runtime.embedded.errors import EmbeddedError

HOST = "127.0.0.1"
# Below the range from which systems choose source ports: while a server is down, the reconnecting clients of its
# port could otherwise be given that very port, and the server could not come back to it.
_FIRST, _LAST = 15_000, 32_000
_ATTEMPTS = 50


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nothing uses now."""
    for _ in range(_ATTEMPTS):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_free(port: int, what: str) -> None:
    """Raises EmbeddedError when another program listens on `port`."""
    if not is_free(port):
        raise EmbeddedError(
            f"Port {port} is in use, so {what} cannot listen on it: "
            "stop the program that uses it, or choose another port (0 takes a free one)."
        )
