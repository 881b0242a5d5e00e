"""The broker on which all run, their topics and their processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as attribute
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient

from orderwing.bench.peers.contenders import Contender
from orderwing.bench.peers.orders import Orders
from orderwing.bench.peers.work import Task
from orderwing.bench.usage import Usage, usage_of
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.topics import CLOCK, REFERENCE, Topic, changelog, control, dead_letters

STOP_S = 30.0
_TIMEOUT_S = 30.0


@dataclass
class Field:
    broker: EmbeddedBroker
    directory: Path
    progress: Progress
    orders: Orders
    runs: int = 0
    agains: int = 0  # orders of the first customer that were sent after a restart

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def prepare(self) -> None:
        """What our runner asks of a cluster, besides its topics."""
        self.make(CLOCK, REFERENCE)
        fix_clock(self.bootstrap, 1.0, time.time_ns() // 1_000_000)
        publish_reference(self.bootstrap, demo_network(), demo_catalogue())

    def make(self, *topics: Topic) -> None:
        TopicsAdmin(self.bootstrap, topics).apply()

    def source(self, name: str) -> str:
        self.make(Topic(name, "customer_id", (), "shop", (), "Orders."))
        return name

    @contextmanager
    def run(self, contender: Contender, commit: float, source: str | None = None) -> Iterator[Task]:
        """A fresh group with topics of its own, which are deleted afterwards; without a `source` that one too."""
        self.runs += 1
        name = f"peers-{self.runs:03}"
        source = source or self.source(f"{name}.in")
        target = Topic(f"{name}.out", "customer_id", (), name, (), "Rows.")
        own = () if contender.makes_topics else (changelog(name), control(name), dead_letters(name))
        self.make(target, *own)
        directory = self.directory / name
        directory.mkdir()
        try:
            yield Task(self.bootstrap, name, source, target.name, str(directory), commit)
        finally:
            self._forget(name)
            shutil.rmtree(directory, ignore_errors=True)

    def _forget(self, name: str) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        names = [topic for topic in admin.list_topics(timeout=_TIMEOUT_S).topics if name in topic]
        for future in (admin.delete_topics(names) if names else {}).values():
            future.exception(_TIMEOUT_S)  # one that is gone already is as good


@dataclass
class Peer:
    """A contender's process, started again where it ends by itself: `ended` counts that."""

    field: Field
    contender: Contender
    task: Task
    ended: int = 0
    _process: ChildProcess | None = attribute(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.field.directory / f"{self.task.name}.log"

    @property
    def pid(self) -> int:
        return self.ensure().pid

    def ensure(self) -> ChildProcess:
        """It runs."""
        if self._process is not None and self._process.exit_status is not None:
            self.ended += 1
            self._process = None
        if self._process is None:
            command = self.contender.command(self.task.argument())
            environment = self.contender.environment or None
            self._process = ChildProcess(command, log=self.log, cwd=Path(self.task.directory), env=environment)
        return self._process

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def stop(self) -> None:
        """As an operator does; killed if it takes longer than STOP_S."""
        if self._process is not None:
            self._process.stop(STOP_S)
            self._process = None

    def usage(self) -> Usage:
        """Of the process with its children, and of the broker. Raises psutil.NoSuchProcess if it has just ended."""
        pid = self.pid
        children = {f"child {child.pid}": child.pid for child in psutil.Process(pid).children(recursive=True)}
        return usage_of({"peer": pid, **children, "broker": self.field.broker.pid or 0})


@contextmanager
def running(field: Field, contender: Contender, task: Task) -> Iterator[Peer]:
    peer = Peer(field, contender, task)
    try:
        peer.ensure()
        yield peer
    finally:
        peer.stop()
