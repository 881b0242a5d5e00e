"""One simulated day: every stage on the simulated bus, the outside world around it, one seed for everything."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from random import Random

from orderwing.allocation.stage import STAGE as ALLOCATION
from orderwing.audit.facts import Fact, fact_of
from orderwing.audit.verdict import Verdict, judge
from orderwing.dispatch.stage import STAGE as DISPATCH
from orderwing.fraud.stage import STAGE as FRAUD
from orderwing.gate.stage import STAGE as GATE
from orderwing.intake.stage import STAGE as INTAKE
from orderwing.kernel.machine import witnessed
from orderwing.kernel.ports import Outgoing
from orderwing.kernel.stage import Stage
from orderwing.payment_hold.stage import STAGE as PAYMENT_HOLD
from orderwing.reservation.stage import STAGE as RESERVATION
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.simulated import SimulatedBus
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.faults import Faults
from orderwing.simulation.instances import Instance
from orderwing.simulation.outside import Agenda, Shops, Staff
from orderwing.simulation.planner import Planner
from orderwing.simulation.plants import planted
from orderwing.simulation.provider import Provider
from orderwing.simulation.shop import MINUTE_MS, SELLING_MINUTES, Market, items, joined_network, small_network
from orderwing.simulation.warehouse import Warehouse
from orderwing_schemas import topics
from orderwing_schemas.codec import encode, header_map
from orderwing_schemas.events.reference import CataloguePublished, NetworkPublished, PolicyPublished
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy

STAGES = (GATE, INTAKE, PAYMENT_HOLD, FRAUD, RESERVATION, ALLOCATION, DISPATCH)
START_MS = 1_780_300_800_000  # a Monday, 08:00 UTC
FACTOR = 60.0
PATIENCE_MS = 12 * 60 * MINUTE_MS  # deadlines later than this are of another day
DAY_LIMIT_MS = 72 * 60 * MINUTE_MS
QUIET_MS = 20_000  # of wall time: a group needs its session's length to notice who is gone
_HEARTBEAT_MS = 2_000


@dataclass(frozen=True)
class Outcome:
    """`transitions`: (machine, state, happening) -> times. `stalled` says why a run did not come to rest."""

    seed: int
    verdict: Verdict
    orders: int
    faults: Counter[str]
    transitions: Counter[tuple[str, str, str]]
    exits: Counter[str]
    digest: str
    stalled: str | None

    @property
    def failures(self) -> list[str]:
        return [*([self.stalled] if self.stalled else []), *map(str, self.verdict.violations)]


class World:
    """`fault_rate` is the chance that a call of a bus is interrupted; `joined`: transfers join a region's sites."""

    def __init__(
        self, seed: int, orders: int = 50, fault_rate: float = 0.01, plant: str | None = None, joined: bool = False
    ) -> None:
        self.random = Random(f"orderwing/{seed}")
        self.cluster = SimulatedCluster(wall_ms=START_MS, rng=self.random)
        self.clock = DomainClock(START_MS, START_MS, FACTOR)
        self.agenda = Agenda()
        self.network = joined_network() if joined else small_network()
        self.faults = Faults(self.cluster, self.random, fault_rate, self._run_others)
        self._plant = plant
        publish_reference(self.cluster, self.network, items())
        self.instances = [self._instance(stage, "0") for stage in STAGES]
        counts = self.faults.counts
        self.provider = Provider(self.cluster, self.agenda, self.random, counts)
        self.warehouse = Warehouse(self.cluster, self.clock, self.agenda, self.random, counts)
        self.staff = Staff(self.cluster, self.agenda, self.random)
        self.planner = Planner(self.cluster, self.clock, self.agenda, self.random, counts, self.network)
        market = Market(self.random, orders, START_MS + 10 * MINUTE_MS, joined)
        self.orders = orders
        Shops(self.cluster, self.clock, self.agenda).plan(market.publications, self.warehouse.heard)
        self.planner.plan(windows=24, first_ms=START_MS + 39 * MINUTE_MS // 2)
        self._trouble(orders)

    def run(self) -> str | None:
        """Until nothing more will happen today; why not, if it never does."""
        end_ms = self.cluster.wall_ms + int(DAY_LIMIT_MS / FACTOR)
        quiet_ms = 0
        while self.cluster.wall_ms < end_ms:
            if self._round(self.instances):
                self.cluster.advance(self.random.randint(5, 300))
                quiet_ms = 0
                continue
            wakes = [wake for wake in (self.agenda.next_ms, *(i.next_ms for i in self.instances)) if wake is not None]
            next_ms = min(wakes, default=end_ms)
            if quiet_ms > QUIET_MS and next_ms - self.cluster.wall_ms > PATIENCE_MS / FACTOR:
                return next((f"{i.stage.name} halted: {i.halted}" for i in self.instances if i.halted), None)
            pause_ms = max(1, min(_HEARTBEAT_MS, next_ms - self.cluster.wall_ms))
            self.cluster.advance(pause_ms)
            quiet_ms += pause_ms
        return "the day does not end"

    def _round(self, instances: list[Instance]) -> bool:
        """Everyone has a turn, in any order."""
        busy = self.agenda.run(self.cluster.wall_ms)
        turns = [instance.step for instance in instances]
        turns += [self.provider.step, self.warehouse.step, self.staff.step]
        self.random.shuffle(turns)
        for turn in turns:
            busy |= turn()
        return busy

    def _run_others(self, bus: SimulatedBus, milliseconds: int, takeover: bool) -> None:
        """What happens while an instance hangs inside a call of its bus."""
        hanging = next(instance for instance in self.instances if instance.bus is bus)
        hanging.busy = True
        if takeover and sum(instance.stage is hanging.stage for instance in self.instances) < 2:
            self.instances.append(self._instance(hanging.stage, str(1 - int(hanging.name))))
        end_ms = self.cluster.wall_ms + milliseconds
        while self.cluster.wall_ms < end_ms:
            self._round(self.instances)
            self.cluster.advance(self.random.randint(100, 500))
        hanging.busy = False

    def _instance(self, stage: Stage, name: str) -> Instance:
        return Instance(self.cluster, self.clock, planted(stage, self._plant), name, self._plant)

    def _trouble(self, orders: int) -> None:
        """Poison and partial assignments at times of their own."""
        day_ms = int(SELLING_MINUTES * MINUTE_MS / FACTOR)
        for _ in range(self.random.randint(0, 2)):
            order_id = f"O-{self.random.randrange(orders)}"
            at_ms = START_MS + self.random.randrange(day_ms)
            self.agenda.at(at_ms, lambda o=order_id: self.faults.poison(o))  # type: ignore[misc]
        if self.random.random() < 0.3:
            stage = self.random.choice(STAGES)
            self._withhold(stage, self.random.choice(stage.inputs), self.random.randrange(day_ms), 5_000)
        if self.random.random() < 0.2:  # slips stay away for so long that soft holds lapse meanwhile
            self._withhold(RESERVATION, topics.RESERVATION_SLIPS, self.random.randrange(day_ms // 2), 90_000)

    def _withhold(self, stage: Stage, topic: topics.Topic, from_ms: int, for_ms: int) -> None:
        self.agenda.at(START_MS + from_ms, lambda: self.faults.withhold(stage.name, topic.name))
        self.agenda.at(START_MS + from_ms + for_ms, lambda: self.faults.release(stage.name))


def publish_reference(
    cluster: SimulatedCluster, network: Network, catalogue: Sequence[Item], policy: Policy | None = None
) -> None:
    """Make all topics, and tell every partition of network, catalogue and policy."""
    for topic in topics.ALL_TOPICS:
        cluster.create_topic(topic.name, topic.partitions)
    told: list[CataloguePublished | NetworkPublished | PolicyPublished] = [
        CataloguePublished(key="catalogue-0", items=tuple(catalogue)),
        NetworkPublished(network=network),
    ]
    if policy is not None:
        told.append(PolicyPublished(policy=policy))
    for event in told:
        key, value, headers = event.key.encode(), encode(event), [("ce_type", event.EVENT_TYPE.encode())]
        for partition in range(topics.REFERENCE.partitions):
            cluster.publish(Outgoing(topics.REFERENCE.name, partition, key, value, headers))


def facts_of(cluster: SimulatedCluster) -> Iterator[Fact]:
    """What is committed of the topics that an auditor reads."""
    for topic in topics.ALL_TOPICS:
        if "audit" not in topic.consumers:
            continue
        for partition in range(topic.partitions):
            log = cluster.logs[topic.name, partition]  # type: ignore[index]
            for record in log.committed(0, log.high_watermark):
                told = header_map(record.headers)
                yield fact_of(topic.name, partition, record.offset, record.timestamp_ms, told, record.value)


def simulate(
    seed: int, orders: int = 50, fault_rate: float = 0.01, plant: str | None = None, joined: bool = False
) -> Outcome:
    """One seed, bit for bit the same each time."""
    seen: Counter[tuple[type[StrEnum], StrEnum, StrEnum]] = Counter()

    def witness(state: StrEnum, happening: StrEnum) -> None:
        seen[type(state), state, happening] += 1

    with witnessed(witness):
        world = World(seed, orders, fault_rate, plant, joined)
        stalled = world.run()
    facts = list(facts_of(world.cluster))
    verdict = judge(
        facts, world.network, items(), world.provider.book, world.warehouse.book,
        settled_before_wall_ms=world.cluster.wall_ms + 1,
    )  # fmt: skip
    transitions = Counter({(machine_of(of), s.value, happening.value): n for (of, s, happening), n in seen.items()})
    told = repr([(fact.place, fact.id, fact.wall_ms) for fact in facts])
    digest = blake2b(told.encode(), digest_size=8).hexdigest()
    return Outcome(
        seed, verdict, orders, world.faults.counts, transitions, exits(facts), digest, stalled
    )  # fmt: skip


def spare_collector() -> None:
    """For processes that only simulate: what is loaded stays, and cycles are few."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@cache
def machine_of(state: type[StrEnum]) -> str:
    """The name of the state machine with these states: its stage and class."""
    return f"{state.__module__.split('.')[1]}.{state.__name__}"


def exits(facts: list[Fact]) -> Counter[str]:
    """How often the road was left or went on where it forks: one name for each fork."""
    found: Counter[str] = Counter()
    for fact in facts:
        if fact.type == "garbage" or fact.value is None:
            continue
        found[_exit(fact)] += 1
    return found + _boxes(facts) + _routes(facts)


def _boxes(facts: list[Fact]) -> Counter[str]:
    """What came of the slips that sought one site for a whole order."""
    sought = {_slip(fact) for fact in facts if fact.type == "slip.passed.v1" and fact.body["by_ms"] is not None}
    back = [fact for fact in facts if fact.type == "slip.returned.v1" and _slip(fact) in sought]
    return Counter("one box: found" if fact.body["held"] else "one box: not found" for fact in back)


def _routes(facts: list[Fact]) -> Counter[str]:
    """Whether slips found what other regions had told of."""
    counted = [f.body for f in facts if f.type == "slip.returned.v1" and f.body["expected"]]
    short = (_units(body["held"]) < _units(body["expected"]) for body in counted)
    return Counter("route: stale" if stale else "route: as told" for stale in short)


def _units(lines: list[dict[str, int]]) -> int:
    return sum(line["quantity"] for line in lines)


def _slip(fact: Fact) -> tuple[str, int]:
    return (fact.body.get("order_id") or fact.body["order"]["order_id"], fact.body["slip"])


def _exit(fact: Fact) -> str:
    body = fact.body
    match fact.type:
        case "reservation.recorded.v1" | "fraud.decided.v1":
            return f"{fact.type}: {body['outcome']}"
        case "payment.answered.v1":
            return f"{fact.type}: {body['purpose']} {body['outcome']}"
        case "part.allocated.v1":
            return f"{fact.type}: {body['cause']}"
        case "proposal.answered.v1":
            return f"{fact.type}: {'accepted' if body['accepted'] else 'refused'}"
        case "shipment.progressed.v1":
            return f"{fact.type}: {body['status']}"
        case "stock.moved.v1":
            return f"{fact.type}: {body['kind']}"
        case _:
            return fact.type
