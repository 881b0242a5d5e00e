"""Every metric of orderwing. `docs/metrics.md` is made from this list (`orderwing schemas generate`).

Base units only (seconds, records), as Prometheus asks. Each metric also has the label `service`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orderwing_schemas.topics import STAGES

# Decisions take microseconds, commits milliseconds, restores and provider calls up to seconds.
_FINE = (0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_COARSE = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_COUNTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
_FEW = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0)
# From the first plan, a fraction of a second after its order, to the door, days later.
_LIFE = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 14400.0, 86400.0, 259200.0, 604800.0)


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


# --- The runner of a stage -----------------------------------------------------------------------------------------

RECORDS_IN = Metric("orderwing_records_in_total", "counter", "Records and due deadlines decided.")
RECORDS_OUT = Metric(
    "orderwing_records_out_total", "counter", "Records emitted in committed transactions, by topic.", ("topic",)
)
RECORDS_REJECTED = Metric(
    "orderwing_records_rejected_total",
    "counter",
    "Strangers' records answered by a rejection, a duplicate or a conflict, by the topic of the answer.",
    ("topic",),
)
BATCH_RECORDS = Metric("orderwing_batch_records", "histogram", "Records in one transaction.", buckets=_COUNTS)
DECISION_SECONDS = Metric(
    "orderwing_decision_seconds", "histogram", "Seconds to decode and decide one batch.", buckets=_FINE
)
COMMIT_SECONDS = Metric(
    "orderwing_commit_seconds", "histogram", "Seconds from the begin of a transaction to its commit.", buckets=_FINE
)
TRANSACTIONS_ABORTED = Metric(
    "orderwing_transactions_aborted_total", "counter", "Transactions aborted; their batches are decided again."
)
DEAD_LETTERS = Metric(
    "orderwing_dead_letters_total", "counter", "Records that could not be decoded or decided: see `dead-letters list`."
)
PARKED = Metric("orderwing_parked_records", "gauge", "Records that wait behind a dead letter of their order.")
ROWS = Metric("orderwing_rows", "gauge", "Rows kept by the process.")
DEADLINES_DUE = Metric("orderwing_deadlines_due", "gauge", "Deadlines whose time has passed, not decided yet.")
POLICY_UNUSABLE = Metric(
    "orderwing_policy_unusable",
    "gauge",
    "1 while the sourcing policy does not go with the network, so that the network's own rules decide.",
)
INPUT_LAG = Metric(
    "orderwing_input_lag_records",
    "gauge",
    "Records of an input partition after the committed position; of the payment gateway after those it has read.",
    ("topic", "partition"),
)

# --- Every service -------------------------------------------------------------------------------------------------

READY = Metric("orderwing_ready", "gauge", "1 while the service does its work, as /readyz says.")
HALTED = Metric("orderwing_halted", "gauge", "1 once too many dead letters have halted the stage.")

# --- The payment gateway -------------------------------------------------------------------------------------------

PROVIDER_IN_FLIGHT = Metric("orderwing_provider_calls_in_flight", "gauge", "Calls to the payment provider under way.")
PROVIDER_SECONDS = Metric(
    "orderwing_provider_call_seconds",
    "histogram",
    "Seconds of one call, by its outcome (approved, declined, failed).",
    ("outcome",),
    _COARSE,
)
PROVIDER_RETRIES = Metric("orderwing_provider_retries_total", "counter", "Calls made again after a failure.")

# --- The views -----------------------------------------------------------------------------------------------------

VIEWS_APPLIED = Metric("orderwing_views_applied_total", "counter", "Records applied to Redis, by topic.", ("topic",))
VIEWS_LAG = Metric(
    "orderwing_views_apply_lag_seconds",
    "histogram",
    "Seconds from the broker's stamp of a record to its application.",
    buckets=_COARSE,
)

# --- What the views see: the business. Labels are bounded by the network and the code, never an order or a SKU --------

ORDERS = Metric("orderwing_orders", "gauge", "Orders by the state that they are in.", ("state",))
ORDERS_STUCK = Metric(
    "orderwing_orders_stuck",
    "gauge",
    "Orders that should have gone on by now, by the state that they stand in.",
    ("state",),
)
PROMISES_AT_RISK = Metric(
    "orderwing_promises_at_risk",
    "gauge",
    "Undelivered orders whose promise has passed (`overdue`) or whose plan comes later than promised (`planned_late`).",
    ("reason",),
)
ORDER_SECONDS = Metric(
    "orderwing_order_seconds",
    "histogram",
    "Wall seconds from an order's acceptance until it is `allocated`, `shipped` or `delivered` for the first time, "
    "by the broker's stamps.",
    ("milestone",),
    _LIFE,
)
ORDER_PARCELS = Metric("orderwing_order_parcels", "histogram", "Parcels in which a delivered order came.", buckets=_FEW)
STOCK_UNITS = Metric(
    "orderwing_stock_units",
    "gauge",
    "Units on the shelves of a region: `on_hand`, `reserved`, `safety`, and `oversold` (reserved beyond on hand).",
    ("region", "level"),
)
BACKORDERED_UNITS = Metric(
    "orderwing_backordered_units", "gauge", "Units that orders wait for, by their home region.", ("region",)
)
RESERVATIONS = Metric(
    "orderwing_reservations_total",
    "counter",
    "Reservation's words to orders: held, reserved, backordered, short, lapsed, released.",
    ("outcome",),
)
SLIP_ROUTES = Metric(
    "orderwing_slip_routes_total",
    "counter",
    "How other regions were asked for what home lacks: by stock that they had `told` of; by preference where nothing "
    "was known (`unknown`); `nobody`, as none was known to have any. And how often what was told was `stale`.",
    ("knowledge",),
)
STOCK_CHANGES = Metric(
    "orderwing_stock_changes_total", "counter", "Decisions that changed shelves, by what caused them.", ("kind",)
)
FRAUD_VERDICTS = Metric("orderwing_fraud_verdicts_total", "counter", "Fraud's words on orders.", ("outcome",))
PAYMENTS = Metric(
    "orderwing_payments_total",
    "counter",
    "Authorisations, captures and voids that the provider approved or refused.",
    ("purpose", "outcome"),
)
PLANS = Metric(
    "orderwing_plans_total",
    "counter",
    "Versions of parts' plans: first, own_move, proposal, replacement.",
    ("region", "cause"),
)
FROZEN_ORDERS = Metric("orderwing_frozen_orders_total", "counter", "Orders whose first part was frozen.")
FROZEN_PARTS = Metric("orderwing_frozen_parts_total", "counter", "Parts frozen: their plans are final.", ("region",))
FROZEN_PARCELS = Metric("orderwing_frozen_parcels_total", "counter", "Parcels of frozen plans.", ("site", "carrier"))
FROZEN_UNITS = Metric("orderwing_frozen_units_total", "counter", "Units of frozen plans.", ("site",))
FROZEN_COST_MINOR = Metric(
    "orderwing_frozen_cost_minor_total",
    "counter",
    "Cost of frozen plans by term, in minor units of the network's currency.",
    ("term",),
)
FROZEN_SPLITS = Metric("orderwing_frozen_splits_total", "counter", "Frozen parts that leave in more than one parcel.")
PARCELS = Metric("orderwing_parcels_total", "counter", "Parcels that reached a step.", ("status",))
DELIVERIES = Metric(
    "orderwing_deliveries_total", "counter", "Parcels delivered, `in_time` or `late` by their promise.", ("promise",)
)
PICKED_UNITS = Metric("orderwing_site_picked_units_total", "counter", "Units picked.", ("site",))
SITE_CAPACITY = Metric(
    "orderwing_site_capacity_units_per_hour", "gauge", "What a site can pick in an hour of domain time.", ("site",)
)
DEPARTURES = Metric(
    "orderwing_departures_total",
    "counter",
    "Manifests closed; a departure that is told of late has a second one.",
    ("site", "carrier"),
)
DEPARTED_PARCELS = Metric(
    "orderwing_departed_parcels_total",
    "counter",
    "Parcels released for departures: those on board, and those that came too late for it.",
    ("site", "carrier", "on_board"),
)
PROPOSALS_ANSWERED = Metric(
    "orderwing_proposals_answered_total", "counter", "Allocation's answers to proposals.", ("region", "answer")
)
SAVED_MINOR = Metric(
    "orderwing_proposals_saved_minor",
    "gauge",
    "Verified gain of all accepted proposals, in minor units; lower where money bought what the customer wished for.",
)
CLOCK_FACTOR = Metric(
    "orderwing_clock_factor", "gauge", "Domain seconds in a wall second: 1 in production, more in a demo."
)
BROKERS = Metric("orderwing_brokers", "gauge", "Brokers of the cluster that answer.")
PARTITIONS_LEADERLESS = Metric(
    "orderwing_partitions_leaderless", "gauge", "Partitions of our topics without a leader: nobody can use them."
)
PARTITIONS_UNDER_REPLICATED = Metric(
    "orderwing_partitions_under_replicated", "gauge", "Partitions of our topics that miss an in-sync replica."
)
REDIS_MEMORY = Metric("orderwing_redis_memory_bytes", "gauge", "Memory that Redis uses.")

# --- The re-optimizer ----------------------------------------------------------------------------------------------

POOL_PARTS = Metric("orderwing_reoptimizer_pool_parts", "gauge", "Parts allocated and not frozen.", ("region",))
WINDOWS = Metric("orderwing_reoptimizer_windows_total", "counter", "Looks at a region's pool.", ("region",))
PROPOSALS = Metric("orderwing_reoptimizer_proposals_total", "counter", "Proposals made.", ("region",))
SOLVE_SECONDS = Metric(
    "orderwing_reoptimizer_solve_seconds", "histogram", "Seconds to re-plan one region's pool.", buckets=_COARSE
)

# --- Steering -------------------------------------------------------------------------------------------------------

STEERING_SECONDS = Metric(
    "orderwing_steering_seconds", "histogram", "Seconds to make one list of steering prices.", buckets=_COARSE
)
STEERING_PRICES = Metric("orderwing_steering_prices", "gauge", "Shelves that the list published last has a price for.")
STEERING_AGE = Metric("orderwing_steering_age_seconds", "gauge", "Wall seconds since a list was published.")
STEERING_REFUSED = Metric(
    "orderwing_steering_refused_total",
    "counter",
    "Lists that could not be published: another wrote at that moment, or Kafka did not answer. They are made again.",
)

# --- Where routes are solved ---------------------------------------------------------------------------------------

DISTANCES_ESTIMATED = Metric(
    "orderwing_distances_estimated_total",
    "counter",
    "Pairs of points whose distance was estimated because this routing engine did not answer.",
    ("engine",),
)

# --- Who feeds what ------------------------------------------------------------------------------------------------

EVERY_SERVICE = (READY, HALTED)
BY_SERVICE: dict[str, tuple[Metric, ...]] = {
    "stages": (
        RECORDS_IN, RECORDS_OUT, RECORDS_REJECTED, BATCH_RECORDS, DECISION_SECONDS, COMMIT_SECONDS,
        TRANSACTIONS_ABORTED, DEAD_LETTERS, PARKED, ROWS, DEADLINES_DUE, INPUT_LAG, POLICY_UNUSABLE,
    ),
    "payment_gateway": (
        RECORDS_IN, RECORDS_OUT, DEAD_LETTERS, INPUT_LAG, PROVIDER_IN_FLIGHT, PROVIDER_SECONDS, PROVIDER_RETRIES,
    ),
    "views": (
        RECORDS_IN, DEAD_LETTERS, VIEWS_APPLIED, VIEWS_LAG,
        ORDERS, ORDERS_STUCK, PROMISES_AT_RISK, ORDER_SECONDS, ORDER_PARCELS,
        STOCK_UNITS, BACKORDERED_UNITS, RESERVATIONS, SLIP_ROUTES, STOCK_CHANGES, FRAUD_VERDICTS, PAYMENTS,
        PLANS, FROZEN_ORDERS, FROZEN_PARTS, FROZEN_PARCELS, FROZEN_UNITS, FROZEN_COST_MINOR, FROZEN_SPLITS,
        PARCELS, DELIVERIES, PICKED_UNITS, SITE_CAPACITY, DEPARTURES, DEPARTED_PARCELS,
        PROPOSALS_ANSWERED, SAVED_MINOR, CLOCK_FACTOR,
        BROKERS, PARTITIONS_LEADERLESS, PARTITIONS_UNDER_REPLICATED, REDIS_MEMORY,
    ),
    "reoptimizer": (RECORDS_IN, RECORDS_OUT, DEAD_LETTERS, POOL_PARTS, WINDOWS, PROPOSALS, SOLVE_SECONDS),
    "steering": (
        RECORDS_IN, DEAD_LETTERS, STEERING_SECONDS, STEERING_PRICES, STEERING_AGE, STEERING_REFUSED,
    ),
    "solver": (DISTANCES_ESTIMATED,),
}  # fmt: skip
ALL_METRICS = tuple(dict.fromkeys((*EVERY_SERVICE, *(one for group in BY_SERVICE.values() for one in group))))


def fed_by(service: str) -> tuple[Metric, ...]:
    """What a service tells: `stages` for each of them, the two of every service for a simulator."""
    return (*EVERY_SERVICE, *BY_SERVICE.get("stages" if service in STAGES else service, ()))


def markdown() -> str:
    """`docs/metrics.md`."""
    rows = [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in ('service', *m.labels))} | {_tellers(m)} "
        f"| {m.about} |"
        for m in ALL_METRICS
    ]
    head = [
        "# Metrics",
        "",
        "Every service answers `/metrics` in the Prometheus text format, beside the usual `process_*` and `python_*`",
        "metrics of the client library. Made from `services/orderwing/runtime/metric_defs.py` by",
        "`orderwing schemas generate`.",
        "",
        "Counters without further labels begin at 0; the others are there once something has happened.",
        "",
        "| metric | kind | labels | told by | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])


def _tellers(metric: Metric) -> str:
    if metric in EVERY_SERVICE:
        return "every service"
    return ", ".join(service for service, told in BY_SERVICE.items() if metric in told)
