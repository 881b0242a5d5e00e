"""The re-optimizer's process: a Faust application that keeps the pools and looks at them once a window.

Its consumers are at least once; that is harmless, because the last version of a part wins and a stale proposal loses
against the versions it names.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import faust

from orderwing.kernel.decision import RecordCause
from orderwing.reoptimizer.emit import Message, proposal_id, proposal_message, window_message
from orderwing.reoptimizer.memory import Memory
from orderwing.reoptimizer.news import News
from orderwing.reoptimizer.pool import Pool
from orderwing.reoptimizer.replan import Budget, Look, Proposal
from orderwing.reoptimizer.transport import credentials, use_cluster
from orderwing.reoptimizer.window import look_at
from orderwing.runtime import metric_defs as metric
from orderwing.runtime.health import process_health
from orderwing.runtime.logs import get_logger
from orderwing.runtime.metrics import process_metrics
from orderwing.runtime.settings import Settings
from orderwing.runtime.trace_context import origin
from orderwing.runtime.tracing import Tracer, tracing
from orderwing.runtime.tracing_spans import DecisionSpan, Span
from orderwing_schemas.base import Event
from orderwing_schemas.codec import UndecodableError, decode, header_map
from orderwing_schemas.topics import PARTS_PLANNED, PROPOSALS, STOCK_MOVED, WINDOWS, Counted

NAME = "reoptimizer"
GROUP = "orderwing-reoptimizer"
_SOLVE_S = 10.0  # a region's look at most, and a component's
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
        self._news = News(settings.kafka)
        self._metrics = process_metrics(NAME)
        self._failure: BaseException | None = None
        self._solver = ThreadPoolExecutor(1, thread_name_prefix="replan")

    async def run(self, stop: threading.Event) -> None:
        stopping = asyncio.create_task(_set(stop))
        process_health().set(False, message="waiting for the network: run `orderwing network load`")
        news = await self._news.follow(stopping)
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
        parts: Any = app.Table("pool", partitions=Counted.partitions, key_type=bytes, value_type=bytes)
        shelves: Any = app.Table("shelves", partitions=Counted.partitions, key_type=bytes, value_type=bytes)
        topics = {
            topic.name: app.topic(topic.name, key_type=bytes, value_type=bytes)
            for topic in (PARTS_PLANNED, STOCK_MOVED, PROPOSALS, WINDOWS)
        }

        memory = Memory(parts, shelves)

        async def keep(stream: Any) -> None:
            async for message, event in self._events(stream):
                memory.learn(event, self._news.clock.domain_ms(int(message.timestamp * 1000)))

        async def look() -> None:
            if not cast(Any, app.tables).recovery.in_recovery and not app.rebalancing:
                await self._look(app, parts.changelog_topic_name, memory, topics)

        async def announce() -> None:
            process_health().set(True)

        app.agent(topics[PARTS_PLANNED.name], name="parts")(self._watched(keep))
        app.agent(topics[STOCK_MOVED.name], name="shelves")(self._watched(keep))
        app.timer(self._news.reference.network.policies.window_minutes * 60 / self._news.clock.factor)(look)
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

    # --- A window --------------------------------------------------------------------------------------------------

    async def _look(self, app: faust.App, changelog: str, memory: Memory, topics: dict[str, Any]) -> None:
        active = {tp.partition for tp in app.assignor.assigned_actives() if tp.topic == changelog}
        entries, levels = memory.entries(), memory.levels()
        for region, ordinal in self._news.reference.network.ordinals.items():
            if ordinal % Counted.partitions in active and region in entries:
                now_ms = self._news.clock.domain_ms(int(time.time() * 1000))
                started = time.perf_counter()
                pool, look = await asyncio.get_running_loop().run_in_executor(
                    self._solver, self._solve, region, entries[region], levels.get(region, []), now_ms
                )
                seconds = time.perf_counter() - started
                await self._tell(topics, ordinal % Counted.partitions, pool, look, now_ms, seconds)

    def _solve(self, region: str, entries: list[bytes], levels: list[bytes], now_ms: int) -> tuple[Pool, Look]:
        end = time.monotonic() + _SOLVE_S
        budget = Budget(out_of_time=lambda: time.monotonic() > end, seconds=_SOLVE_S)
        reference, seed = self._news.reference, self._settings.runtime.seed
        return look_at(region, entries, levels, reference, now_ms, self._news.clock.factor, budget, seed)

    async def _tell(
        self, topics: dict[str, Any], partition: int, pool: Pool, look: Look, now_ms: int, seconds: float
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
