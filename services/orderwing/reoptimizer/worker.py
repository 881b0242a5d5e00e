"""The re-optimizer's process: a Faust application that keeps the pools and looks at them once a window.

Its consumers are at least once; that is harmless, because the last version of a part wins and a stale proposal loses
against the versions it names.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import aiokafka
import faust

from orderwing.kernel.decision import RecordCause
from orderwing.kernel.ports import Record
from orderwing.reoptimizer import pool as pools
from orderwing.reoptimizer.emit import Message, proposal_id, proposal_message, window_message
from orderwing.reoptimizer.replan import Budget, Look, Proposal, replan
from orderwing.reoptimizer.transport import credentials, use_cluster
from orderwing.runtime import metric_defs as metric
from orderwing.runtime.clock import REAL_TIME, DomainClock, clock_of
from orderwing.runtime.health import process_health
from orderwing.runtime.kafka_client import aiokafka_config
from orderwing.runtime.logs import get_logger
from orderwing.runtime.metrics import process_metrics
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.settings import Settings
from orderwing.runtime.trace_context import origin
from orderwing.runtime.tracing import Tracer, tracing
from orderwing.runtime.tracing_spans import DecisionSpan, Span
from orderwing_schemas.base import Event
from orderwing_schemas.codec import UndecodableError, decode, header_map
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen, ProposalAnswered
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.topics import CLOCK, PARTS_PLANNED, PROPOSALS, REFERENCE, STOCK_MOVED, WINDOWS, Counted

NAME = "reoptimizer"
GROUP = "orderwing-reoptimizer"
_ANSWER_WALL_MS = 3_000  # from a look to allocation's booking of what it proposes
_SOLVE_S = 10.0  # a region's look at most, and a component's
_REFUSED_WINDOWS = 2  # for so long a refused change is not proposed again
_RECORD_BYTES = 4 << 20
_log = get_logger("orderwing.reoptimizer")


def run(settings: Settings, stop: threading.Event) -> None:
    """Keep the pools and propose, until `stop`."""
    with tracing(NAME, settings) as tracer:
        asyncio.run(_Worker(settings, tracer).run(stop))


class _Worker:
    def __init__(self, settings: Settings, tracer: Tracer | None = None) -> None:
        self._settings = settings
        self._tracer = tracer
        self._reference = ReferenceTable()
        self._clock: DomainClock = REAL_TIME
        self._metrics = process_metrics(NAME)
        self._failure: BaseException | None = None
        self._solver = ThreadPoolExecutor(1, thread_name_prefix="replan")

    async def run(self, stop: threading.Event) -> None:
        stopping = asyncio.create_task(_set(stop))
        news = await self._follow_reference(stopping)
        if news is None:
            return
        app = self._app()
        serving = asyncio.create_task(app.start())
        try:
            while not stopping.done() and self._failed(app, serving, news) is None:
                await asyncio.wait([stopping, news], timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        finally:
            process_health().set(False, message="stopping")
            failure = self._failed(app, serving, news)
            news.cancel()
            stopping.cancel()
            await app.stop()
            await asyncio.gather(serving, news, return_exceptions=True)
            self._solver.shutdown()
        if failure is not None:
            raise RuntimeError("the re-optimizer cannot go on") from failure

    def _failed(self, app: faust.App, *tasks: asyncio.Task[None]) -> BaseException | None:
        errors = [task.exception() for task in tasks if task.done()]
        return next((error for error in (self._failure, app.crash_reason, *errors) if error is not None), None)

    # --- Reference data and clock ----------------------------------------------------------------------------------

    async def _follow_reference(self, stopping: asyncio.Task[None]) -> asyncio.Task[None] | None:
        """Read clock and reference, then keep the reference fresh in the task returned; None if stopped before."""
        process_health().set(False, message="waiting for the network: run `orderwing network load`")
        reader = aiokafka.AIOKafkaConsumer(
            **aiokafka_config(self._settings.kafka),
            client_rack=self._settings.kafka.client_rack,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=16 << 20,
        )
        await reader.start()
        reference, clock = (aiokafka.TopicPartition(topic.name, 0) for topic in (REFERENCE, CLOCK))
        reader.assign([reference, clock])
        ready = asyncio.Event()
        news = asyncio.create_task(self._read(reader, ready))
        first = asyncio.create_task(ready.wait())
        await asyncio.wait([first, news, stopping], return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        if ready.is_set():
            return news
        news.cancel()
        if news.done():
            await news
        return None

    async def _read(self, reader: aiokafka.AIOKafkaConsumer, ready: asyncio.Event) -> None:
        try:
            while True:
                batches = await reader.getmany(timeout_ms=500)
                for partition, messages in batches.items():
                    for message in messages:
                        self._learn(partition.topic, _record(message))
                if not batches and self._reference.ready:
                    Counted.partitions = len(reader.partitions_for_topic(REFERENCE.name)) or Counted.partitions
                    ready.set()
        finally:
            await reader.stop()

    def _learn(self, topic: str, record: Record) -> None:
        if topic == CLOCK.name:
            self._clock = clock_of([record]) or self._clock
        else:
            self._reference.apply(record)

    # --- The application -------------------------------------------------------------------------------------------

    def _app(self) -> faust.App:
        app = faust.App(
            GROUP,
            broker=f"aiokafka://{self._settings.kafka.bootstrap.replace(',', ';')}",
            broker_credentials=credentials(self._settings.kafka),
            datadir=str(self._settings.runtime.run_dir / f"{NAME}.{self._settings.runtime.instance}"),
            store="memory://",
            web_enabled=False,
            topic_disable_leader=True,
            topic_replication_factor=self._settings.topics.replication_factor or 1,
            topic_partitions=Counted.partitions,
            topic_allow_declare=True,
            table_standby_replicas=0,
            consumer_auto_offset_reset="earliest",
            broker_max_poll_records=1000,
            broker_commit_interval=1.0,
            broker_session_timeout=self._settings.kafka.session_timeout_ms / 1000,
            broker_heartbeat_interval=self._settings.kafka.session_timeout_ms / 3000,
            stream_wait_empty=False,
            producer_max_request_size=_RECORD_BYTES,
            key_serializer="raw",
            value_serializer="raw",
        )
        use_cluster(app, self._settings.kafka)
        self._declare(app)
        app.finalize()
        return app

    def _declare(self, app: faust.App) -> None:
        parts = app.Table("pool", partitions=Counted.partitions, key_type=bytes, value_type=bytes)
        shelves = app.Table("shelves", partitions=Counted.partitions, key_type=bytes, value_type=bytes)
        topics = {
            topic.name: app.topic(topic.name, key_type=bytes, value_type=bytes)
            for topic in (PARTS_PLANNED, STOCK_MOVED, PROPOSALS, WINDOWS)
        }

        async def keep_parts(stream: Any) -> None:
            async for message, event in self._events(stream):
                self._keep_part(parts, event, self._clock.domain_ms(int(message.timestamp * 1000)))

        async def keep_shelves(stream: Any) -> None:
            async for _, event in self._events(stream):
                if isinstance(event, StockMoved):
                    for shelf in event.shelves:
                        shelves[pools.shelf_key(event.region, shelf).encode()] = pools.encode_shelf(shelf)

        async def look() -> None:
            if not cast(Any, app.tables).recovery.in_recovery and not app.rebalancing:
                await self._look(app, parts, shelves, topics)

        async def announce() -> None:
            process_health().set(True)

        app.agent(topics[PARTS_PLANNED.name], name="parts")(self._watched(keep_parts))
        app.agent(topics[STOCK_MOVED.name], name="shelves")(self._watched(keep_shelves))
        app.timer(self._reference.network.policies.window_minutes * 60 / self._clock.factor)(look)
        app.task(announce)  # Faust starts tasks and timers once the tables are restored

    def _watched(self, agent: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        """Faust would go on without an agent that fails; the process ends instead and is started again."""

        async def watched(stream: Any) -> None:
            try:
                await agent(stream)
            except Exception as error:
                self._failure = error
                raise

        return watched

    async def _events(self, stream: Any) -> AsyncIterator[tuple[Any, Event]]:
        async for event in stream.events():
            message = event.message
            span = self._span(message)
            self._metrics.add(metric.RECORDS_IN, 1)
            try:
                yield message, decode(message.value, header_map(message.headers).get("ce_type"))
                self._done(span, "kept")
            except UndecodableError as error:
                # Only an improvement is lost, and what allocation books stays right without it.
                self._done(span, "dropped", error.reason)
                self._metrics.add(metric.DEAD_LETTERS, 1)
                place = f"{message.topic}/{message.partition}/{message.offset}"
                _log.error("undecodable", record=place, reason=error.reason, detail=error.detail)

    def _span(self, message: Any) -> DecisionSpan | None:
        if self._tracer is None:
            return None
        headers = message.headers or ()
        told = origin(headers.items() if isinstance(headers, dict) else headers)
        cause = RecordCause(message.topic, message.partition, message.offset)
        return DecisionSpan(self._tracer, "record", cause, message.partition, None, told)

    def _done(self, span: DecisionSpan | None, outcome: str, error: str | None = None) -> None:
        if self._tracer is not None and span is not None:
            span.done(outcome, error)
            self._tracer.export([span])

    def _keep_part(self, table: Any, event: Event, at_ms: int) -> None:
        match event:
            case PartAllocated():
                _update(table, event.region, event.order_id, lambda entry: pools.learn_plan(entry, event))
            case PartFrozen():
                _update(table, event.region, event.order_id, lambda entry: pools.learn_freeze(entry, event))
            case ProposalAnswered() if not event.accepted:
                fingerprint = event.proposal_id.rpartition(":")[2]
                for order_id in {pools.order_of_part(part_id) for part_id in event.part_ids}:
                    _update(
                        table,
                        event.region,
                        order_id,
                        lambda entry: pools.learn_refusal(entry, event, fingerprint, at_ms),
                    )

    # --- A window --------------------------------------------------------------------------------------------------

    async def _look(self, app: faust.App, parts: Any, shelves: Any, topics: dict[str, Any]) -> None:
        name = parts.changelog_topic_name
        active = {tp.partition for tp in app.assignor.assigned_actives() if tp.topic == name}
        entries, levels = _by_region(parts), _by_region(shelves)
        for region, ordinal in self._reference.network.ordinals.items():
            if ordinal % Counted.partitions in active and region in entries:
                now_ms = self._clock.domain_ms(int(time.time() * 1000))
                started = time.perf_counter()
                pool, look = await asyncio.get_running_loop().run_in_executor(
                    self._solver, self._solve, region, entries[region], levels.get(region, []), now_ms
                )
                seconds = time.perf_counter() - started
                await self._tell(topics, ordinal % Counted.partitions, pool, look, now_ms, seconds)

    def _solve(self, region: str, entries: list[bytes], levels: list[bytes], now_ms: int) -> tuple[pools.Pool, Look]:
        network = self._reference.network
        ready_ms = now_ms + int(_ANSWER_WALL_MS * self._clock.factor)
        pool = pools.make_pool(region, map(pools.decode_entry, entries), map(pools.decode_shelf, levels), ready_ms)
        end = time.monotonic() + _SOLVE_S
        budget = Budget(out_of_time=lambda: time.monotonic() > end, seconds=_SOLVE_S)
        lately_ms = now_ms - _REFUSED_WINDOWS * network.policies.window_minutes * 60_000
        return pool, replan(
            pool, network, self._reference.item, ready_ms, budget, self._settings.runtime.seed, lately_ms
        )

    async def _tell(
        self, topics: dict[str, Any], partition: int, pool: pools.Pool, look: Look, now_ms: int, seconds: float
    ) -> None:
        window_id = f"{pool.region}/{now_ms}"
        for proposal in look.proposals:
            span = self._proposed(window_id, proposal, seconds)
            trace = None if span is None else span.context
            message = proposal_message(pool.region, window_id, proposal, now_ms, trace)
            await _send(topics[PROPOSALS.name], partition, message)
            if self._tracer is not None and span is not None:
                self._tracer.sink.export([span])
        closed = window_message(pool, look, window_id, now_ms, round(seconds * 1000))
        await _send(topics[WINDOWS.name], partition, closed)
        self._metrics.add(metric.RECORDS_OUT, len(look.proposals), PROPOSALS.name)
        self._metrics.add(metric.RECORDS_OUT, 1, WINDOWS.name)
        self._metrics.set(metric.POOL_PARTS, len(pool.parts), pool.region)
        self._metrics.add(metric.WINDOWS, 1, pool.region)
        self._metrics.add(metric.PROPOSALS, len(look.proposals), pool.region)
        self._metrics.observe(metric.SOLVE_SECONDS, seconds)
        if look.fell_back:
            _log.error("solution did not verify", window=window_id, components=look.fell_back)

    def _proposed(self, window_id: str, proposal: Proposal, seconds: float) -> Span | None:
        if self._tracer is None:
            return None
        order_ids = sorted({change.part.order_id for change in proposal.changes})
        solve_ns = int(seconds * 1e9)
        return self._tracer.proposed(PROPOSALS.name, proposal_id(window_id, proposal), order_ids, solve_ns)


async def _set(stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)


async def _send(topic: Any, partition: int, message: Message) -> None:
    sent = await topic.send(key=message.key, value=message.value, headers=message.headers, partition=partition)
    await sent


def _update(table: Any, region: str, order_id: str, change: Callable[[pools.Entry], pools.Entry]) -> None:
    key = pools.entry_key(region, order_id).encode()
    before = pools.decode_entry(table.get(key))
    after = change(before)
    if after and after != before:
        table[key] = pools.encode_entry(after)
    elif before and not after:
        del table[key]


def _by_region(table: Any) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for key, value in table.items():
        found[bytes(key).partition(b"|")[0].decode()].append(value)
    return found


def _record(message: aiokafka.ConsumerRecord[bytes, bytes]) -> Record:
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.key,
        message.value,
        tuple(message.headers),
        message.timestamp,
    )
