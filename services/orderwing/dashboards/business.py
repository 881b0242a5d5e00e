"""Stock, decisions and the re-optimizer."""

from __future__ import annotations

from orderwing.dashboards.panels import (
    RATE,
    Board,
    Panel,
    Query,
    grown,
    one,
    percentiles,
    rate,
    total,
    where,
)
from orderwing.runtime import metric_defs as metric

_MONEY = "none"  # minor units of the network's currency


def _all(metric_: metric.Metric, suffix: str, **labels: str) -> str:
    return f"sum({where(metric_, suffix, **labels)})"


def inventory() -> Board:
    stock, level = metric.STOCK_UNITS, "level"
    held, kept = total(stock, "region", level="reserved"), total(stock, "region", level="safety")
    panels = (
        Panel(
            "ATP",
            "Units that can be promised: on hand, less reserved, less safety.",
            one(f"{total(stock, 'region', level='on_hand')} - {held} - {kept}", "{{region}}"),
        ),
        Panel("Reserved", "Units held for orders, by region.", one(held, "{{region}}")),
        Panel(
            "On hand", "Units on the shelves, by region.", one(total(stock, "region", level="on_hand"), "{{region}}")
        ),
        Panel("Levels", "Of all regions.", one(total(stock, level), "{{level}}"), kind="bars"),
        Panel(
            "Backorders",
            "Units that orders wait for, by home region.",
            one(total(metric.BACKORDERED_UNITS, "region"), "{{region}}"),
        ),
        Panel(
            "Oversold",
            "Units reserved beyond what is on hand, after corrections or short picks.",
            one(total(stock, "region", level="oversold"), "{{region}}"),
            alarm=1,
            kind="numbers",
        ),
        Panel(
            "Holds",
            "Reservation's words in the last hour, and by what was known other regions were asked.",
            (
                Query(grown(metric.RESERVATIONS, "outcome"), "{{outcome}}"),
                Query(grown(metric.SLIP_ROUTES, "knowledge"), "asked elsewhere: {{knowledge}}"),
            ),
        ),
        Panel(
            "Holds lapsing",
            "Soft holds that ended unused in the last hour, and their share of all.",
            (
                Query(grown(metric.RESERVATIONS, outcome="lapsed"), "lapsed"),
                Query(total(metric.ORDERS, state="held"), "held now"),
            ),
        ),
        Panel(
            "Stock changes",
            "A second, by what caused them.",
            one(rate(metric.STOCK_CHANGES, "kind"), "{{kind}}"),
            "cps",
        ),
    )
    return Board("orderwing-inventory", "Inventory", panels)


def decisions() -> Board:
    return Board("orderwing-decisions", "Decisions", (*_orders(), *_sites()))


def _orders() -> tuple[Panel, ...]:
    """What the orders' plans cost, and in how many parcels they go."""
    parcels, orders = f"sum({metric.FROZEN_PARCELS.name})", f"clamp_min(sum({metric.FROZEN_ORDERS.name}), 1)"
    cost = f"sum by (term) ({metric.FROZEN_COST_MINOR.name})"
    delivered = f"clamp_min({_all(metric.ORDER_PARCELS, '_count')}, 1)"
    return (
        Panel(
            "Parcels per order",
            "Of frozen plans since the views started.",
            one(f"{parcels} / {orders}"),
            kind="numbers",
            width=6,
        ),
        Panel(
            "Cost per order",
            "Of frozen plans, in minor units.",
            one(f"sum({metric.FROZEN_COST_MINOR.name}) / {orders}"),
            _MONEY,
            kind="numbers",
            width=6,
        ),
        Panel(
            "Split parts",
            "Share of frozen parts that leave in more than one parcel.",
            one(f"sum({metric.FROZEN_SPLITS.name}) / clamp_min(sum({metric.FROZEN_PARTS.name}), 1)"),
            "percentunit",
            kind="numbers",
            width=6,
        ),
        Panel(
            "Orders in one parcel",
            "Share of delivered orders.",
            one(f"{_all(metric.ORDER_PARCELS, '_bucket', le='1.0')} / {delivered}"),
            "percentunit",
            kind="numbers",
            width=6,
        ),
        Panel(
            "Cost per order by term",
            "Of frozen plans: parcel and weight go to the carrier, handling to the site, lateness is a price.",
            one(f"{cost} / on() group_left() {orders}", "{{term}}"),
            _MONEY,
            kind="stacked",
            width=12,
        ),
        Panel(
            "Parcels of a delivered order",
            "Share of orders that came in at most so many.",
            tuple(  # one each: a Prometheus sorts `le` as text
                Query(f"{_all(metric.ORDER_PARCELS, '_bucket', le=f'{most:.1f}')} / {delivered}", f"≤ {most:g}")
                for most in metric.ORDER_PARCELS.buckets
            ),
            "percentunit",
            kind="bars",
            width=12,
        ),
    )


def _sites() -> tuple[Panel, ...]:
    """Where the work goes, and how full sites and departures are."""
    capacity = f"max by (site) ({metric.SITE_CAPACITY.name})"
    factor = f"on() group_left() max({metric.CLOCK_FACTOR.name})"
    picked = f"sum by (site) (rate({metric.PICKED_UNITS.name}[{RATE}])) * 3600"
    return (
        Panel(
            "Units by site",
            "Of plans frozen in the last hour.",
            one(grown(metric.FROZEN_UNITS, "site"), "{{site}}"),
            kind="bars",
            width=8,
        ),
        Panel(
            "Parcels by carrier",
            "Of plans frozen in the last hour.",
            one(grown(metric.FROZEN_PARCELS, "carrier"), "{{carrier}}"),
            kind="bars",
            width=8,
        ),
        Panel(
            "Capacity used",
            "Units picked an hour of domain time, of what the site can pick.",
            one(
                f"{picked} / {factor} / on(site) {capacity}",
                "{{site}}",
            ),
            "percentunit",
            width=8,
        ),
        Panel(
            "Parcels of a departure",
            "On board, by carrier, in the last hour.",
            one(
                f"{grown(metric.DEPARTED_PARCELS, 'carrier', on_board='yes')} "
                f"/ clamp_min({grown(metric.DEPARTURES, 'carrier')}, 1)",
                "{{carrier}}",
            ),
            width=8,
        ),
        Panel(
            "Too late for their departure",
            "Parcels in the last hour, by site.",
            one(grown(metric.DEPARTED_PARCELS, "site", on_board="no"), "{{site}}"),
            width=8,
        ),
        Panel(
            "Versions of plans",
            "In the last hour, by cause.",
            one(grown(metric.PLANS, "cause"), "{{cause}}"),
            width=8,
        ),
    )


def _steering() -> tuple[Panel, ...]:
    """Nought where the service does not run."""
    lists = f"sum(increase({metric.STEERING_SECONDS.name}_count[1h]))"
    return (
        Panel("Steering lists", "Made in the last hour.", one(f"{lists} or on() vector(0)"), kind="numbers"),
        Panel(
            "Steering lists not published",
            "In the last hour: another wrote at that moment, or Kafka did not answer.",
            one(f"sum(increase({metric.STEERING_REFUSED.name}[1h])) or on() vector(0)"),
            kind="numbers",
        ),
        Panel(
            "Steering prices",
            "Shelves that the last list has a price for.",
            one(f"max({metric.STEERING_PRICES.name}) or on() vector(0)"),
            kind="numbers",
        ),
        Panel(
            "Age of steering prices",
            "Since a list was published.",
            one(f"min({metric.STEERING_AGE.name}) or on() vector(0)"),
            "s",
            kind="numbers",
        ),
    )


def reoptimizer() -> Board:
    answers = metric.PROPOSALS_ANSWERED
    panels = (
        Panel("Pool", "Parts allocated and not frozen.", one(total(metric.POOL_PARTS, "region"), "{{region}}")),
        Panel("Looks", "At a region's pool, in the last hour.", one(grown(metric.WINDOWS, "region"), "{{region}}")),
        Panel("Proposals", "Made in the last hour.", one(grown(metric.PROPOSALS, "region"), "{{region}}")),
        Panel("Answers", "Of allocation in the last hour.", one(grown(answers, "answer"), "{{answer}}")),
        Panel(
            "Accepted",
            "Share of all answers.",
            one(f'sum({answers.name}{{answer="accepted"}}) / clamp_min(sum({answers.name}), 1)'),
            "percentunit",
            kind="numbers",
        ),
        Panel(
            "Saved",
            "Verified gain of all accepted proposals, in minor units.",
            one(total(metric.SAVED_MINOR)),
            _MONEY,
            kind="numbers",
        ),
        Panel("Solve", "Seconds to re-plan one region's pool.", percentiles(metric.SOLVE_SECONDS), "s"),
        Panel(
            "Ready", "Instances that do their work.", one(total(metric.READY, service="reoptimizer")), kind="numbers"
        ),
        Panel(
            "Memory",
            "Resident.",
            one('process_resident_memory_bytes{app="orderwing", job="reoptimizer"}', "{{instance}}"),
            "bytes",
        ),
        *_steering(),
    )
    return Board("orderwing-reoptimizer", "Re-optimizer", panels)
