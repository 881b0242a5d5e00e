"""The levels that the views tell Prometheus, all from sums that Redis keeps."""

from __future__ import annotations

import time

from orderwing.runtime import metric_defs as metric
from orderwing.runtime.metrics import Metrics
from orderwing.views.domain import Domain
from orderwing.views.log import ClusterHealth
from orderwing.views.status import ENDED, STATES
from orderwing.views.store import ViewStore
from orderwing.views.tally import first_counts
from orderwing_schemas.network import Network

_OPEN = tuple(state for state in STATES if state not in ENDED)
_PROMISES = ("promises", "promises_late")


def tell_levels(metrics: Metrics, store: ViewStore, domain: Domain) -> None:
    """Raises RedisError."""
    states = store.counts("states")
    for state in STATES:
        metrics.set(metric.ORDERS, states.get(state, 0), state)
    for place, units in store.hash("stock").items():
        region, _, level = place.rpartition("|")
        metrics.set(metric.STOCK_UNITS, int(units), region, level)
    for region, waiting in store.hash("backorders").items():
        metrics.set(metric.BACKORDERED_UNITS, int(waiting), region)
    metrics.set(metric.SAVED_MINOR, store.counts("totals").get("saved_minor", 0))
    metrics.set(metric.REDIS_MEMORY, store.memory_bytes())
    if domain.network is not None:
        _tell_network(metrics, domain.network)
    if domain.clock is not None:
        metrics.set(metric.CLOCK_FACTOR, domain.factor)
        _tell_risks(metrics, store, domain.clock.domain_ms(time.time_ns() // 1_000_000))


def _tell_network(metrics: Metrics, network: Network) -> None:
    for site in network.sites:
        metrics.set(metric.SITE_CAPACITY, site.units_per_hour, site.site_id)
    for what, labels in first_counts(network):
        metrics.add(what, 0, *labels)


def _tell_risks(metrics: Metrics, store: ViewStore, now_ms: int) -> None:
    (overdue, _), (late_overdue, late) = store.passed(_PROMISES, now_ms)
    metrics.set(metric.PROMISES_AT_RISK, overdue + late_overdue, "overdue")
    metrics.set(metric.PROMISES_AT_RISK, late - late_overdue, "planned_late")
    stuck = store.passed([f"due:{state}" for state in _OPEN], now_ms)
    for state, (passed, _) in zip(_OPEN, stuck, strict=True):
        metrics.set(metric.ORDERS_STUCK, passed, state)


def tell_cluster(metrics: Metrics, health: ClusterHealth) -> None:
    metrics.set(metric.BROKERS, health.brokers)
    metrics.set(metric.PARTITIONS_LEADERLESS, health.leaderless)
    metrics.set(metric.PARTITIONS_UNDER_REPLICATED, health.under_replicated)
