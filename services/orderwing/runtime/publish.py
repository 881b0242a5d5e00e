"""Publishes what every partition needs whole: network, catalogue and the cluster's clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from orderwing.kernel.ports import Outgoing, Record
from orderwing.runtime.clock import ClockError, DomainClock, clock_of, require_factor
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.skipping import event_in
from orderwing_schemas.events.reference import CataloguePublished, ClockFixed, NetworkPublished
from orderwing_schemas.network import Item, Network
from orderwing_schemas.topics import CLOCK, REFERENCE

CHUNK_ITEMS = 2_000
_WRITER = "reference"


class PublishError(OperatorError):
    """What cannot be published, and why."""


@dataclass(frozen=True)
class Published:
    """What the topic `reference` holds: the network, and the catalogue's chunks by key."""

    network: Network | None
    chunks: dict[str, tuple[Item, ...]]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for chunk in self.chunks.values() for item in chunk)


def read_network_file(path: Path) -> Network:
    """Raises PublishError naming the fields that are wrong."""
    try:
        return Network.model_validate_json(read_file(path))
    except ValidationError as error:
        raise PublishError(told(path, error)) from None


def read_catalogue_file(path: Path) -> tuple[Item, ...]:
    """A JSON array of items. Raises PublishError naming the fields that are wrong."""
    try:
        items = TypeAdapter(tuple[Item, ...]).validate_json(read_file(path))
    except ValidationError as error:
        raise PublishError(told(path, error)) from None
    if len({item.sku for item in items}) != len(items):
        raise PublishError(f"{path} names a SKU twice: each may occur once.")
    return items


def read_reference(bootstrap: Cluster) -> Published:
    """What is published. Raises OperatorError."""
    with OperatorLog(bootstrap, "reader") as log:
        return published(log.read(REFERENCE.name, 0))


def read_clock(bootstrap: Cluster) -> DomainClock:
    """The cluster's clock. Raises PublishError where none is fixed."""
    with OperatorLog(bootstrap, "reader") as log:
        clock = clock_of(log.read(CLOCK.name, 0))
    if clock is None:
        raise PublishError("This cluster has no clock: run `orderwing network load` or `orderwing market open`.")
    return clock


def publish_reference(bootstrap: Cluster, network: Network, items: Sequence[Item]) -> bool:
    """Write network and catalogue into every partition in one transaction; False if all is published already.

    Raises PublishError when the network takes back regions or reuses a version, OperatorError from the cluster.
    """
    with OperatorLog(bootstrap, _WRITER) as log:
        before = published(log.read(REFERENCE.name, 0))
        chunks = _chunks(items)
        if before == Published(network, chunks):
            return False
        if before.network is not None:
            _require_successor(before.network, network)
        records = list(_changes(before, Published(network, chunks)))
        partitions = range(log.partitions(REFERENCE.name))
        log.write([_at(record, partition) for partition in partitions for record in records])
    return True


def fix_clock(bootstrap: Cluster, factor: float | None, wall_ms: int, start_ms: int | None = None) -> DomainClock:
    """The cluster's clock: fixed now, with domain time `start_ms` (default: the wall's), unless it is already.

    `factor` None takes the clock as it is, or real time. Raises PublishError when the clock runs at another factor.
    """
    with OperatorLog(bootstrap, _WRITER) as log:
        clock = _clock_on(log, factor)
        if clock is None:
            clock = DomainClock(wall_ms if start_ms is None else start_ms, wall_ms, factor or 1.0)
            fixed = ClockFixed(start_ms=clock.start_ms, wall0_ms=clock.wall0_ms, factor=clock.factor)
            log.write([outgoing(CLOCK.name, 0, fixed.key, fixed)])
    return clock


def find_clock(bootstrap: Cluster, factor: float) -> DomainClock | None:
    """The cluster's clock, if one is fixed. Raises PublishError when it runs at another factor."""
    with OperatorLog(bootstrap, _WRITER) as log:
        return _clock_on(log, factor)


def _clock_on(log: OperatorLog, factor: float | None) -> DomainClock | None:
    clock = clock_of(log.read(CLOCK.name, 0))
    if clock is not None and factor is not None:
        try:
            require_factor(clock, factor)
        except ClockError as error:
            raise PublishError(str(error)) from None
    return clock


def published(records: Iterable[Record]) -> Published:
    """What the records of one partition leave. What is no event counts for nothing."""
    network: Network | None = None
    chunks: dict[str, tuple[Item, ...]] = {}
    for record in records:
        if record.value is None:
            chunks.pop((record.key or b"").decode("utf-8", "replace"), None)
            continue
        event = event_in(record)
        if isinstance(event, NetworkPublished):
            network = event.network
        elif isinstance(event, CataloguePublished):
            chunks[event.key] = event.items
    return Published(network, chunks)


def _chunks(items: Sequence[Item]) -> dict[str, tuple[Item, ...]]:
    starts = range(0, len(items), CHUNK_ITEMS)
    return {f"catalogue-{start // CHUNK_ITEMS}": tuple(items[start : start + CHUNK_ITEMS]) for start in starts}


def _require_successor(before: Network, after: Network) -> None:
    old = [region.region_id for region in before.regions]
    new = [region.region_id for region in after.regions]
    if new[: len(old)] != old:
        raise PublishError(
            f"The regions published are {', '.join(old)}, in this order for ever: a network may only add after them."
        )
    if after != before and after.version <= before.version:
        raise PublishError(
            f"Version {before.version} of the network is published with other contents: "
            f"give this one a version above {before.version}."
        )


def _changes(before: Published, after: Published) -> Iterator[Outgoing]:
    """For one partition. The network comes last: a partition with a network has the whole catalogue."""
    for key in sorted(before.chunks.keys() - after.chunks.keys()):
        yield outgoing(REFERENCE.name, 0, key, None)
    for key, items in after.chunks.items():
        yield outgoing(REFERENCE.name, 0, key, CataloguePublished(key=key, items=items))
    if after.network is not None:
        event = NetworkPublished(network=after.network)
        yield outgoing(REFERENCE.name, 0, event.key, event)


def _at(record: Outgoing, partition: int) -> Outgoing:
    return replace(record, partition=partition)


def read_file(path: Path) -> bytes:
    """Raises PublishError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishError(f"{path} cannot be read: {error.strerror}.") from None


def told(path: Path, error: ValidationError) -> str:
    """Which fields of the file are wrong, and how."""
    found = error.errors(include_url=False, include_input=False)
    named = [
        ": ".join(filter(None, [".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")]))
        for e in found[:5]
    ]
    more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
    return f"{path} is not valid: {'; '.join(named)}{more}."
