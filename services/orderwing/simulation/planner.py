"""The re-optimizer with its memory and its looks, driven by simulated time instead of Faust."""

from __future__ import annotations

from collections import Counter
from random import Random

from msgspec.structs import replace

from orderwing.kernel.ports import Outgoing
from orderwing.reoptimizer.emit import Message, proposal_message, window_message
from orderwing.reoptimizer.memory import Memory
from orderwing.reoptimizer.pool import Pool
from orderwing.reoptimizer.replan import Budget, Change, Proposal
from orderwing.reoptimizer.window import look_at
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.outside import Agenda, Reader, event_of
from orderwing.simulation.shop import MINUTE_MS
from orderwing_schemas import topics
from orderwing_schemas.network import Network
from orderwing_schemas.topics import Topic


class Planner:
    """Keeps the pools and proposes each window; sometimes says a proposal twice, as at-least-once may."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        clock: DomainClock,
        agenda: Agenda,
        random: Random,
        faults: Counter[str],
        network: Network,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._network = network
        self._reader = Reader(cluster, topics.PARTS_PLANNED, topics.STOCK_MOVED)
        parts: dict[bytes, bytes] = {}
        shelves: dict[bytes, bytes] = {}
        self._memory = Memory(parts, shelves)
        self._news = Reader(cluster, topics.REFERENCE)
        self._reference = ReferenceTable()

    def plan(self, windows: int, first_ms: int) -> None:
        """Look once a window, from domain time `first_ms` on."""
        step_ms = self._network.policies.window_minutes * MINUTE_MS
        for number in range(windows):
            self._agenda.at(self._clock.wall_ms(first_ms + number * step_ms), self._look)

    def _learn(self) -> None:
        for record in self._reader.new():
            self._memory.learn(event_of(record), self._clock.domain_ms(record.timestamp_ms))

        for record in self._news.new():
            if record.partition == 0:  # every partition has all of it
                self._reference.apply(record)

    def _look(self) -> None:
        self._learn()
        now_ms = self._clock.domain_ms(self._cluster.wall_ms)
        entries, levels = self._memory.entries(), self._memory.levels()
        for region, ordinal in self._network.ordinals.items():
            pool, look = look_at(
                region, entries.get(region, ()), levels.get(region, ()), self._reference, now_ms,
                self._clock.factor, Budget(nodes=50), seed=1,
            )  # fmt: skip
            window_id = f"{region}/{now_ms}"
            for proposal in look.proposals:
                message = proposal_message(region, window_id, proposal, now_ms)
                self._send(topics.PROPOSALS, ordinal, message)
                if self._random.random() < 0.2:
                    self._faults["proposal told twice"] += 1
                    self._send(topics.PROPOSALS, ordinal, message)
            self._propose_oddly(pool, ordinal, now_ms)
            self._send(topics.WINDOWS, ordinal, window_message(pool, look, window_id, now_ms, 0))

    def _propose_oddly(self, pool: Pool, ordinal: int, now_ms: int) -> None:
        """What no planner should say: a part as it stands, a version to come, a cheaper site whatever its stock."""
        for part in pool.parts:
            chance = self._random.random()
            if chance < 0.02:
                self._say(Change(replace(part, version=part.version + 1), part.takes, 0), ordinal, now_ms)
            elif chance < 0.1:
                self._say(Change(part, part.takes, part.cost_minor), ordinal, now_ms)
            elif chance < 0.3:
                first = self._network.sites_by_region[pool.region][0].site_id
                self._say(Change(part, tuple(replace(t, site_id=first) for t in part.takes), 0), ordinal, now_ms)

    def _say(self, change: Change, ordinal: int, now_ms: int) -> None:
        self._faults["odd proposal"] += 1
        region = change.part.region
        message = proposal_message(region, f"{region}/{now_ms}", Proposal((change,), 0, ()), now_ms)
        self._send(topics.PROPOSALS, ordinal, message)

    def _send(self, topic: Topic, ordinal: int, message: Message) -> None:
        partition = ordinal % topic.partitions
        self._cluster.publish(Outgoing(topic.name, partition, message.key, message.value, message.headers))
