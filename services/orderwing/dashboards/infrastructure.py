"""Processes, the cluster as the views see it, and Redis."""

from __future__ import annotations

from orderwing.dashboards.panels import RATE, Board, Panel, grown, one, quantile, rate, total
from orderwing.runtime import metric_defs as metric

_OURS = 'app="orderwing"'


def board() -> Board:
    return Board("orderwing-infrastructure", "Infrastructure", (*_processes(), *_cluster()))


def _processes() -> tuple[Panel, ...]:
    return (
        Panel("Up", "Processes that answer, by service.", one(f"sum by (job) (up{{{_OURS}}})", "{{job}}"), width=12),
        Panel(
            "Restarts",
            "In the last hour, by service.",
            one(f"sum by (job) (changes(process_start_time_seconds{{{_OURS}}}[1h]))", "{{job}}"),
            width=12,
        ),
        Panel(
            "CPU",
            "Cores, by service.",
            one(f"sum by (job) (rate(process_cpu_seconds_total{{{_OURS}}}[{RATE}]))", "{{job}}"),
            kind="stacked",
            width=12,
        ),
        Panel(
            "Memory",
            "Resident, by service.",
            one(f"sum by (job) (process_resident_memory_bytes{{{_OURS}}})", "{{job}}"),
            "bytes",
            "stacked",
            width=12,
        ),
        Panel(
            "Open files",
            "Share of what each process may open.",
            one(f"max by (job) (process_open_fds{{{_OURS}}} / process_max_fds{{{_OURS}}})", "{{job}}"),
            "percentunit",
            width=12,
        ),
        Panel(
            "Scrape",
            "Seconds to read one service's metrics.",
            one(f"max by (job) (scrape_duration_seconds{{{_OURS}}})", "{{job}}"),
            "s",
            width=12,
        ),
    )


def _cluster() -> tuple[Panel, ...]:
    return (
        Panel("Brokers", "That answer the views.", one(total(metric.BROKERS)), kind="numbers", width=6),
        Panel(
            "Partitions without a leader",
            "Nobody can use them.",
            one(total(metric.PARTITIONS_LEADERLESS)),
            kind="numbers",
            width=6,
            alarm=1,
        ),
        Panel(
            "Partitions under-replicated",
            "That miss an in-sync replica.",
            one(total(metric.PARTITIONS_UNDER_REPLICATED)),
            kind="numbers",
            width=6,
            alarm=1,
        ),
        Panel("Redis memory", "Used.", one(total(metric.REDIS_MEMORY)), "bytes", "numbers", width=6),
        Panel(
            "Commit p99",
            "Of transactions, by stage: what the brokers take.",
            one(quantile(0.99, metric.COMMIT_SECONDS, "service"), "{{service}}"),
            "s",
        ),
        Panel(
            "Transactions aborted",
            "A second, by stage.",
            one(rate(metric.TRANSACTIONS_ABORTED, "service"), "{{service}}"),
            "cps",
        ),
        Panel(
            "Records written",
            "In committed transactions, a second, by stage.",
            one(rate(metric.RECORDS_OUT, "service"), "{{service}}"),
            "cps",
        ),
        Panel(
            "Applied to the views",
            "Records a second, by topic.",
            one(rate(metric.VIEWS_APPLIED, "topic"), "{{topic}}"),
            "cps",
            width=16,
        ),
        Panel(
            "Distances estimated",
            "Pairs of points in the last hour, by the routing engine that did not answer.",
            one(f"{grown(metric.DISTANCES_ESTIMATED, 'engine')} or on() vector(0)", "{{engine}}"),
            kind="numbers",
            alarm=1,
        ),
    )
