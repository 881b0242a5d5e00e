"""Child processes that never outlive this one."""

import atexit
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

_GUARD = Path(__file__).with_name("guard.py")
_live: "weakref.WeakSet[ChildProcess]" = weakref.WeakSet()


class ChildProcess:
    """A running command in a process group of its own: Ctrl-C in the terminal reaches only this process.

    The kernel kills it when this process ends, even by SIGKILL. Output is appended to `log`.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start `argv`; `env` replaces the environment. Raises OSError if nothing can be started."""
        command = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *map(str, argv)]
        with log.open("ab") as output:
            self._process = _spawn(command, output, cwd, env)
        _live.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative: the number of the signal that ended it."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; nothing happens if it has ended."""
        if self.exit_status is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit status. Raises TimeoutError when it still runs after `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"process {self.pid} still runs after {timeout_s} s") from error

    def stop(self, deadline_s: float = 20.0) -> int:
        """Ask it to end (SIGTERM), kill it at the deadline; the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(deadline_s)
        except TimeoutError:
            return self.kill()

    def kill(self) -> int:
        """End the whole group at once (SIGKILL); the exit status."""
        self.signal(signal.SIGKILL)
        return self._process.wait()


class _Spawner(threading.Thread):
    """Starts every child. The kernel takes the *thread* that forked for the parent, so it must be one that stays."""

    def __init__(self) -> None:
        super().__init__(name="child-spawner", daemon=True)
        self._requests: queue.SimpleQueue[tuple[tuple[object, ...], Future[subprocess.Popen[bytes]]]]
        self._requests = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        while True:
            (command, output, cwd, env), future = self._requests.get()
            try:
                process = subprocess.Popen(  # type: ignore[call-overload]
                    command,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(process)

    def spawn(self, *request: object) -> "subprocess.Popen[bytes]":
        future: Future[subprocess.Popen[bytes]] = Future()
        self._requests.put((request, future))
        return future.result()


@cache
def _spawner(_pid: int) -> _Spawner:
    return _Spawner()  # one per process: a fork has no threads


def _spawn(
    command: list[str], output: IO[bytes], cwd: Path | None, env: Mapping[str, str] | None
) -> "subprocess.Popen[bytes]":
    return _spawner(os.getpid()).spawn(command, output, cwd, env)


def _kill_all() -> None:
    for child in list(_live):
        child.kill()


atexit.register(_kill_all)
os.register_at_fork(after_in_child=_live.clear)
