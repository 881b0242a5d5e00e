"""From a record to what it changes in the views: commands on keys, relative to the generation's prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from orderwing.runtime.skipping import epoch_ms
from orderwing.views.facts import Fact, decode_fact, encode_fact
from orderwing.views.tally import Count, tally
from orderwing_schemas.topics import STAGES, TOPIC_BY_NAME

Command = tuple[str | int | bytes, ...]
Body = dict[str, Any]
_decode = msgspec.json.Decoder(Body).decode
_encode = msgspec.json.Encoder().encode
_FACTS = "facts:"
_PLAIN, _INT, _STR = frozenset((str, int, bytes)), frozenset((int,)), frozenset((str,))
_NUMBERS: Mapping[Any, int] = {"HINCRBY": 3, "SHELF": 4}  # by command, the first of its parts that are numbers
_DEAD_LETTERS = {f"{stage}.dead-letters": stage for stage in STAGES}


class UnreadableError(ValueError):
    """A record that is no event of its type; says the error's name only."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Where a record stands in the log, and when: `wall_ms` is the broker's stamp, `at_ms` domain time."""

    topic: str
    partition: int
    offset: int
    wall_ms: int
    at_ms: int
    value: bytes

    @property
    def stage(self) -> str:
        return _DEAD_LETTERS.get(self.topic) or TOPIC_BY_NAME[self.topic].producer


@dataclass(frozen=True, slots=True)
class Change:
    """`orders` are those whose state may be another now, `news` the facts told of them: (order, what)."""

    commands: tuple[Command, ...]
    orders: tuple[str, ...] = ()
    news: tuple[tuple[str, str], ...] = ()
    counts: tuple[Count, ...] = ()


def project(record: Applied, event_type: str) -> Change:
    """Raises UnreadableError for what is no such event."""
    try:
        return _project(record, event_type)
    except (msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnreadableError(type(error).__name__) from None


def _project(record: Applied, event_type: str) -> Change:
    body = _decode(record.value)
    counts = tuple(tally(event_type, body))
    counted: Command = ("HINCRBY", "counts", f"{record.stage}|{event_type}", 1)
    found = [counted, *_PROJECTIONS.get(event_type, _nothing)(record, body)]
    _require_plain(found, counts)
    news = tuple(
        (key.removeprefix(_FACTS), str(command[2]).partition("/")[2])
        for command in found
        if (key := str(command[1])).startswith(_FACTS)
    )
    return Change(tuple(found), tuple(dict.fromkeys(order for order, _ in news)), news, counts)


def _require_plain(commands: Iterable[Command], counts: Iterable[Count]) -> None:
    """Redis would refuse the whole batch for one value, and again and again. Raises TypeError."""
    for command in commands:
        numbers = command[_NUMBERS.get(command[0], len(command)) :]
        if not _PLAIN.issuperset(map(type, command)) or not _INT.issuperset(map(type, numbers)):
            raise TypeError(command[0])
    for what, _, labels in counts:
        if not _STR.issuperset(map(type, labels)):
            raise TypeError(what.name)


domain_ms = lru_cache(maxsize=65_536)(epoch_ms)  # of a batch most are the same


def _fact(
    record: Applied,
    order_id: str,
    what: str,
    ref: str = "",
    units: int = 0,
    rest: tuple[int, int] = (0, 0),
    note: str = "",
) -> Command:
    return _told(
        order_id, Fact(record.stage, what, record.offset, record.wall_ms, record.at_ms, ref, units, rest, note)
    )


def _told(order_id: str, fact: Fact) -> Command:
    encoded = encode_fact(fact)
    decode_fact(encoded)  # else it would be found out whenever the order is looked at
    return "HSET", f"{_FACTS}{order_id}", f"{fact.stage}/{fact.what}", encoded


def _detail(order_id: str, field: str, value: bytes) -> Command:
    return "HSET", f"details:{order_id}", field, value


def _units(lines: Any) -> int:
    return sum(line["quantity"] for line in lines)


def _total(name: str, n: int = 1) -> Command:
    return "HINCRBY", "totals", name, n


def _nothing(_record: Applied, _body: Body) -> Iterator[Command]:
    yield from ()


def _input_rejected(record: Applied, body: Body) -> Iterator[Command]:
    yield "HINCRBY", "rejections", body["reason"], 1
    if body["order_id"]:
        yield _fact(record, body["order_id"], "rejected", note=body["reason"])


def _accepted(record: Applied, body: Body) -> Iterator[Command]:
    order = body["order"]
    units, note = _units(order["lines"]), order["service_level"]
    yield _fact(record, order["order_id"], "accepted", ref=order["home_region"], units=units, note=note)
    yield _detail(order["order_id"], "order", _encode(order))


def _rejected(record: Applied, body: Body) -> Iterator[Command]:
    for reason in body["reasons"]:
        yield "HINCRBY", "rejections", reason, 1
    yield _fact(record, body["order_id"], "rejected", note=", ".join(body["reasons"]))


def _duplicated(record: Applied, body: Body) -> Iterator[Command]:
    yield _fact(record, body["order_id"], f"duplicated:{record.offset}")


def _conflicted(record: Applied, body: Body) -> Iterator[Command]:
    yield _fact(record, body["order_id"], f"conflicted:{record.offset}", note=", ".join(body["differs_in"]))


def _paid(record: Applied, body: Body) -> Iterator[Command]:
    what = f"payment:{body['purpose']}:{body['idempotency_key']}"
    ref = body.get("shipment_id") or ""
    yield _fact(record, body["order_id"], what, ref=ref, units=body["amount_minor"], note=body["purpose"])


def _capture_refused(record: Applied, body: Body) -> Iterator[Command]:
    what = f"payment:uncollected:{body['idempotency_key']}"
    yield _fact(record, body["order_id"], what, ref=body["shipment_id"], units=body["amount_minor"], note="uncollected")


def _refused(record: Applied, body: Body) -> Iterator[Command]:
    yield _fact(record, body["order_id"], "refused", note=body["reason"])


def _fraud(record: Applied, body: Body) -> Iterator[Command]:
    yield _fact(record, body["order_id"], f"fraud:{record.offset}", ref=", ".join(body["rules"]), note=body["outcome"])


def _reserved(record: Applied, body: Body) -> Iterator[Command]:
    rest = (_units(body["waiting"]), _units(body["declined"]))
    what = f"reservation:{record.offset}"
    yield _fact(record, body["order_id"], what, units=_units(body["reserved"]), rest=rest, note=body["outcome"])
    yield _detail(body["order_id"], "reservation", record.value)


def _moved(record: Applied, body: Body) -> Iterator[Command]:
    for shelf in body["shelves"]:
        place = f"{body['region']}|{shelf['site_id']}|{shelf['sku']}"
        levels = shelf["on_hand"], shelf["reserved"], shelf["safety"]
        yield "SHELF", "shelves", place, body["region"], *levels, record.offset


def _card(record: Applied, body: Body) -> Iterator[Command]:
    place = f"{record.topic}/{record.partition}/{record.offset}"
    yield "HSET", f"cards:{body['order_id']}", place, record.value


def _planned(record: Applied, body: Body) -> Iterator[Command]:
    part_id, version = body["part_id"], body["version"]
    fact = Fact(
        record.stage,
        f"planned:{part_id}:{version}",
        record.offset,
        record.wall_ms,
        record.at_ms,
        ref=part_id,
        units=_units(line for shipment in body["shipments"] for line in shipment["lines"]),
        rest=(version, body["cost_minor"]),
        note=body["cause"],
        promise_ms=body["promise_at_ms"],
        arrival_ms=max(shipment["arrival_at_ms"] for shipment in body["shipments"]),
        freeze_ms=body["freeze_at_ms"],
    )
    yield _told(body["order_id"], fact)
    yield _detail(body["order_id"], f"plan:{part_id}", record.value)
    yield "SADD", f"pool:{body['region']}", part_id


def _waiting(record: Applied, body: Body) -> Iterator[Command]:
    yield _fact(record, body["order_id"], f"waiting:{body['part_id']}", ref=body["part_id"], note=body["reason"])


def _frozen(record: Applied, body: Body) -> Iterator[Command]:
    yield _fact(record, body["order_id"], f"frozen:{body['part_id']}", ref=body["part_id"], rest=(body["version"], 0))
    yield "SREM", f"pool:{body['region']}", body["part_id"]


def _answered(record: Applied, body: Body) -> Iterator[Command]:
    accepted = body["accepted"]
    yield _total("proposals_accepted" if accepted else "proposals_refused")
    if accepted:
        yield _total("saved_minor", body["gain_minor"] or 0)
    else:
        yield "HINCRBY", "refusals", body["reason"], 1
    for order_id in {part_id.partition("/")[0] for part_id in body["part_ids"]}:
        yield "HSET", f"proposals:{order_id}", f"answer:{body['proposal_id']}", record.value


def _proposed(record: Applied, body: Body) -> Iterator[Command]:
    yield _total("proposals_made")
    for order_id in {change["order_id"] for change in body["changes"]}:
        yield "HSET", f"proposals:{order_id}", f"made:{body['proposal_id']}", record.value


def _window(record: Applied, body: Body) -> Iterator[Command]:
    yield _total("windows")
    yield _total("looks", len(body["part_ids"]))
    body["part_ids"] = []  # they can be many, and the log has them
    yield "HSET", "windows", body["region"], _encode(body)


def _released(record: Applied, body: Body) -> Iterator[Command]:
    if not body.get("to_site_id"):
        yield _total("parcels_released")
    yield _detail(body["order_id"], f"shipment:{body['shipment_id']}", record.value)


def _progressed(record: Applied, body: Body) -> Iterator[Command]:
    status, shipment = body["status"], body["shipment_id"]
    ref, late = f"{body['part_id']}#{shipment}", int(body["at_ms"] > body["promise_at_ms"])
    yield _fact(record, body["order_id"], f"{status}:{shipment}", ref=ref, units=_units(body["lines"]), rest=(late, 0))
    if status != "released":
        yield _total(f"parcels_{status}")
    if status == "delivered":
        yield _total("delivered_late" if late else "delivered_in_time")


def _answer_ignored(record: Applied, body: Body) -> Iterator[Command]:
    """Repetitions are counted only; what was told too late is part of the order's story."""
    if body["reason"] == "too_late":
        what, units = f"told_too_late:{body['shipment_id']}", _units(body["missing"])
        yield _fact(record, body["order_id"], what, ref=body["shipment_id"], units=units, note=body["status"])


def _manifest(record: Applied, body: Body) -> Iterator[Command]:
    yield _total("departures")
    yield _total("departures_missed_by", len(body["late"]))


def _dead_letter(record: Applied, body: Body) -> Iterator[Command]:
    yield "HINCRBY", "dead_letters", f"{body['stage']}|{body['reason']}", 1
    if body["order_id"]:
        yield _fact(record, body["order_id"], f"dead_letter:{body['dead_letter_id']}", note=body["reason"])


_PROJECTIONS: Mapping[str, Callable[[Applied, Body], Iterator[Command]]] = {
    "input.rejected.v1": _input_rejected,
    "order.accepted.v1": _accepted,
    "order.rejected.v1": _rejected,
    "order.duplicated.v1": _duplicated,
    "order.conflicted.v1": _conflicted,
    "payment.recorded.v1": _paid,
    "payment.capture_refused.v1": _capture_refused,
    "order.refused.v1": _refused,
    "fraud.decided.v1": _fraud,
    "reservation.recorded.v1": _reserved,
    "stock.moved.v1": _moved,
    "decision.card.v1": _card,
    "part.allocated.v1": _planned,
    "part.waiting.v1": _waiting,
    "part.frozen.v1": _frozen,
    "proposal.answered.v1": _answered,
    "proposal.made.v1": _proposed,
    "window.closed.v1": _window,
    "shipment.released.v1": _released,
    "shipment.progressed.v1": _progressed,
    "answer.ignored.v1": _answer_ignored,
    "manifest.closed.v1": _manifest,
    "record.dead_lettered.v1": _dead_letter,
}
