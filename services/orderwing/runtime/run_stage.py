"""Run a stage on a real cluster until it is asked to stop."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import closing

from orderwing.kernel.ports import BusError, FencedError, NotYetError, Record, TopicPartition
from orderwing.kernel.stage import Stage
from orderwing.runtime.clock import DomainClock, clock_of
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka import KafkaBus
from orderwing.runtime.observer import Observer
from orderwing.runtime.runner import Runner
from orderwing.runtime.settings import Settings
from orderwing.runtime.tracing import tracing
from orderwing.runtime.watchdog import Watchdog
from orderwing_schemas.topics import CLOCK, REFERENCE, Counted


def run_stage(stage: Stage, settings: Settings, observer: Observer, stop: threading.Event) -> int:
    """0 once `stop` is set. Raises FencedError (start again) and OperatorError."""
    try:
        with (
            tracing(stage.name, settings) as tracer,
            Watchdog() as watchdog,
            closing(_bus(stage, settings)) as bus,
        ):
            clock = await_clock(bus, observer, stop, pulse=watchdog.pulse)
            if clock is None or not _learn_partitions(bus, stop, watchdog.pulse):
                return 0
            runner = Runner(
                stage,
                bus,
                clock,
                observer,
                batch_limit=settings.runtime.batch_limit,
                poison_share=settings.runtime.poison_share,
                poison_consecutive=settings.runtime.poison_consecutive,
                tracer=tracer,
            )
            _run(runner, stop, watchdog)
    except FencedError:
        raise
    except BusError as error:
        raise OperatorError(str(error)) from error
    return 0


def _bus(stage: Stage, settings: Settings) -> KafkaBus:
    return KafkaBus(
        settings.kafka,
        stage.name,
        settings.runtime.instance,
        transaction_timeout_ms=settings.kafka.transaction_timeout_ms,
        session_timeout_ms=settings.kafka.session_timeout_ms,
        rest_ms=settings.runtime.rest_ms,
        batch_limit=settings.runtime.batch_limit,
    )


def _run(runner: Runner, stop: threading.Event, watchdog: Watchdog) -> None:
    # Decisions make no cycles; with the default thresholds a third of the CPU would go into looking for some.
    gc.set_threshold(200_000, 20, 100)
    # A commit under way comes back to the interpreter a few times, and by default waits 5 ms each time.
    sys.setswitchinterval(0.0005)
    ready = False
    while not stop.is_set():
        runner.step()
        watchdog.pulse()
        if runner.ready and not ready:
            gc.collect()
            gc.freeze()  # restored rows stay: they need not be looked through again
        ready = runner.ready


def await_clock(
    bus: KafkaBus,
    observer: Observer,
    stop: threading.Event,
    timeout_s: float = 0.1,
    pulse: Callable[[], None] = lambda: None,
) -> DomainClock | None:
    """The cluster's clock, as soon as it is fixed; None if asked to stop before."""
    partition = TopicPartition(CLOCK.name, 0)
    while not stop.is_set():
        pulse()
        try:
            reader = bus.reader(bus.high_watermarks([partition]))
        except NotYetError:
            continue
        records: list[Record] = []
        while not reader.done and not stop.is_set():
            records += reader.poll(100, timeout_s)
        reader.close()
        clock = clock_of(records)
        if clock is not None:
            return clock
        observer.state(False, False, "The domain clock is not fixed: run `orderwing network load`.")
        stop.wait(timeout_s)
    return None


def _learn_partitions(bus: KafkaBus, stop: threading.Event, pulse: Callable[[], None]) -> bool:
    """Count on as many partitions as the cluster was made with; False if asked to stop before it says."""
    while not stop.is_set():
        pulse()
        try:
            Counted.partitions = bus.partition_count(REFERENCE.name)
        except NotYetError:
            continue
        return True
    return False
