"""Which counters an event adds to: from its body alone, with labels that the network and the code bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orderwing.runtime import metric_defs as metric
from orderwing.runtime.metric_defs import Metric
from orderwing_schemas.events.reservation import ReservationOutcome
from orderwing_schemas.network import Network

Body = Mapping[str, Any]
Count = tuple[Metric, float, tuple[str, ...]]  # how much to add, and the values of the labels


def tally(event_type: str, body: Body) -> Iterator[Count]:
    """Raises KeyError or TypeError for what is no such event."""
    if found := _TALLIES.get(event_type):
        yield from found(body)


def tally_frozen(plan: Body) -> Iterator[Count]:
    """Of a plan that has become final."""
    shipments = plan["shipments"]
    yield metric.FROZEN_PARTS, 1, (plan["region"],)
    if sum(not shipment.get("to_site_id") for shipment in shipments) > 1:
        yield metric.FROZEN_SPLITS, 1, ()
    for shipment in shipments:
        if not shipment.get("to_site_id"):
            yield metric.FROZEN_PARCELS, 1, (shipment["site_id"], shipment["carrier"])
        yield metric.FROZEN_UNITS, sum(line["quantity"] for line in shipment["lines"]), (shipment["site_id"],)
        for term, minor in shipment["terms"]:
            if minor > 0:
                yield metric.FROZEN_COST_MINOR, minor, (term,)


def first_counts(network: Network) -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """What is told as 0 before anything has happened: of a counter that begins at 1 the first one is never seen."""
    for what, values in _FIRST.items():
        yield from ((what, labels) for labels in values)
    for region in network.region_by_id:
        yield metric.FROZEN_PARTS, (region,)
        yield metric.BACKORDERED_UNITS, (region,)
        yield from ((metric.STOCK_UNITS, (region, level)) for level in ("on_hand", "reserved", "safety", "oversold"))
        yield from ((metric.PLANS, (region, cause)) for cause in ("first", "own_move", "proposal", "replacement"))
        yield from ((metric.PROPOSALS_ANSWERED, (region, answer)) for answer in ("accepted", "refused"))
    for site in network.site_by_id:
        yield metric.FROZEN_UNITS, (site,)
        yield metric.PICKED_UNITS, (site,)
    for where in {(lane.site_id, lane.carrier) for lane in network.lanes}:
        yield metric.FROZEN_PARCELS, where
        yield metric.DEPARTURES, where
        yield from ((metric.DEPARTED_PARCELS, (*where, on_board)) for on_board in ("yes", "no"))


def _paid(body: Body) -> Iterator[Count]:
    yield metric.PAYMENTS, 1, (body["purpose"], "approved")


def _capture_refused(_body: Body) -> Iterator[Count]:
    yield metric.PAYMENTS, 1, ("capture", "refused")


def _refused(_body: Body) -> Iterator[Count]:
    yield metric.PAYMENTS, 1, ("authorise", "refused")


def _judged(body: Body) -> Iterator[Count]:
    yield metric.FRAUD_VERDICTS, 1, (body["outcome"],)


def _reserved(body: Body) -> Iterator[Count]:
    yield metric.RESERVATIONS, 1, (body["outcome"],)


def _decided(body: Body) -> Iterator[Count]:
    """A card counts if it is of a slip's route, or of home and others together where others are asked."""
    if body["stage"] != "reservation":
        return
    if body["decision"].startswith("route"):
        yield metric.SLIP_ROUTES, 1, (_knowledge(body),)
    elif any(note.startswith("asked: ") for note in body["notes"]):
        yield metric.SLIP_ROUTES, 1, ("told",)


def _knowledge(body: Body) -> str:
    if body["decision"] == "route was stale":
        return "stale"
    if body["chosen"] == "nobody":
        return "nobody"
    return "unknown" if body["candidates"][0]["cost_minor"] is None else "told"


def _moved(body: Body) -> Iterator[Count]:
    yield metric.STOCK_CHANGES, 1, (body["kind"],)


def _planned(body: Body) -> Iterator[Count]:
    yield metric.PLANS, 1, (body["region"], body["cause"])


def _answered(body: Body) -> Iterator[Count]:
    yield metric.PROPOSALS_ANSWERED, 1, (body["region"], "accepted" if body["accepted"] else "refused")


def _progressed(body: Body) -> Iterator[Count]:
    status = body["status"]
    yield metric.PARCELS, 1, (status,)
    if status == "picked":
        yield metric.PICKED_UNITS, sum(line["quantity"] for line in body["lines"]), (body["site_id"],)
    elif status == "delivered":
        yield metric.DELIVERIES, 1, ("late" if body["at_ms"] > body["promise_at_ms"] else "in_time",)


def _departed(body: Body) -> Iterator[Count]:
    where = (body["site_id"], body["carrier"])
    yield metric.DEPARTURES, 1, where
    yield metric.DEPARTED_PARCELS, len(body["shipped"]), (*where, "yes")
    yield metric.DEPARTED_PARCELS, len(body["late"]), (*where, "no")


_PARCEL_STEPS = ("released", "picked", "packed", "shipped", "in_transit", "delivered", "short_picked")
_FIRST: Mapping[Metric, tuple[tuple[str, ...], ...]] = {
    metric.PAYMENTS: (
        ("authorise", "approved"),
        ("authorise", "refused"),
        ("capture", "approved"),
        ("capture", "refused"),
        ("void", "approved"),
    ),
    metric.FRAUD_VERDICTS: (("cleared",), ("in_review",), ("blocked",)),
    metric.RESERVATIONS: tuple((outcome.value,) for outcome in ReservationOutcome),
    metric.SLIP_ROUTES: (("told",), ("unknown",), ("nobody",), ("stale",)),
    metric.PARCELS: tuple((step,) for step in _PARCEL_STEPS),
    metric.DELIVERIES: (("in_time",), ("late",)),
}
_TALLIES: Mapping[str, Callable[[Body], Iterator[Count]]] = {
    "payment.recorded.v1": _paid,
    "payment.capture_refused.v1": _capture_refused,
    "order.refused.v1": _refused,
    "fraud.decided.v1": _judged,
    "reservation.recorded.v1": _reserved,
    "decision.card.v1": _decided,
    "stock.moved.v1": _moved,
    "part.allocated.v1": _planned,
    "proposal.answered.v1": _answered,
    "shipment.progressed.v1": _progressed,
    "manifest.closed.v1": _departed,
}
