"""Whether an engine is up."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

from orderwing.runtime.embedded.ports import HOST


def answers(port: int, path: str, timeout_s: float) -> bool:
    """Whether a server on the loopback address answers a request, be it by a refusal of the path's values."""
    connection = HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
