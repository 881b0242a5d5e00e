"""A page for each stage, and for the payment gateway."""

from __future__ import annotations

from orderwing.dashboards.panels import Board, Panel, grown, mean, one, percentiles, rate, total, where
from orderwing.runtime import metric_defs as metric
from orderwing_schemas.topics import STAGES

_OWN = {  # what one stage alone has
    name: (
        Panel(
            "Rejected",
            "Strangers' records answered by a rejection, a duplicate or a conflict, in the last hour.",
            one(grown(metric.RECORDS_REJECTED, "topic", service=name), "{{topic}}"),
            width=24,
        ),
    )
    for name in ("gate", "intake")
} | {
    "fraud": (
        Panel(
            "Verdicts",
            "In the last hour.",
            one(grown(metric.FRAUD_VERDICTS, "outcome"), "{{outcome}}"),
            width=24,
        ),
    ),
    "reservation": (
        Panel(
            "Policy unusable",
            "1: the sourcing policy does not go with the network, whose own rules decide.",
            one(f"max({where(metric.POLICY_UNUSABLE, service='reservation')}) or on() vector(0)"),
            kind="numbers",
            width=24,
            alarm=1,
        ),
    ),
}


def boards() -> tuple[Board, ...]:
    return (*map(_stage, STAGES), _gateway())


def _stage(name: str) -> Board:
    panels = (
        *_state(name),
        Panel(
            "Decided",
            "Records and due deadlines a second.",
            one(rate(metric.RECORDS_IN, service=name)),
            unit="cps",
        ),
        Panel(
            "Emitted",
            "Records a second, by topic.",
            one(rate(metric.RECORDS_OUT, "topic", service=name), "{{topic}}"),
            unit="cps",
        ),
        Panel(
            "Lag",
            "Records of each input after the committed position.",
            one(total(metric.INPUT_LAG, "topic", service=name), "{{topic}}"),
        ),
        Panel("Decision", "To decide one batch.", percentiles(metric.DECISION_SECONDS, service=name), "s"),
        Panel(
            "Commit",
            "From the begin of a transaction to its end.",
            percentiles(metric.COMMIT_SECONDS, service=name),
            "s",
        ),
        Panel("Batch", "Records in one transaction, on average.", one(mean(metric.BATCH_RECORDS, service=name))),
        Panel(
            "Aborted",
            "Transactions a second; their batches are decided again.",
            one(rate(metric.TRANSACTIONS_ABORTED, service=name)),
            "cps",
        ),
        Panel("Rows", "Kept in memory, restored from the changelog.", one(total(metric.ROWS, service=name))),
        Panel("Deadlines due", "Passed and not decided yet.", one(total(metric.DEADLINES_DUE, service=name))),
        *(_OWN.get(name, ())),
        *_process(name),
    )
    return Board(f"orderwing-{name.replace('_', '-')}", f"Stage: {name}", panels)


def _state(name: str) -> tuple[Panel, ...]:
    return (
        Panel("Ready", "Instances at work.", one(total(metric.READY, service=name)), kind="numbers", width=6),
        Panel(
            "Halted",
            "Too many dead letters: see docs/operations.md.",
            one(total(metric.HALTED, service=name)),
            kind="numbers",
            width=6,
            alarm=1,
        ),
        Panel(
            "Dead letters",
            "Of the last day.",
            one(grown(metric.DEAD_LETTERS, over="1d", service=name)),
            kind="numbers",
            width=6,
            alarm=1,
        ),
        Panel(
            "Parked",
            "Records that wait behind a dead letter of their order.",
            one(total(metric.PARKED, service=name)),
            kind="numbers",
            width=6,
            alarm=1,
        ),
    )


def _process(name: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "CPU",
            "Cores, by instance.",
            one(f'rate(process_cpu_seconds_total{{app="orderwing", job="{name}"}}[$__rate_interval])', "{{instance}}"),
            width=12,
        ),
        Panel(
            "Memory",
            "Resident, by instance.",
            one(f'process_resident_memory_bytes{{app="orderwing", job="{name}"}}', "{{instance}}"),
            "bytes",
            width=12,
        ),
    )


def _gateway() -> Board:
    name = "payment_gateway"
    panels = (
        Panel("Ready", "Instances at work.", one(total(metric.READY, service=name)), kind="numbers", width=12),
        Panel(
            "Dead letters",
            "Of the last day.",
            one(grown(metric.DEAD_LETTERS, over="1d", service=name)),
            kind="numbers",
            width=12,
            alarm=1,
        ),
        Panel(
            "Calls",
            "To the payment provider a second, by outcome.",
            one(rate(metric.PROVIDER_SECONDS, "outcome", "_count"), "{{outcome}}"),
            "cps",
        ),
        Panel("Call", "Seconds of one call.", percentiles(metric.PROVIDER_SECONDS), "s"),
        Panel("In flight", "Calls under way.", one(where(metric.PROVIDER_IN_FLIGHT))),
        Panel("Retries", "Calls made again after a failure, a second.", one(rate(metric.PROVIDER_RETRIES)), "cps"),
        Panel("Lag", "Requests that wait.", one(total(metric.INPUT_LAG, service=name))),
        Panel(
            "Captures refused",
            "Of the last hour: goods have left, and nobody pays.",
            one(grown(metric.PAYMENTS, purpose="capture", outcome="refused")),
            alarm=1,
            kind="numbers",
        ),
        *_process(name),
    )
    return Board("orderwing-payment-gateway", "Worker: payment_gateway", panels)
