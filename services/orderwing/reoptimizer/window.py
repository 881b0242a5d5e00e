"""A look at a region's pool, once a window."""

from __future__ import annotations

from collections.abc import Iterable

from orderwing.planning.pricing import Catalogue
from orderwing.reoptimizer import pool as pools
from orderwing.reoptimizer.replan import Budget, Look, replan
from orderwing_schemas.network import Network

_ANSWER_WALL_MS = 3_000  # from a look to allocation's booking of what it proposes
_REFUSED_WINDOWS = 2  # for so long a refused change is not proposed again


def look_at(
    region: str,
    entries: Iterable[bytes],
    levels: Iterable[bytes],
    network: Network,
    catalogue: Catalogue,
    now_ms: int,
    factor: float,
    budget: Budget,
    seed: int,
) -> tuple[pools.Pool, Look]:
    """The pool as it is at `now_ms`, without what freezes before an answer can come, and what would better it.

    `entries` and `levels` as the re-optimizer's memory has them; `factor`: domain time to wall time.
    """
    ready_ms = now_ms + int(_ANSWER_WALL_MS * factor)
    pool = pools.make_pool(region, map(pools.decode_entry, entries), map(pools.decode_shelf, levels), ready_ms)
    lately_ms = now_ms - _REFUSED_WINDOWS * network.policies.window_minutes * 60_000
    return pool, replan(pool, network, catalogue, ready_ms, budget, seed, lately_ms)
