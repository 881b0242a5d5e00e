"""What the views say, for commands, the API and the live screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import msgspec

from orderwing.runtime.errors import OperatorError
from orderwing.views.facts import Fact, decode_fact
from orderwing.views.status import STATES, order_state, part_states
from orderwing.views.store import ViewStore, connect, current_prefix
from orderwing_schemas.topics import STAGES

Json = dict[str, Any]
_json = msgspec.json.Decoder(Json).decode


@dataclass(frozen=True)
class OrderView:
    """One order. `facts` are its timeline in domain time; the rest are events as their stages told them.

    `order` is None for one that was never accepted. `plans` and `shipments` are by id.
    """

    order_id: str
    state: str
    facts: tuple[Fact, ...]
    part_states: Mapping[str, str]
    order: Json | None
    reservation: Json | None
    plans: Mapping[str, Json]
    shipments: Mapping[str, Json]


@dataclass(frozen=True)
class Explanation:
    """Cards in domain time; proposals that named the order with their answers (None while there is none)."""

    order_id: str
    cards: tuple[Json, ...]
    proposals: tuple[tuple[Json, Json | None], ...]


@dataclass(frozen=True)
class Windows:
    """What the re-optimizer found, over all windows; `latest` by region. `saved_minor` is of accepted proposals."""

    windows: int
    looks: int
    proposed: int
    accepted: int
    refused: int
    saved_minor: int
    refusals: Mapping[str, int]
    latest: Mapping[str, Json]


@dataclass(frozen=True)
class Parcels:
    released: int
    shipped: int
    delivered: int
    delivered_in_time: int
    delivered_late: int


@dataclass(frozen=True)
class Lag:
    """Milliseconds from the broker's stamp to the views, over the latest records."""

    p50_ms: int
    p99_ms: int


class Views:
    """Reads the generation that is current when asked. Raises OperatorError if there is none."""

    def __init__(self, redis_url: str) -> None:
        self._client = connect(redis_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    @property
    def _store(self) -> ViewStore:
        prefix = current_prefix(self._client)
        if prefix is None:
            raise OperatorError("There are no views yet: run `orderwing service views` or `orderwing views rebuild`.")
        return ViewStore(self._client, prefix)

    def order(self, order_id: str) -> OrderView | None:
        """None for an order that no fact names."""
        store = self._store
        facts = in_time(map(decode_fact, store.hash(f"facts:{order_id}").values()))
        if not facts:
            return None
        details = {field: _json(raw) for field, raw in store.hash(f"details:{order_id}").items()}
        return OrderView(
            order_id=order_id,
            state=order_state(facts),
            facts=facts,
            part_states=part_states(facts),
            order=details.get("order"),
            reservation=details.get("reservation"),
            plans=_named(details, "plan:"),
            shipments=_named(details, "shipment:"),
        )

    def explain(self, order_id: str) -> Explanation:
        store = self._store
        told = {field: _json(raw) for field, raw in store.hash(f"proposals:{order_id}").items()}
        answers = _named(told, "answer:")
        made = _named(told, "made:").items()
        return Explanation(
            order_id=order_id,
            cards=cards_in_time(store.hash(f"cards:{order_id}")),
            proposals=tuple((proposal, answers.get(proposal_id)) for proposal_id, proposal in made),
        )

    def orders_by_state(self) -> dict[str, int]:
        """In the order of an order's life; states without orders are left out."""
        counts = self._store.counts("states")
        return {state: counts[state] for state in STATES if state in counts}

    def stage_counts(self) -> dict[str, dict[str, int]]:
        """Events by stage that told them, and type."""
        found: dict[str, dict[str, int]] = {}
        for name, count in self._store.counts("counts").items():
            stage, _, event_type = name.partition("|")
            found.setdefault(stage, {})[event_type] = count
        return found

    def windows(self) -> Windows:
        store = self._store
        totals = store.counts("totals")
        return Windows(
            windows=totals.get("windows", 0),
            looks=totals.get("looks", 0),
            proposed=totals.get("proposals_made", 0),
            accepted=totals.get("proposals_accepted", 0),
            refused=totals.get("proposals_refused", 0),
            saved_minor=totals.get("saved_minor", 0),
            refusals=store.counts("refusals"),
            latest={region: _json(raw) for region, raw in store.hash("windows").items()},
        )

    def parcels(self) -> Parcels:
        totals = self._store.counts("totals")
        return Parcels(
            released=totals.get("parcels_released", 0),
            shipped=totals.get("parcels_shipped", 0),
            delivered=totals.get("parcels_delivered", 0),
            delivered_in_time=totals.get("delivered_in_time", 0),
            delivered_late=totals.get("delivered_late", 0),
        )

    def rejections(self) -> dict[str, int]:
        """By reason, of inputs and orders."""
        return self._store.counts("rejections")

    def dead_letters(self) -> dict[str, int]:
        """By `stage|reason`."""
        return self._store.counts("dead_letters")

    def atp(self, region: str, site_id: str, sku: str) -> int | None:
        """Units that can be sold from a shelf; None if it was never told of."""
        (raw,) = self._store.fields("shelves", [f"{region}|{site_id}|{sku}"])
        if raw is None:
            return None
        on_hand, reserved, safety, _ = map(int, raw.split(b","))
        return on_hand - reserved - safety

    def pool(self, region: str) -> int:
        """Parts planned and not frozen."""
        return self._store.size(f"pool:{region}")

    def lag(self) -> Lag | None:
        """None until the worker has told it."""
        told = self._store.counts("worker")
        return Lag(told.get("lag_ms_p50", 0), told.get("lag_ms_p99", 0)) if told else None


# Redis gives the fields of a hash in any order, and what one stage does in one go has one time.


def in_time(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Those of one time along the road of an order, and as they lie in the log."""
    return tuple(sorted(facts, key=lambda f: (f.at_ms, f.wall_ms, _place(f.stage), f.offset, f.what)))


def cards_in_time(cards: Mapping[str, bytes]) -> tuple[Json, ...]:
    """By `topic/partition/offset`; those of one time along the road of an order, and as they lie in the log."""

    def when(entry: tuple[str, Json]) -> tuple[int, int, int, int]:
        _, partition, offset = entry[0].rsplit("/", 2)
        return int(entry[1]["at_ms"]), _place(entry[1]["stage"]), int(partition), int(offset)

    return tuple(card for _, card in sorted([(place, _json(raw)) for place, raw in cards.items()], key=when))


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _named(details: Mapping[str, Json], kind: str) -> dict[str, Json]:
    return {field.removeprefix(kind): value for field, value in sorted(details.items()) if field.startswith(kind)}
