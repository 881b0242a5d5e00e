"""What commands say to the operator, and how they end when they are interrupted."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from orderwing.runtime.settings import Kafka, Settings

INTERRUPTED = 130
_LISTENS_S = 1.0


def fail(message: str) -> NoReturn:
    """Print one sentence and exit with status 1."""
    sys.stderr.write(f"orderwing: {message}\n")
    sys.exit(1)


def configured() -> Settings:
    """The settings; a variable that looks like one and is none is told on stderr. Raises SettingsError."""
    from orderwing.runtime.settings import resolve

    resolved = resolve()
    for warning in resolved.warnings:
        sys.stderr.write(f"orderwing: {warning}\n")
    return resolved.settings


def cluster() -> Kafka:
    """The Kafka of the settings, as `reached`. Raises SettingsError."""
    return reached(configured().kafka)


def reached(kafka: Kafka) -> Kafka:
    """Where nobody listens it is told on stderr at once: clients go on asking for half a minute or more."""
    if not any(map(_listens, kafka.bootstrap.split(","))):
        sys.stderr.write(
            f"orderwing: nobody listens at {kafka.bootstrap} yet: asking again for a while, Ctrl-C ends it.\n"
        )
    return kafka


def listening() -> Kafka:
    """The Kafka of the settings, for a command that nobody would wait for. Raises OperatorError where nobody listens.

    SettingsError as `configured`.
    """
    from orderwing.runtime.errors import OperatorError
    from orderwing.runtime.kafka_client import no_answer

    kafka = configured().kafka
    if not any(map(_listens, kafka.bootstrap.split(","))):
        raise OperatorError(no_answer(kafka))
    return kafka


def _listens(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _LISTENS_S).close()
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def loading() -> Iterator[None]:
    """While modules are loaded Ctrl-C ends the process without a word: nothing runs yet that must be stopped."""
    # Not a KeyboardInterrupt: among imports it is printed as a traceback, or lost in a callback.
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
