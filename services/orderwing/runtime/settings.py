"""The settings of a service, from environment variables `ORDERWING_<NAME>`."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orderwing.runtime.errors import OperatorError

PREFIX = "ORDERWING_"


def _matches(pattern: str, expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def _named(text: object) -> object:
    """`@hostname` is this machine's name: replicas in containers have one each. Its end sets pods apart."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[-32:] if text == "@hostname" else text


Addresses = Annotated[str, _matches(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*", "host:port[,host:port ...]")]
HttpUrl = Annotated[str, _matches(r"https?://[^\s/]+\S*", "http://host[:port]")]
RedisUrl = Annotated[str, _matches(r"(rediss?|unix)://\S+", "redis://host:port/number")]
Instance = Annotated[
    str, BeforeValidator(_named), _matches(r"[A-Za-z0-9_-]{1,32}", "at most 32 letters, digits, _ or -, or @hostname")
]
Share = Annotated[float, Field(ge=0, le=1)]


class SettingsError(OperatorError):
    """A variable that cannot be used; the message names it."""


class Settings(BaseModel):
    """Each field is the variable `ORDERWING_` + its name in capitals; an empty variable counts as absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap: Addresses = "localhost:9092"  # Kafka
    redis_url: RedisUrl = "redis://localhost:6379/0"
    psp_url: HttpUrl = "http://localhost:8089"  # the payment provider; the simulator `psp` listens there
    run_dir: Path = Path(".orderwing/run")  # pid files, logs, simulators' books
    # Names this process among those of its service, and so its transactions: two of one name fence each other.
    instance: Instance = "0"  # @hostname takes the machine's name
    http_port: Annotated[int, Field(ge=0, le=65535)] = 0  # metrics and health; 0 takes any
    http_host: str = "127.0.0.1"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    batch_limit: Annotated[int, Field(ge=1, le=100_000)] = 500  # records in one transaction
    poison_share: Share = 0.05  # of recent records; above it the stage halts
    poison_consecutive: Annotated[int, Field(ge=1)] = 20  # dead letters in a row that halt the stage
    # How long a dead owner's open transaction may hold back its successor.
    transaction_timeout_ms: Annotated[int, Field(ge=1_000, le=900_000)] = 10_000
    session_timeout_ms: Annotated[int, Field(ge=1_000, le=1_800_000)] = 6_000
    # Of topics that `topics apply` and the re-optimizer make; 0: as many replicas as brokers, up to 3, of which 2 must
    # answer, and one of the re-optimizer's, which it can make anew.
    replication_factor: Annotated[int, Field(ge=0, le=9)] = 0
    min_insync_replicas: Annotated[int, Field(ge=0, le=9)] = 0
    seed: int = 0  # of solvers and simulators

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings in `environment` (default: this process's). Raises SettingsError naming the variable."""
        given = os.environ if environment is None else environment
        values = {name: text for name in cls.model_fields if (text := given.get(PREFIX + name.upper(), "").strip())}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            told = [_told(str(e["loc"][0]), values, e["msg"]) for e in error.errors(include_url=False)]
            raise SettingsError("; ".join(told) + ".") from None

    def to_environment(self) -> dict[str, str]:
        """The variables from which a child process reads the same settings."""
        return {PREFIX + name.upper(): str(getattr(self, name)) for name in type(self).model_fields}


def _told(name: str, values: Mapping[str, str], message: str) -> str:
    return f"{PREFIX}{name.upper()} is {values[name]!r}: {message.removeprefix('Value error, ')}"
