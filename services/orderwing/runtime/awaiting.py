"""Waits for topics that an operator has yet to make, instead of ending: supervisors start again what ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

from orderwing.runtime.errors import TopicMissingError
from orderwing.runtime.health import process_health
from orderwing.runtime.logs import get_logger

_AGAIN_S = 1.0
_log = get_logger("orderwing.awaiting")


def once_there(serve: Callable[[], None], stop: threading.Event) -> None:
    """`serve`, called again while topics are missing, until `stop`; health says what to do."""
    told = ""
    while not stop.is_set():
        try:
            serve()
        except TopicMissingError as error:
            process_health().set(False, message=str(error))
            if told != str(error):
                told = str(error)
                _log.warning("waiting for topics", reason=told)
            stop.wait(_AGAIN_S)
        else:
            return
