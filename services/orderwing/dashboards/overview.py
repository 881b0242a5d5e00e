"""The first page: how orders do, and whether anything stands still."""

from __future__ import annotations

from orderwing.dashboards.panels import Board, Panel, Query, grown, one, quantile, rate, total
from orderwing.runtime import metric_defs as metric

_MILESTONES = "allocated", "shipped"


def board() -> Board:
    return Board("orderwing-overview", "Overview", (*_numbers(), *_lines()))


def _numbers() -> tuple[Panel, ...]:
    return (
        Panel(
            "Orders under way",
            "Accepted and not ended.",
            one(f'sum({metric.ORDERS.name}{{state!~"unknown|rejected|refused|blocked|declined|delivered"}})'),
            kind="numbers",
            width=4,
        ),
        Panel(
            "Promise at risk",
            "Undelivered orders whose promise has passed, or whose plan comes later than promised.",
            one(total(metric.PROMISES_AT_RISK, "reason"), "{{reason}}"),
            kind="numbers",
            width=4,
            alarm=1,
        ),
        Panel(
            "Stuck",
            "Orders that should have gone on by now.",
            one(total(metric.ORDERS_STUCK)),
            kind="numbers",
            width=4,
            alarm=1,
        ),
        Panel(
            "Dead letters",
            "Of the last day: `orderwing dead-letters list`.",
            one(grown(metric.DEAD_LETTERS, over="1d")),
            kind="numbers",
            width=4,
            alarm=1,
        ),
        Panel(
            "Parked",
            "Records that wait behind a dead letter of their order.",
            one(total(metric.PARKED)),
            kind="numbers",
            width=4,
            alarm=1,
        ),
        Panel(
            "Services not ready",
            "Starting, restoring, halted, or away.",
            one('count(up{app="orderwing"} == 0) or on() vector(0)', "away")
            + one(f"count({metric.READY.name} == 0) or on() vector(0)", "not ready"),
            kind="numbers",
            width=4,
            alarm=1,
        ),
    )


def _lines() -> tuple[Panel, ...]:
    return (
        Panel(
            "Orders by state",
            "Where every order stands.",
            one(f"{total(metric.ORDERS, 'state')} > 0", "{{state}}"),
            kind="stacked",
            width=12,
        ),
        Panel(
            "Throughput",
            "A second: orders accepted, parts planned, parcels shipped and delivered.",
            (
                Query(rate(metric.RECORDS_OUT, topic="orders.accepted"), "accepted"),
                Query(rate(metric.PLANS, cause="first"), "planned"),
                Query(rate(metric.PARCELS, status="shipped"), "shipped"),
                Query(rate(metric.PARCELS, status="delivered"), "delivered"),
            ),
            unit="cps",
            width=12,
        ),
        Panel(
            "From accepted to ...",
            "Wall time by the broker's stamps; a demo's clock runs faster.",
            tuple(
                Query(quantile(share, metric.ORDER_SECONDS, milestone=milestone), f"{milestone} p{share * 100:g}")
                for milestone in _MILESTONES
                for share in (0.5, 0.99)
            ),
            unit="s",
            width=12,
        ),
        Panel(
            "Lag",
            "Records that wait for each service.",
            one(total(metric.INPUT_LAG, "service"), "{{service}}"),
            width=12,
        ),
        Panel(
            "Deliveries by their promise",
            "Parcels of the last hour.",
            one(grown(metric.DELIVERIES, "promise"), "{{promise}}"),
            width=8,
        ),
        Panel(
            "Payments",
            "What the provider confirmed or refused in the last hour.",
            one(grown(metric.PAYMENTS, "purpose, outcome"), "{{purpose}} {{outcome}}"),
            width=8,
        ),
        Panel(
            "Views behind the log",
            "Seconds from the broker's stamp of a record to Redis.",
            one(quantile(0.5, metric.VIEWS_LAG), "p50") + one(quantile(0.99, metric.VIEWS_LAG), "p99"),
            unit="s",
            width=8,
        ),
    )
