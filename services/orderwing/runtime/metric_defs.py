"""Every metric of orderwing. `docs/metrics.md` is made from this list (`orderwing schemas generate`).

Base units only (seconds, records), as Prometheus asks. Each metric also has the label `service`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Decisions take microseconds, commits milliseconds, restores and provider calls up to seconds.
_FINE = (0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_COARSE = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_COUNTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


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
INPUT_LAG = Metric(
    "orderwing_input_lag_records",
    "gauge",
    "Records between the position and the end of an input partition.",
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

# --- The re-optimizer ----------------------------------------------------------------------------------------------

POOL_PARTS = Metric("orderwing_reoptimizer_pool_parts", "gauge", "Parts allocated and not frozen.", ("region",))
WINDOWS = Metric("orderwing_reoptimizer_windows_total", "counter", "Looks at a region's pool.", ("region",))
PROPOSALS = Metric("orderwing_reoptimizer_proposals_total", "counter", "Proposals made.", ("region",))
SOLVE_SECONDS = Metric(
    "orderwing_reoptimizer_solve_seconds", "histogram", "Seconds to re-plan one region's pool.", buckets=_COARSE
)

ALL_METRICS = (
    RECORDS_IN, RECORDS_OUT, RECORDS_REJECTED, BATCH_RECORDS, DECISION_SECONDS, COMMIT_SECONDS,
    TRANSACTIONS_ABORTED, DEAD_LETTERS, PARKED, ROWS, DEADLINES_DUE, INPUT_LAG,
    READY, HALTED,
    PROVIDER_IN_FLIGHT, PROVIDER_SECONDS, PROVIDER_RETRIES,
    VIEWS_APPLIED, VIEWS_LAG,
    POOL_PARTS, WINDOWS, PROPOSALS, SOLVE_SECONDS,
)  # fmt: skip


def markdown() -> str:
    """`docs/metrics.md`."""
    rows = [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in ('service', *m.labels))} | {m.about} |"
        for m in ALL_METRICS
    ]
    head = [
        "# Metrics",
        "",
        "Every service answers `/metrics` in the Prometheus text format, beside the usual `process_*` and `python_*`",
        "metrics of the client library. Made from `services/orderwing/runtime/metric_defs.py` by",
        "`orderwing schemas generate`.",
        "",
        "| metric | kind | labels | meaning |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])
