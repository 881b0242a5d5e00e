"""Where a run keeps everything: a directory that one demo at a time uses, gone afterwards unless it is kept."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from orderwing.runtime.embedded.jars import cache_dir, require_space
from orderwing.runtime.errors import OperatorError

NEEDED_BYTES = 1_000_000_000
_LOCK = "in-use.lock"


class RunDirectory:
    """`path` holds the servers' data, the services' logs and books, and the input as it was sent."""

    def __init__(self, path: Path, kept: bool) -> None:
        self.path = path
        self.kept = kept

    @property
    def services(self) -> Path:
        return self.path / "services"

    @property
    def input(self) -> Path:
        return self.path / "input.jsonl"

    def tells_of(self, error: BaseException) -> bool:
        """Whether something in it helps to understand `error`: a file that it names, or what services have written."""
        return str(self.path) in str(error) or any(self.services.iterdir())

    def keep(self) -> None:
        """Leave it where it is when the run is over: something in it must be looked at."""
        self.kept = True


@contextmanager
def run_directory(keep: bool, base: Path | None = None) -> Iterator[RunDirectory]:
    """A kept directory is used again by the next run that keeps; a fresh one is removed at the end.

    Raises OperatorError when another demo uses the kept one, EmbeddedError when the disk is too full.
    """
    base = base or cache_dir() / "demo"
    directory = RunDirectory(base / "kept" if keep else base / f"run-{os.getpid()}", keep)
    try:
        directory.services.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(
            f"{base} cannot be written ({error.strerror}): set ORDERWING_CACHE to a directory of yours."
        ) from None
    lock = _locked(directory.path)
    if lock is None:
        raise OperatorError(f"Another demo uses {directory.path}: stop it, or start without --keep.")
    with lock:
        try:
            require_space(base, NEEDED_BYTES)
            _remove_abandoned(base)
            yield directory
        finally:
            if not directory.kept:
                shutil.rmtree(directory.path, ignore_errors=True)


def _locked(path: Path) -> IO[bytes] | None:
    lock = (path / _LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _remove_abandoned(base: Path) -> None:
    """Fresh directories whose demo was killed or has failed some run ago."""
    for path in base.glob("run-*"):
        with suppress(OSError):
            lock = _locked(path)
            if lock is not None:
                with lock:
                    shutil.rmtree(path, ignore_errors=True)
