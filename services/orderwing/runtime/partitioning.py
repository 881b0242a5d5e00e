"""Where a key's records lie: the one place that knows, for producers, stages and tools alike."""

from __future__ import annotations

import struct
from functools import lru_cache

from orderwing.kernel.view import Reference
from orderwing_schemas.topics import Topic

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


class UnknownRegionError(ValueError):
    """A region that the network does not have."""


def murmur2(data: bytes) -> int:
    """The 32-bit hash of Kafka's Java client and of librdkafka's `murmur2_random`."""
    length = len(data)
    h = _SEED ^ length
    for word in struct.unpack_from(f"<{length // 4}I", data):
        k = word * _M & _MASK
        h = (h * _M ^ (k ^ k >> 24) * _M) & _MASK
    if rest := length & 3:
        h = (h ^ int.from_bytes(data[length - rest :], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65_536)
def key_partition(key: str, partitions: int) -> int:
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def partition_of(topic: Topic, key: str, reference: Reference) -> int:
    """The partition of `key`. Raises UnknownRegionError; LookupError while no network is published."""
    partitions = topic.partitions
    if not topic.by_region:
        return 0 if partitions == 1 else key_partition(key, partitions)
    ordinal = reference.network.ordinals.get(key)
    if ordinal is None:
        raise UnknownRegionError(f"{topic.name}: the network has no such region")
    return ordinal % partitions
