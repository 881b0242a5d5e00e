"""What commands say to the operator, and how they end when they are interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from orderwing.runtime.settings import Settings

INTERRUPTED = 130


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


@contextmanager
def loading() -> Iterator[None]:
    """While modules are loaded Ctrl-C ends the process without a word: nothing runs yet that must be stopped."""
    # Not a KeyboardInterrupt: among imports it is printed as a traceback, or lost in a callback.
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
