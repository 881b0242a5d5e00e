"""What the embedded servers have in common: a directory, a port, a child process, and a deadline to be ready."""

import fcntl
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.jars import require_space
from orderwing.runtime.embedded.ports import free_port, require_free
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.embedded.progress import Progress, silent

_POLL_S = 0.02


class EmbeddedServer(ABC):
    """A server on the loopback address that keeps its data in `data_dir` and can be killed and started again.

    Port 0 takes a free one at the first start and keeps it. A directory serves one server at a time.
    """

    name: ClassVar[str]

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        progress: Progress = silent,
        start_deadline_s: float = 180.0,
        min_free_bytes: int = 500_000_000,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.log_file = self.data_dir / f"{self.name.lower()}.log"
        self._progress = progress
        self._start_deadline_s = start_deadline_s
        self._min_free_bytes = min_free_bytes
        self._process: ChildProcess | None = None
        self._lock: IO[bytes] | None = None

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """What to run, after whatever must be prepared for it in `data_dir`."""

    @abstractmethod
    def _answers(self, timeout_s: float) -> bool:
        """Whether a real request is answered within `timeout_s`; raises nothing."""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.exit_status is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start and return once the server answers; no effect while it runs.

        Raises EmbeddedError: a busy port or directory, too little disk, a server that ends or does not answer.
        """
        if self.running:
            return self
        self.data_dir.mkdir(parents=True, exist_ok=True)
        require_space(self.data_dir, self._min_free_bytes)
        self._lock_directory()
        try:
            if self.port:
                require_free(self.port, self.name)
            else:
                self.port = free_port()
            command = self._command()
            self._progress(f"Start {self.name}", 0, 1)
            self._process = ChildProcess(command, log=self.log_file, cwd=self.data_dir)
            self._await(time.monotonic() + self._start_deadline_s)
        except BaseException:
            self.kill()
            raise
        self._progress(f"Start {self.name}", 1, 1)
        return self

    def stop(self, deadline_s: float = 20.0) -> None:
        """End it in order, by force at the deadline; no effect when it does not run."""
        if self._process is not None:
            self._process.stop(deadline_s)
        self._forget()

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
        self._forget()

    def restart(self) -> Self:
        """Stop, then start on the same data and port."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _forget(self) -> None:
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _lock_directory(self) -> None:
        self._lock = (self.data_dir / "in-use.lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._forget()
            raise EmbeddedError(
                f"{self.data_dir} is in use by another {self.name}: stop it, or use another directory."
            ) from None

    def _await(self, deadline_s: float) -> None:
        while not self._answers(min(1.0, max(0.1, deadline_s - time.monotonic()))):
            if not self.running:
                raise EmbeddedError(f"{self.name} ended while starting: see {self.log_file}{self._last_line()}")
            if time.monotonic() > deadline_s:
                raise EmbeddedError(
                    f"{self.name} did not answer within {self._start_deadline_s:g} s: see {self.log_file}."
                )
            time.sleep(_POLL_S)

    def _last_line(self) -> str:
        lines = [line.strip() for line in self.log_file.read_text("utf-8", "replace").splitlines()]
        errors = [line for line in lines[-200:] if "ERROR" in line or "FATAL" in line or "# " in line]
        return f" (it says: {errors[-1][:200]})" if errors else "."
