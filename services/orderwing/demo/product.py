"""The product on one machine: broker, Redis and every service as a process of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from orderwing.commands.policy_log import publish_policy
from orderwing.composition import OPTIONAL, SERVICES
from orderwing.demo.rundir import RunDirectory
from orderwing.planning.policies.file import Parsed
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.progress import Progress, silent
from orderwing.runtime.embedded.redis import EmbeddedRedis
from orderwing.runtime.publish import find_clock, fix_clock, publish_reference
from orderwing.runtime.settings import Http, Kafka, Redis, Settings, load
from orderwing.runtime.supervisor import Died, ServiceSpec, Supervisor, log_death
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.network import Item, Network

READY_S = 90.0


class Product:
    """Started, the servers run; services, clock and market make it the product. Left, nothing runs any more."""

    def __init__(
        self,
        directory: RunDirectory,
        *,
        seed: int = 0,
        without: Sequence[str] = (),
        also: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        progress: Progress = silent,
        died: Died = log_death,
    ) -> None:
        """`without` names services that do not run, `also` optional ones that do.

        `environment` is added to that of all. `died` hears of services that are started again.
        """
        self.directory = directory
        self.broker = EmbeddedBroker(directory.path / "kafka", heap_mb=768, progress=progress)
        self.redis = EmbeddedRedis(directory.path / "redis", progress=progress)
        self._names = [name for name in SERVICES if name not in without and (name in also or name not in OPTIONAL)]
        self._environment = dict(environment or {})
        self._seed = seed
        self._died = died
        self._stack = ExitStack()
        self.supervisor: Supervisor | None = None

    def start(self) -> Self:
        """Start the servers and make the topics."""
        with ExitStack() as stack:
            stack.enter_context(self.redis)
            stack.enter_context(self.broker)
            TopicsAdmin(self.broker.bootstrap).apply()
            self._stack = stack.pop_all()
        return self

    def __enter__(self) -> Self:
        return self if self.broker.running else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._stack:
            self.stop_services()
            if not self.directory.kept:  # so that nobody waits for data to be put in order that are thrown away
                self.broker.kill()
                self.redis.kill()

    @property
    def settings(self) -> Settings:
        """Those given, but for what the demo has of its own."""
        given = load()
        own = {
            "kafka": Kafka(bootstrap=self.broker.bootstrap),
            "redis": Redis(url=self.redis.url),
            "payments": given.payments.model_copy(update={"url": "http://127.0.0.1:0"}),
            "runtime": given.runtime.model_copy(update={"run_dir": self.directory.services, "seed": self._seed}),
            "http": Http(),
        }
        return given.model_copy(update=own)

    def fix_clock(self, factor: float, start_ms: int) -> DomainClock:
        """Domain time is `start_ms` now, unless the cluster has a clock already. Raises OperatorError."""
        return fix_clock(self.broker.bootstrap, factor, time.time_ns() // 1_000_000, start_ms)

    def kept_clock(self, factor: float) -> DomainClock | None:
        """The clock that the cluster has already. Raises OperatorError if it is of another speed."""
        return find_clock(self.broker.bootstrap, factor)

    def publish(self, network: Network, items: Sequence[Item], policy: Parsed | None = None) -> None:
        """Raises OperatorError, as for a policy that does not go with the network."""
        publish_reference(self.broker.bootstrap, network, items)
        if policy is not None:
            publish_policy(self.broker.bootstrap, policy)

    def start_services(self) -> Supervisor:
        """All at once; does not wait until they are ready, which takes a clock and a network."""
        specs = [ServiceSpec(name, environment=self._environment) for name in self._names]
        self.supervisor = Supervisor(self.settings, specs, died=self._died).start()
        return self.supervisor

    def stop_services(self) -> None:
        if self.supervisor is not None:
            self.supervisor.stop()
            self.supervisor = None
