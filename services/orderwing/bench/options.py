"""What a bench run is asked for, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHAIN, BASKETS, RETAIL, EVERYTHING = "a", "b", "c", "d"
PARTS = (CHAIN, BASKETS, RETAIL, EVERYTHING)


@dataclass(frozen=True)
class Options:
    """`orders` are fed at once, then `rate` a second for `seconds`. `retail` is the file of part c, None if absent.

    `partitions` are those of every topic, the chain's too. `profile` names a service that is run under cProfile; its
    hot functions go to `profile_file`.
    """

    orders: int = 10_000
    seconds: float = 20.0
    rate: float = 500.0
    parts: tuple[str, ...] = PARTS
    retail: Path | None = None
    restored_rows: int = 1_000_000
    partitions: int = 1
    profile: str | None = None

    def orders_of(self, part: str) -> int:
        """Baskets of part c are ten times as large: a quarter of the orders takes as long."""
        return max(1, self.orders // 4) if part == RETAIL else self.orders


@dataclass(frozen=True)
class Phase:
    """Orders fed in one way. `orders_per_s` is from the first order placed to the last that came out.

    Latencies are from the broker's stamp of the order to that of its first plan; CPU by process in microseconds an
    order. `others_share` of the machine's processors went to processes that have nothing to do with the bench.
    """

    fed: int
    arrived: int
    orders_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: Mapping[str, float]
    seconds: float
    others_share: float


@dataclass(frozen=True)
class Result:
    """One part. `memory_mib` is resident at the end, by process; `hop_bytes` the mean record of each hop."""

    part: str
    title: str
    mean_lines: float | None
    full: Phase
    paced: Phase | None
    memory_mib: Mapping[str, float]
    hop_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Restored:
    rows: int
    seconds: float
    memory_mib: float
