"""A look at a region's pool, once a window."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from orderwing.kernel.view import Reference
from orderwing.planning.policies.in_force import in_force
from orderwing.reoptimizer import pool as pools
from orderwing.reoptimizer.counting import COST_ALONE, Counts, Rules
from orderwing.reoptimizer.replan import Budget, Look, replan

_ANSWER_WALL_MS = 3_000  # from a look to allocation's booking of what it proposes
_REFUSED_WINDOWS = 2  # for so long a refused change is not proposed again


def look_at(
    region: str,
    entries: Iterable[bytes],
    levels: Iterable[bytes],
    reference: Reference,
    now_ms: int,
    factor: float,
    budget: Budget,
    seed: int,
) -> tuple[pools.Pool, Look]:
    """The pool as it is at `now_ms`, without what freezes before an answer can come, and what would better it.

    By the policy and the steering prices in force.

    `entries` and `levels` as the re-optimizer's memory has them; `factor`: domain time to wall time.
    """
    ready_ms = now_ms + int(_ANSWER_WALL_MS * factor)
    pool = pools.make_pool(region, map(pools.decode_entry, entries), map(pools.decode_shelf, levels), ready_ms)
    network = reference.network
    lately_ms = now_ms - _REFUSED_WINDOWS * network.policies.window_minutes * 60_000
    rules = rules_of(reference, now_ms)
    counts = None if rules == COST_ALONE else Counts(rules, network, ready_ms, pool)
    return pool, replan(pool, network, reference.item, ready_ms, budget, seed, lately_ms, counts)


def rules_of(reference: Reference, now_ms: int) -> Rules:
    """What is in force."""
    price = partial(_price, reference, now_ms) if reference.steers(now_ms) else None
    return Rules(in_force(reference).policy, price)


def _price(reference: Reference, now_ms: int, site_id: str, sku: str) -> int:
    return reference.steering_minor(site_id, sku, now_ms)
