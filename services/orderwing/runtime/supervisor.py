"""Runs services as child processes: starts them, waits until they are ready, starts again what dies, stops all."""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Self

from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.health import STARTING
from orderwing.runtime.logs import get_logger
from orderwing.runtime.service import log_file, run_file
from orderwing.runtime.settings import Settings, to_environment

_POLL_S = 0.05
_FIRST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 8.0
_STEADY_S = 30.0  # a process that lived so long begins with the first backoff again
_LOG_LINES = 10
_LOG_TAIL_BYTES = 64 << 10
_NOT_STARTED = "not started"
_SILENT = "does not answer"
_LOADING = (_NOT_STARTED, _SILENT, f"not ready: {STARTING}")

_log = get_logger(__name__)
Died = Callable[[str, int, float], None]  # (service, exit status, seconds until it is started again)


def log_death(name: str, status: int, again_in_s: float) -> None:
    _log.warning("service died", service_name=name, status=status, again_in_s=again_in_s)


@dataclass(frozen=True)
class ServiceSpec:
    """One process. `command` defaults to the service's own; `environment` adds to the settings."""

    name: str
    instance: str = "0"
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()

    @property
    def argv(self) -> list[str]:
        return list(self.command) or [sys.executable, "-m", "orderwing.commands.service", self.name]


class SupervisorError(OperatorError):
    """A service that does not become ready or keeps dying, with the last lines of its log."""


class _Child:
    """One service's process, or the wait for its next start."""

    def __init__(self, spec: ServiceSpec, settings: Settings) -> None:
        self.spec = spec
        self.log = log_file(settings.runtime.run_dir, spec.name, spec.instance)
        self.restarts = 0
        self.process: ChildProcess | None = None
        self._settings = settings
        self._run_file = run_file(settings.runtime.run_dir, spec.name, spec.instance)
        self._began_s = 0.0
        self._deaths = 0  # in a row, none of which lived long
        self._again_at_s = 0.0

    def start(self) -> None:
        self._run_file.unlink(missing_ok=True)  # of a process that was killed
        settings = self._settings.named(self.spec.instance)
        environment = {**os.environ, **to_environment(settings), **self.spec.environment}
        self.process = ChildProcess(self.spec.argv, log=self.log, env=environment)
        self._began_s = time.monotonic()

    def tend(self, give_up_after: int, died: Died) -> str | None:
        """Start it again if it died and the backoff is over; what to say if it keeps dying."""
        now_s = time.monotonic()
        if self.process is not None:
            if (status := self.process.exit_status) is None:
                return None
            self.process = None
            self._deaths = 1 if now_s - self._began_s > _STEADY_S else self._deaths + 1
            if self._deaths >= give_up_after:
                return f"{self.spec.name} keeps dying, last with status {status}: {self.last_lines()}"
            backoff_s = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (self._deaths - 1))
            self._again_at_s = now_s + backoff_s
            died(self.spec.name, status, backoff_s)
        elif now_s >= self._again_at_s:
            self.restarts += 1
            self.start()
        return None

    @property
    def port(self) -> int | None:
        """Where it answers; None until it has said so."""
        try:
            return int(json.loads(self._run_file.read_text("utf-8"))["port"])
        except (OSError, ValueError, KeyError):
            return None

    def why_not_ready(self) -> str | None:
        """None when /readyz says yes."""
        if self.process is None or (port := self.port) is None:
            return _NOT_STARTED
        connection = http.client.HTTPConnection(self._settings.http.host, port, timeout=2.0)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException):
            return _SILENT
        finally:
            connection.close()
        return None if answer.status == 200 else text

    def why_not_loaded(self) -> str | None:
        """None when it is ready or says what it waits for."""
        why = self.why_not_ready()
        return why if why in _LOADING else None

    def last_lines(self) -> str:
        with self.log.open("rb") as log:  # made when the process was started
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
        return "\n".join([f"{self.log} ends with", *lines]) if lines else f"{self.log} is empty"


class Supervisor:
    """Services in the order of their start; they are stopped in reverse. All die with this process.

    A process that ends unasked (status 75, a signal, anything) is started again after a growing pause. One that dies
    `give_up_after` times in a row, none of them having lived 30 s, is left alone and reported in `failures`. `died`
    hears of each that will be started again, in a thread of the supervisor's own.
    """

    def __init__(
        self,
        settings: Settings,
        services: Sequence[ServiceSpec],
        *,
        grace_s: float = 15.0,
        give_up_after: int = 8,
        died: Died = log_death,
    ) -> None:
        self._died = died
        self._children = {spec.name: _Child(spec, settings) for spec in services}
        if len(self._children) != len(services):
            raise ValueError("services must have distinct names")
        self._run_dir: Path = settings.runtime.run_dir
        self._grace_s = grace_s
        self._give_up_after = give_up_after
        self._failures: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> Self:
        """Start every service; does not wait until they are ready."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        try:
            for child in self._children.values():
                child.start()
            self._thread.start()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, deadline_s: float = 60.0, names: Sequence[str] | None = None) -> None:
        """Return once all of `names` (default: every service) are ready at once.

        Raises SupervisorError at the deadline, or as soon as one of them keeps dying.
        """
        self._wait(deadline_s, names, _Child.why_not_ready)

    def wait_loaded(self, deadline_s: float = 60.0, names: Sequence[str] | None = None) -> None:
        """Return once each of `names` is ready or says what it waits for: a clock, say. Raises as `wait_ready`."""
        self._wait(deadline_s, names, _Child.why_not_loaded)

    def _wait(self, deadline_s: float, names: Sequence[str] | None, why_not: Callable[[_Child], str | None]) -> None:
        waited = [self._children[name] for name in names or self._children]
        end_s = time.monotonic() + deadline_s
        while True:
            if failed := [text for name, text in self.failures.items() if self._children[name] in waited]:
                raise SupervisorError(failed[0])
            late = next(((child, why) for child in waited if (why := why_not(child)) is not None), None)
            if late is None:
                return
            if time.monotonic() > end_s:
                child, why = late
                raise SupervisorError(
                    f"{child.spec.name} is not ready after {deadline_s:g} s ({why}): {child.last_lines()}"
                )
            time.sleep(_POLL_S)

    @property
    def restarts(self) -> Mapping[str, int]:
        """How often each service was started again."""
        return {name: child.restarts for name, child in self._children.items()}

    @property
    def failures(self) -> Mapping[str, str]:
        """Services given up, each with what to say about it."""
        with self._lock:
            return dict(self._failures)

    def ports(self) -> Mapping[str, int]:
        """HTTP ports of the services that have told theirs."""
        return {name: port for name, child in self._children.items() if (port := child.port) is not None}

    def pids(self) -> Mapping[str, int]:
        with self._lock:
            return {name: child.process.pid for name, child in self._children.items() if child.process}

    def kill(self, name: str) -> None:
        """End a service at once (SIGKILL); it is started again like one that died by itself."""
        with self._lock:
            process = self._children[name].process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        """Ask all to end, the last started first, and kill those that still run when the common grace is over."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        end_s = time.monotonic() + self._grace_s
        processes = [child.process for child in reversed(self._children.values()) if child.process is not None]
        for process in processes:
            process.signal(SIGTERM)
        for process in processes:
            try:
                process.wait(max(0.0, end_s - time.monotonic()))
            except TimeoutError:
                process.kill()

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL_S):
            with self._lock:
                for name, child in self._children.items():
                    if (
                        name not in self._failures
                        and (failure := child.tend(self._give_up_after, self._died)) is not None
                    ):
                        self._failures[name] = failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
