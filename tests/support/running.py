"""The whole product in a temporary directory, and waiting for what it does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from orderwing.runtime.embedded.jars import cache_dir

LOOK_S = 0.1


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 120.0) -> None:
    """Raises TimeoutError naming `what` did not come about."""
    end_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"not within {deadline_s:g} s: {what}")
        time.sleep(LOOK_S)


@contextmanager
def in_thread(service: Callable[[threading.Event], None], deadline_s: float = 120.0) -> Iterator[None]:
    """A service in this process until the block ends; what it raises is raised then."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def body() -> None:
        try:
            service(stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(deadline_s)
        assert not thread.is_alive()
        if failed:
            raise failed[0]


def private_cache(directory: Path) -> dict[str, str]:
    """An environment whose runs lie in `directory`; the jars are those of this machine."""
    jars = cache_dir() / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    if not (directory / "jars").exists():
        (directory / "jars").symlink_to(jars)
    return {**os.environ, "ORDERWING_CACHE": str(directory)}


def processes_of(directory: Path) -> list[str]:
    """Command lines of processes that name `directory` in their arguments or their environment."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if any(str(directory) in text for text in told):
            found.append(" ".join(process.cmdline()[:6]))
    return found
