"""The life of one service's process: logs, health and metrics, signals, exit status."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from orderwing.kernel.ports import BusError, FencedError
from orderwing.runtime import logs
from orderwing.runtime.clock import ClockError
from orderwing.runtime.errors import START_AGAIN, OperatorError
from orderwing.runtime.health import STARTING, HealthServer, process_health
from orderwing.runtime.metrics import MetricsObserver, process_metrics
from orderwing.runtime.observer import Observer
from orderwing.runtime.settings import Settings

STOPPED = 0
FAILED = 1

Run = Callable[[Settings, Observer, threading.Event], int]


def run_file(run_dir: Path, service: str, instance: str) -> Path:
    """Where a running service says its process id and HTTP port."""
    return run_dir / f"{service}.{instance}.json"


def targets_file(run_dir: Path, service: str, instance: str) -> Path:
    """The same for Prometheus, which reads `*.targets.json`."""
    return run_dir / f"{service}.{instance}.targets.json"


def log_file(run_dir: Path, service: str, instance: str) -> Path:
    return run_dir / f"{service}.{instance}.log"


def serve(name: str, run: Run, settings: Settings) -> int:
    """Run a service in the foreground until SIGTERM or SIGINT; the exit status (0, 75 or 1)."""
    logs.configure(name, settings.runtime.instance, settings.log.level)
    log = logs.get_logger("orderwing.service")
    observer = MetricsObserver(process_metrics(name), process_health())
    observer.state(False, False, STARTING)
    stop = threading.Event()
    try:
        with _stop_on_signals(stop), _announced(name, settings):
            log.info("started", pid=os.getpid())
            status = run(settings, observer, stop)
    except FencedError as error:
        log.warning("fenced", reason=str(error))
        return START_AGAIN
    except (OperatorError, BusError, ClockError) as error:
        log.error("failed", reason=str(error))
        return FAILED
    except Exception:
        log.exception("failed", reason=f"{name} met a defect: see the traceback.")
        return FAILED
    if status == STOPPED and not stop.is_set():
        log.error("failed", reason=f"{name} ended without being asked to.")
        return FAILED
    log.info("stopped", status=status)
    return status


@contextmanager
def _stop_on_signals(stop: threading.Event) -> Iterator[None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # asked twice, it ends at once

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _announced(name: str, settings: Settings) -> Iterator[None]:
    """The HTTP server, and the file that tells where it is."""
    try:
        health = process_health()
        exposition = partial(process_metrics(name).exposition, health)
        server = HealthServer(health, exposition, settings.http.host, settings.http.port)
    except OSError as error:
        address = f"{settings.http.host}:{settings.http.port}"
        raise OperatorError(f"{address} cannot be used ({error.strerror}): set ORDERWING_HTTP_PORT to 0.") from None
    port = server.port
    where, instance = settings.runtime.run_dir, settings.runtime.instance
    target = {"targets": [f"{settings.http.host}:{port}"]}
    labels = {"job": name, "instance": f"{name}.{instance}"}  # the same after a restart on another port
    files = {
        run_file(where, name, instance): {"service": name, "pid": os.getpid(), "port": port},
        targets_file(where, name, instance): [target | {"labels": labels}],
    }
    with server:
        try:
            for file, content in files.items():
                _write(file, content)
        except OSError as error:
            raise OperatorError(f"{where} cannot be written ({error.strerror}): set ORDERWING_RUN_DIR.") from None
        try:
            yield
        finally:
            for file in files:
                file.unlink(missing_ok=True)


def _write(file: Path, content: object) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".json.new")
    draft.write_text(json.dumps(content) + "\n", "utf-8")
    draft.replace(file)
