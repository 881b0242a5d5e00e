"""Two worlds in which the same contract is tested: a real cluster and the simulated one."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from confluent_kafka import Producer

from contract.probe_stage import Bell, Probe, Tally
from orderwing.kernel.ports import Bus, NotYetError, Outgoing, Record, TopicPartition
from orderwing.runtime.clock import REAL_TIME, DomainClock
from orderwing.runtime.kafka import KafkaBus
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.runner import Runner
from orderwing.runtime.simulated import SimulatedBus
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.network import Lane, Network, Region, Site
from orderwing_schemas.topics import Topic

DEADLINE_S = 120.0
Answer = TypeVar("Answer")
HOUR_MS = 3_600_000  # longer than any test takes


@dataclass(frozen=True, slots=True)
class LeapingClock(DomainClock):
    """Real time that a test makes leap, so that a deadline passes when the test says so, however slow the machine."""

    leaps_ms: list[int] = field(default_factory=list)

    def leap(self, hours: int) -> None:
        self.leaps_ms.append(hours * HOUR_MS)

    def domain_ms(self, wall_ms: int) -> int:
        return wall_ms + sum(self.leaps_ms)

    def wall_ms(self, domain_ms: int) -> int:
        return domain_ms - sum(self.leaps_ms)


def small_network() -> Network:
    site = Site(
        site_id="site", region_id="north", location=Point(latitude=50.0, longitude=0.0), timezone="Europe/London",
        pick_minutes=1, units_per_hour=10, handling_line_minor=1, handling_parcel_minor=1,
    )  # fmt: skip
    lane = Lane(
        lane_id="lane", site_id="site", zone="north", carrier="carrier", services=(ServiceLevel("STANDARD"),),
        every_minutes=60, transit_minutes=10, parcels_per_departure=10, parcel_minor=1, kilogram_minor=1,
    )  # fmt: skip
    region = Region(region_id="north", centre=site.location)
    return Network(version=1, currency="GBP", regions=(region,), sites=(site,), lanes=(lane,))


def outgoing(topic: Topic, event: Event, partition: int | None = None) -> Outgoing:
    key = topic.key_of(event)
    headers = [("ce_type", event.EVENT_TYPE.encode())]
    if event.subject is not None:
        headers.append(("ce_subject", event.subject.encode()))
    place = key_partition(key, topic.partitions) if partition is None else partition
    return Outgoing(topic.name, place, key.encode(), encode(event), headers)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """What a bus answers, however often it must be asked."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return ask()
        except NotYetError:
            assert time.monotonic() < deadline, "it is never told"


class Process(Protocol):
    """Another instance of the stage, which can be killed as SIGKILL would."""

    def kill(self) -> None: ...


class World(Protocol):
    def create(self, probe: Probe) -> None: ...
    def bus(self, group: str, instance: str = "0", **options: int) -> Bus: ...
    def publish(self, *records: Outgoing) -> None: ...
    def limit(self, topic: Topic, size: int) -> None: ...
    def spawn(self, probe: Probe, instance: str) -> Process: ...
    def until(self, condition: Callable[[], bool], *runners: Runner) -> None: ...
    def wall_ms(self) -> int: ...
    def close(self) -> None: ...


class Cast:
    """What the tests do in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = LeapingClock()  # of all runners
        self._open: list[Bus] = []
        self._looker: Bus | None = None

    def prepare(self, probe: Probe) -> None:
        self.world.create(probe)
        network = NetworkPublished(network=small_network())
        for number in range(probe.reference.partitions):
            self.world.publish(outgoing(probe.reference, network, number))

    def bus(self, group: str, instance: str = "0", **options: int) -> Bus:
        bus = self.world.bus(group, instance, **options)
        self._open.append(bus)
        return bus

    def runner(self, probe: Probe, instance: str = "0", bus: Bus | None = None, **options: Any) -> Runner:
        used = bus or self.bus(probe.name, instance)
        return Runner(probe.stage, used, self.clock, reference=probe.reference, **options)

    def now_ms(self) -> int:
        return self.clock.domain_ms(self.world.wall_ms())

    def send(self, topic: Topic, *events: Event) -> None:
        self.world.publish(*[outgoing(topic, event) for event in events])

    def transaction(self, *records: Outgoing, commit: bool = True) -> None:
        """As another stage sends: with a marker behind them."""
        bus = self.bus("writer", "0")
        bus.begin()
        for record in records:
            bus.produce(record)
        if commit:
            bus.commit()
        else:
            bus.abort()

    def records(self, topic: Topic) -> list[Record]:
        """What is committed."""
        bus = self._looker = self._looker or self.bus("looker")
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        reader = bus.reader(patiently(lambda: bus.high_watermarks(places)))
        found: list[Record] = []
        deadline = time.monotonic() + DEADLINE_S
        while not reader.done:
            assert time.monotonic() < deadline, f"{topic.name} cannot be read to its end"
            found += reader.poll(10_000, 0.05)
        reader.close()
        return found

    def committed(self, probe: Probe, partition: int) -> dict[str, tuple[int, str]]:
        bus = self.bus(probe.name, "looker")
        places = [TopicPartition(topic, partition) for topic in (probe.first.name, probe.second.name)]
        found = patiently(lambda: bus.committed(places))
        return {place.topic: position for place, position in found.items() if position is not None}

    def until(self, condition: Callable[[], bool], *runners: Runner) -> None:
        self.world.until(condition, *runners)

    def close(self) -> None:
        for bus in self._open:
            bus.close()
        self.world.close()


class KafkaWorld:
    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        self._processes: list[Any] = []

    def create(self, probe: Probe) -> None:
        TopicsAdmin(self._bootstrap, probe.topics).apply()

    def bus(self, group: str, instance: str = "0", **options: int) -> Bus:
        return KafkaBus(self._bootstrap, group, instance, **options)

    def publish(self, *records: Outgoing) -> None:
        for one in records:
            self._producer.produce(one.topic, one.value, one.key, one.partition, headers=one.headers)  # type: ignore[arg-type]
        assert self._producer.flush(DEADLINE_S) == 0

    def limit(self, topic: Topic, size: int) -> None:
        from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(DEADLINE_S)

    def spawn(self, probe: Probe, instance: str) -> Process:
        process = multiprocessing.get_context("spawn").Process(
            target=run_probe, args=(self._bootstrap, probe.name, instance), daemon=True
        )
        process.start()
        self._processes.append(process)
        return process

    def until(self, condition: Callable[[], bool], *runners: Runner) -> None:
        deadline = time.monotonic() + DEADLINE_S
        idle = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            for runner in runners:
                runner.step(0.02)
            if not runners:
                idle.wait(0.02)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.join(DEADLINE_S)


def run_probe(bootstrap: str, name: str, instance: str) -> None:
    """Another process that runs the stage until it is killed."""
    probe = Probe(name)
    runner = Runner(probe.stage, KafkaBus(bootstrap, name, instance), REAL_TIME, reference=probe.reference)
    while True:
        runner.step()


class SimulatedProcess:
    def __init__(self, runner: Runner) -> None:
        self.runner: Runner | None = runner

    def kill(self) -> None:
        self.runner = None


class SimulatedWorld:
    """Time passes only while everybody waits."""

    def __init__(self) -> None:
        self.cluster = SimulatedCluster()
        self.cluster.idle = lambda seconds: self.cluster.advance(max(1, round(seconds * 1000)))
        self._processes: list[SimulatedProcess] = []

    def create(self, probe: Probe) -> None:
        for topic in probe.topics:
            self.cluster.create_topic(topic.name, topic.partitions)

    def bus(self, group: str, instance: str = "0", **options: int) -> Bus:
        options.pop("max_poll_interval_ms", None)
        return SimulatedBus(self.cluster, group, instance, **options)

    def publish(self, *records: Outgoing) -> None:
        for record in records:
            self.cluster.publish(record)

    def limit(self, topic: Topic, size: int) -> None:
        self.cluster.max_bytes[topic.name] = size

    def spawn(self, probe: Probe, instance: str) -> Process:
        twin = Probe(probe.name)
        bus = self.bus(probe.name, instance)
        process = SimulatedProcess(Runner(twin.stage, bus, REAL_TIME, reference=twin.reference))
        self._processes.append(process)
        return process

    def until(self, condition: Callable[[], bool], *runners: Runner) -> None:
        for _ in range(20_000):
            if condition():
                return
            others = [process.runner for process in self._processes if process.runner is not None]
            for runner in (*runners, *others):
                runner.step(0.02)
            if not runners and not others:
                self.cluster.advance(20)
        raise AssertionError("it never came true")

    def wall_ms(self) -> int:
        return self.cluster.wall_ms

    def close(self) -> None: ...


def tallies(*runners: Runner) -> dict[str, int]:
    """The counts that the runners' rows have, by order."""
    found = {}
    for runner in runners:
        for partition in runner.partitions.values():
            table = partition.store.tables[Tally]
            for key in list(table):
                row = table.get(key)
                assert isinstance(row, Tally)
                found[key] = row.count
    return found


def bells(runner: Runner) -> int:
    return sum(len(partition.store.tables[Bell]) for partition in runner.partitions.values())


def decided(runners: Iterable[Runner]) -> int:
    return sum(partition.decisions for runner in runners for partition in runner.partitions.values())
