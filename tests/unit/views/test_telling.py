"""What the views tell Prometheus: promises, stuck orders, milestones, counts of events."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from orderwing.runtime import metric_defs as metric
from orderwing.runtime.metric_defs import Metric
from orderwing.runtime.metrics import Metrics
from orderwing.shop.demo_network import demo_network
from orderwing.views.facts import Fact, decode_fact, encode_fact
from orderwing.views.milestones import parcels, reached
from orderwing.views.standing import Standing, standing
from orderwing.views.tally import Count, first_counts, tally, tally_frozen
from orderwing_schemas.codec import encode
from orderwing_schemas.examples import EXAMPLE_BY_TYPE
from support.parts import an_allocated_part

MINUTE_MS = 60_000
REVIEW_MS = 60 * MINUTE_MS
ACCEPTED = Fact("intake", "accepted", 0, 1_000, 10, ref="north", units=3)


def planned(part: str = "p", version: int = 1, promise: int = 500, arrival: int = 400, units: int = 3) -> Fact:
    what = f"planned:{part}:{version}"
    times = promise, arrival, 300
    return Fact("allocation", what, version, 2_500, 20, part, units, (version, 5), "", *times)


def told(status: str, shipment: str = "s", part: str = "p", units: int = 3, wall_ms: int = 9_000) -> Fact:
    return Fact("dispatch", f"{status}:{shipment}", 6, wall_ms, 30, ref=f"{part}#{shipment}", units=units)


FROZEN = Fact("allocation", "frozen:p", 5, 3_000, 25, ref="p", rest=(1, 0))


def test_an_older_fact_is_still_read() -> None:
    fact = planned()
    before = encode_fact(fact).rpartition(b",500,")[0] + b"]"
    assert decode_fact(before) == Fact(*(getattr(fact, name) for name in Fact.__struct_fields__[:9]))
    assert decode_fact(encode_fact(fact)) == fact


def test_the_earliest_promise_that_is_not_kept_stands() -> None:
    two = [ACCEPTED, planned("a", promise=500, units=1), planned("b", promise=700, units=2)]
    assert standing(two, 1, REVIEW_MS).promise_ms == 500
    frozen = [Fact("allocation", f"frozen:{part}", 5, 0, 0, ref=part, rest=(1, 0)) for part in "ab"]
    walked = [told(step, "a1", "a", 1) for step in ("released", "shipped", "delivered")]
    now = standing([*two, *frozen, *walked, told("released", "b1", "b", 2)], 1, REVIEW_MS)
    assert (now.state, now.promise_ms, now.home) == ("released", 700, "north")


def test_the_latest_version_says_whether_a_plan_is_late() -> None:
    late, better = planned(version=1, arrival=501), planned(version=2, arrival=499)
    assert standing([ACCEPTED, late], 1, REVIEW_MS).late
    assert not standing([ACCEPTED, better, late], 1, REVIEW_MS).late


@pytest.mark.parametrize(
    ("facts", "factor", "due"),
    [
        ((ACCEPTED,), 1, 10 + 15 * MINUTE_MS),
        ((ACCEPTED,), 480, 10 + 480 * MINUTE_MS),
        ((ACCEPTED, planned()), 1, 300 + 15 * MINUTE_MS),
        ((ACCEPTED, planned(), FROZEN), 1, 400 + 15 * MINUTE_MS),
        ((ACCEPTED, Fact("fraud", "fraud:1", 1, 0, 40, note="in_review")), 1, 40 + REVIEW_MS + 15 * MINUTE_MS),
        ((ACCEPTED, Fact("reservation", "reservation:1", 1, 0, 40, rest=(3, 0), note="backordered")), 1, 0),
        ((ACCEPTED, Fact("payment_hold", "refused", 1, 0, 40)), 1, 0),
    ],
    ids=["accepted", "fast clock", "allocated", "frozen", "in review", "backordered", "ended"],
)
def test_an_order_is_stuck_once_it_should_have_gone_on(facts: tuple[Fact, ...], factor: float, due: int) -> None:
    assert standing(facts, factor, REVIEW_MS).stuck_ms == due


def test_what_waits_counts_until_the_order_ends() -> None:
    waits = Fact("reservation", "reservation:1", 1, 0, 40, units=1, rest=(2, 0), note="backordered")
    assert standing([ACCEPTED, waits], 1, REVIEW_MS).waiting == 2
    assert standing([ACCEPTED, waits, Fact("payment_hold", "refused", 1, 0, 40)], 1, REVIEW_MS) == Standing(
        "refused", "north"
    )


def counted(counts: list[Count]) -> dict[tuple[str, ...], float]:
    found: Counter[tuple[str, ...]] = Counter()
    for what, n, labels in counts:
        found[(what.name, *labels)] += n  # type: ignore[assignment]  # seconds
    return dict(found)


def test_milestones_are_seen_once_in_any_order_of_arrival() -> None:
    facts = [ACCEPTED, planned(), FROZEN, told("shipped")]
    whole = {
        ("orderwing_order_seconds", "allocated"): 1.5,
        ("orderwing_order_seconds", "shipped"): 8.0,
        ("orderwing_frozen_orders_total",): 1,
    }
    assert counted([*reached(facts, {fact.what for fact in facts})]) == whole
    for last in facts:
        before = [fact for fact in facts if fact is not last]
        steps = [*reached(before, {fact.what for fact in before}), *reached(facts, {last.what})]
        assert counted(steps) == whole, last.what


def test_a_second_version_and_a_second_shipment_are_no_milestones() -> None:
    facts = [ACCEPTED, planned(), planned(version=2), told("shipped"), told("shipped", "t")]
    assert counted([*reached(facts, {"planned:p:2", "shipped:t"})]) == {}


def test_a_delivered_order_came_in_as_many_parcels_as_were_delivered() -> None:
    facts = [ACCEPTED, told("delivered", "a"), told("delivered", "b"), told("shipped", "c")]
    assert parcels(facts) == (metric.ORDER_PARCELS, 2, ())


def test_a_frozen_plan_counts_parcels_units_and_cost_by_term() -> None:
    part = an_allocated_part("one")
    (shipment,) = part.shipments
    found = counted([*tally_frozen(json.loads(encode(part)))])
    assert found[("orderwing_frozen_parcels_total", shipment.site_id, shipment.carrier)] == 1
    assert sum(n for key, n in found.items() if key[0] == metric.FROZEN_COST_MINOR.name) == shipment.cost_minor
    assert ("orderwing_frozen_splits_total",) not in found


def test_every_count_is_of_a_metric_of_the_views_with_its_labels() -> None:
    """Also those told as 0, and a metric is not told under two sets of labels."""
    fed = metric.fed_by("views")
    metrics = Metrics("views")
    told: list[tuple[Metric, tuple[str, ...]]] = [*first_counts(demo_network())]
    for event_type, event in EXAMPLE_BY_TYPE.items():
        told += [(what, labels) for what, _, labels in tally(event_type, json.loads(encode(event)))]
    for what, labels in told:
        assert what in fed
        metrics.add(what, 0, *labels)
    assert {what for what, _ in told} > {metric.PAYMENTS, metric.PLANS, metric.DEPARTED_PARCELS, metric.PICKED_UNITS}
