"""The cluster's clock and reference data, read to their ends and then kept fresh."""

from __future__ import annotations

import asyncio

import aiokafka

from orderwing.kernel.ports import Record
from orderwing.runtime.clock import REAL_TIME, DomainClock, clock_of
from orderwing.runtime.kafka_client import aiokafka_config
from orderwing.runtime.logs import get_logger
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.settings import Kafka
from orderwing_schemas.codec import UndecodableError
from orderwing_schemas.topics import CLOCK, REFERENCE, Counted

_log = get_logger("orderwing.reoptimizer")


class News:
    """Follow it once; `clock` and `reference` are then as the cluster has them."""

    def __init__(self, cluster: Kafka) -> None:
        self.reference = ReferenceTable()
        self.clock: DomainClock = REAL_TIME
        self._cluster = cluster

    async def follow(self, stopping: asyncio.Task[None]) -> asyncio.Task[None] | None:
        """Wait until both are read, and a network is there. The task that keeps them fresh; None if stopped before."""
        reader = aiokafka.AIOKafkaConsumer(
            **aiokafka_config(self._cluster),
            client_rack=self._cluster.client_rack,
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
                if not batches and self.reference.ready:
                    Counted.partitions = len(reader.partitions_for_topic(REFERENCE.name)) or Counted.partitions
                    ready.set()
        finally:
            await reader.stop()

    def _learn(self, topic: str, record: Record) -> None:
        if topic == CLOCK.name:
            self.clock = clock_of([record]) or self.clock
        else:
            try:
                self.reference.apply(record)
            except UndecodableError as error:  # of a later version, or a stranger's: what is known stays
                place = f"{record.topic}/{record.partition}/{record.offset}"
                _log.error("undecodable", record=place, reason=error.reason, detail=error.detail)


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
