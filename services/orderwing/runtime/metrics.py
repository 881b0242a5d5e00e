"""The metrics of this process, for Prometheus."""

from __future__ import annotations

from functools import cache
from typing import cast

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from orderwing.runtime import metric_defs as defs
from orderwing.runtime.health import Health
from orderwing.runtime.logs import concerning, get_logger
from orderwing.runtime.observer import Letter
from orderwing_schemas import topics

_log = get_logger("orderwing.stage")
_REJECTIONS = {topics.INPUTS_REJECTED.name, topics.INTAKE_OUTCOMES.name}


class Metrics:
    """The metrics of `metric_defs`, by definition: `add(RECORDS_OUT, 3, "orders.placed")`.

    Values of labels follow in the order of the definition.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._children: dict[tuple[str, tuple[str, ...]], Counter | Gauge | Histogram] = {}
        self._collectors = {metric.name: self._collector(metric) for metric in defs.ALL_METRICS}
        for metric in defs.fed_by(service):
            if metric.kind != "gauge" and not metric.labels:
                self._collectors[metric.name].labels(service)  # told as 0: a rate needs a value before the first one
        for topic in topics.ALL_TOPICS:
            if topic.producer == service:
                self.add(defs.RECORDS_OUT, 0, topic.name)
                if topic.name in _REJECTIONS:
                    self.add(defs.RECORDS_REJECTED, 0, topic.name)

    def _collector(self, metric: defs.Metric) -> Counter | Gauge | Histogram:
        labels = ("service", *metric.labels)
        match metric.kind:
            case "counter":
                return Counter(metric.name, metric.about, labels, registry=self._registry)
            case "gauge":
                return Gauge(metric.name, metric.about, labels, registry=self._registry)
            case "histogram":
                return Histogram(metric.name, metric.about, labels, registry=self._registry, buckets=metric.buckets)

    def add(self, metric: defs.Metric, n: float, *labels: str) -> None:
        """Add to a counter, or `n` (which may be negative) to a gauge."""
        cast(Gauge, self._child(metric, labels)).inc(n)

    def set(self, metric: defs.Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        cast(Gauge, self._child(metric, labels)).set(value)

    def observe(self, metric: defs.Metric, value: float, *labels: str) -> None:
        """Add one value to a histogram."""
        cast(Histogram, self._child(metric, labels)).observe(value)

    def _child(self, metric: defs.Metric, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
        """Kept, since the library takes a while to find it."""
        found = self._children.get((metric.name, labels))
        if found is None:
            found = self._collectors[metric.name].labels(self.service, *labels)
            self._children[metric.name, labels] = found
        return found

    def exposition(self, health: Health) -> tuple[str, bytes]:
        """Content type and body for /metrics, with the state as /readyz tells it."""
        ready, halted, _ = health.state
        self.set(defs.READY, ready)
        self.set(defs.HALTED, halted)
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)


@cache
def process_metrics(service: str) -> Metrics:
    """This process's metrics, for workers: call it with the service's own name."""
    return Metrics(service)


class MetricsObserver:
    """The runner's observer: counts for Prometheus, the state for /readyz, what an operator must act on for the log."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health
        self._decided = 0  # of a batch that is not known to be committed

    def batch_decided(self, records: int, seconds: float) -> None:
        self._count()  # a batch that led to nothing has nothing to commit
        self._decided = records
        self._metrics.observe(defs.BATCH_RECORDS, records)
        self._metrics.observe(defs.DECISION_SECONDS, seconds)

    def _count(self) -> None:
        self._metrics.add(defs.RECORDS_IN, self._decided)
        self._decided = 0

    def committed(self, seconds: float) -> None:
        self._count()
        self._metrics.observe(defs.COMMIT_SECONDS, seconds)

    def aborted(self) -> None:
        self._decided = 0  # it is decided again
        self._metrics.add(defs.TRANSACTIONS_ABORTED, 1)

    def emitted(self, topic: str, n: int) -> None:
        self._metrics.add(defs.RECORDS_OUT, n, topic)
        if topic in _REJECTIONS:
            self._metrics.add(defs.RECORDS_REJECTED, n, topic)

    def dead_lettered(self, letter: Letter) -> None:
        self._metrics.add(defs.DEAD_LETTERS, 1)
        with concerning(letter.order_id, letter.trace_id):
            _log.error("dead letter", dead_letter_id=letter.dead_letter_id, record=letter.record, reason=letter.reason)

    def parked(self, n: int) -> None:
        self._metrics.set(defs.PARKED, n)

    def rows(self, n: int) -> None:
        self._metrics.set(defs.ROWS, n)

    def deadlines_due(self, n: int) -> None:
        self._metrics.set(defs.DEADLINES_DUE, n)

    def lag(self, topic: str, partition: int, n: int) -> None:
        self._metrics.set(defs.INPUT_LAG, n, topic, str(partition))

    def policy(self, unusable: str) -> None:
        self._metrics.set(defs.POLICY_UNUSABLE, bool(unusable))
        if unusable:
            _log.error("policy not used: the network's rules decide", reason=unusable)
        else:
            _log.info("no policy is left unused any more")

    def state(self, ready: bool, halted: bool, message: str) -> None:
        self._health.set(ready, halted, message)
        if halted:
            _log.error("halted", reason=message)
