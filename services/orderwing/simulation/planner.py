"""The re-optimizer's pure part, driven by simulated time instead of Faust."""

from __future__ import annotations

from collections import Counter
from random import Random

from msgspec.structs import replace

from orderwing.kernel.ports import Outgoing
from orderwing.planning.pricing import Catalogue
from orderwing.reoptimizer import pool as pools
from orderwing.reoptimizer.emit import Message, proposal_message, window_message
from orderwing.reoptimizer.replan import Budget, Change, Proposal, replan
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.outside import Agenda, Reader, event_of
from orderwing.simulation.shop import MINUTE_MS
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen, ProposalAnswered
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.network import Network
from orderwing_schemas.topics import Topic

Shelf = tuple[str, str]


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
        catalogue: Catalogue,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._network = network
        self._catalogue = catalogue
        self._reader = Reader(cluster, topics.PARTS_PLANNED, topics.STOCK_MOVED)
        self._entries: dict[str, dict[str, pools.Entry]] = {region: {} for region in network.ordinals}
        self._levels: dict[str, dict[Shelf, int]] = {region: {} for region in network.ordinals}

    def plan(self, windows: int, first_ms: int) -> None:
        """Look once a window, from domain time `first_ms` on."""
        step_ms = self._network.policies.window_minutes * MINUTE_MS
        for number in range(windows):
            self._agenda.at(self._clock.wall_ms(first_ms + number * step_ms), self._look)

    def _learn(self) -> None:
        for record in self._reader.new():
            event = event_of(record)
            match event:
                case StockMoved():
                    for level in event.shelves:
                        self._levels[event.region][level.site_id, level.sku] = level.atp
                case PartAllocated():
                    self._entry(event.region, event.order_id, pools.learn_plan, event)
                case PartFrozen():
                    self._entry(event.region, event.order_id, pools.learn_freeze, event)
                case ProposalAnswered() if not event.accepted:
                    fingerprint = event.proposal_id.rpartition(":")[2]
                    at_ms = self._clock.domain_ms(record.timestamp_ms)
                    for order_id in {pools.order_of_part(part_id) for part_id in event.part_ids}:
                        self._entry(event.region, order_id, pools.learn_refusal, event, fingerprint, at_ms)

    def _entry(self, region: str, order_id: str, learn: object, *told: object) -> None:
        entries = self._entries[region]
        entries[order_id] = learn(entries.get(order_id, {}), *told)  # type: ignore[operator]

    def _look(self) -> None:
        self._learn()
        now_ms = self._clock.domain_ms(self._cluster.wall_ms)
        for region, ordinal in self._network.ordinals.items():
            entries = [self._entries[region][order_id] for order_id in sorted(self._entries[region])]
            pool = pools.make_pool(region, entries, self._levels[region].items(), now_ms)
            look = replan(pool, self._network, self._catalogue, now_ms, Budget(nodes=50), seed=1)
            window_id = f"{region}/{now_ms}"
            for proposal in look.proposals:
                message = proposal_message(region, window_id, proposal, now_ms)
                self._send(topics.PROPOSALS, ordinal, message)
                if self._random.random() < 0.2:
                    self._faults["proposal told twice"] += 1
                    self._send(topics.PROPOSALS, ordinal, message)
            self._propose_oddly(pool, ordinal, now_ms)
            self._send(topics.WINDOWS, ordinal, window_message(pool, look, window_id, now_ms, 0))

    def _propose_oddly(self, pool: pools.Pool, ordinal: int, now_ms: int) -> None:
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
