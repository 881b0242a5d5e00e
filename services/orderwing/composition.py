"""What runs under which name: the one place that knows every service. Each is imported only when it is run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.observer import Observer
from orderwing.runtime.settings import Settings


@dataclass(frozen=True)
class StageService:
    """A stage, run by the runner. `module` exports STAGE."""

    module: str

    def run(self, settings: Settings, observer: Observer, stop: threading.Event) -> int:
        stage = import_module(self.module).STAGE
        status: int = import_module("orderwing.runtime.run_stage").run_stage(stage, settings, observer, stop)
        return status


@dataclass(frozen=True)
class WorkerService:
    """A worker with a loop of its own. `module` exports `run(settings, stop)`.

    One that `announces` calls `process_health().set(...)` when it is ready; the others are ready once started.
    """

    module: str
    announces: bool = False

    def run(self, settings: Settings, observer: Observer, stop: threading.Event) -> int:
        run = import_module(self.module).run
        if not self.announces:
            observer.state(True, False, "")
        run(settings, stop)
        return 0


class Service(Protocol):
    def run(self, settings: Settings, observer: Observer, stop: threading.Event) -> int:
        """Run until `stop` is set; the process's exit status."""
        ...


SERVICES: dict[str, Service] = {
    "gate": StageService("orderwing.gate.stage"),
    "intake": StageService("orderwing.intake.stage"),
    "payment_hold": StageService("orderwing.payment_hold.stage"),
    "fraud": StageService("orderwing.fraud.stage"),
    "reservation": StageService("orderwing.reservation.stage"),
    "allocation": StageService("orderwing.allocation.stage"),
    "dispatch": StageService("orderwing.dispatch.stage"),
    "payment_gateway": WorkerService("orderwing.gateways.payments", announces=True),
    "reoptimizer": WorkerService("orderwing.reoptimizer.worker", announces=True),
    "steering": WorkerService("orderwing.steering.worker", announces=True),
    "views": WorkerService("orderwing.views.worker", announces=True),
    "psp": WorkerService("orderwing.simulators.psp"),
    "warehouse": WorkerService("orderwing.simulators.warehouse"),
}


# A demo or a benchmark runs these only where it is asked to.
OPTIONAL = frozenset({"steering"})


def service_named(name: str) -> Service:
    """Raises OperatorError for a name that nothing runs under."""
    try:
        return SERVICES[name]
    except KeyError:
        raise OperatorError(f"There is no service {name}; there are {', '.join(SERVICES)}.") from None
