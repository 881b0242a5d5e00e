"""Reading the metrics of running services, as Prometheus would."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from orderwing.runtime.metric_defs import Metric

_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Scraped:
    """One service's samples: (name, labels without `service`) -> value."""

    samples: Mapping[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def total(self, metric: Metric, **labels: str) -> float:
        """A counter or gauge, summed over all labels but those given."""
        wanted = set(labels.items())
        return sum(
            value for (name, told), value in self.samples.items() if name == metric.name and wanted.issubset(told)
        )

    def quantile(self, metric: Metric, share: float, before: Scraped | None = None) -> float | None:
        """Of a histogram, what came since `before`; linear within a bucket, its bound above the last. None if empty."""
        buckets = self._buckets(metric)
        if before is not None:
            earlier = before._buckets(metric)
            buckets = {bound: count - earlier.get(bound, 0.0) for bound, count in buckets.items()}
        wanted = share * buckets.get(float("inf"), 0.0)
        if not wanted:
            return None
        low, below = 0.0, 0.0
        for bound, count in sorted(buckets.items()):
            if count >= wanted:
                within = (wanted - below) / (count - below)
                return low if bound == float("inf") else low + (bound - low) * within
            low, below = bound, count
        return low

    def _buckets(self, metric: Metric) -> dict[float, float]:
        """Upper bound -> how many lie at or below it."""
        found: dict[float, float] = {}
        for (name, told), value in self.samples.items():
            if name == f"{metric.name}_bucket":
                bound = float(dict(told)["le"])
                found[bound] = found.get(bound, 0.0) + value
        return found


def scrape(port: int, host: str = "127.0.0.1") -> Scraped | None:
    """None where nobody answers: a service that starts, ends or has died."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return Scraped(
        {
            (sample.name, tuple(item for item in sorted(sample.labels.items()) if item[0] != "service")): sample.value
            for family in text_string_to_metric_families(text)
            if family.name.startswith("orderwing_")
            for sample in family.samples
        }
    )
