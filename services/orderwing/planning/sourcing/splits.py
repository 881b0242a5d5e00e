"""Several sites for one order, at the least cost: each way priced where they are few, else by the exact engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from orderwing.planning.outlets import Outlet, Parcel
from orderwing.planning.pricing import Handling, price_list
from orderwing.planning.sourcing import roughly
from orderwing.planning.sourcing.additive import add_up
from orderwing.planning.sourcing.problem import Budget, Problem, Rules, Run, Source, Want
from orderwing.planning.sourcing.splitting import Field, Loaded, field_of, rivals, split
from orderwing.planning.sourcing.states import load_count
from orderwing_schemas.network import Trait

if TYPE_CHECKING:
    from orderwing.planning.sourcing.quick import Asked

FEW = 24  # ways to share an order out, up to which each is priced by itself
BUDGET = Budget(loads=600)  # a stage decides within milliseconds
RULES = Rules(single_site="when_cheapest")
BARE = frozenset({Trait.OVERSIZE})  # whatever fits no carton travels without

Units = tuple[int, ...]  # of each SKU wanted


class Piece(NamedTuple):
    """What one site ships: (SKU, units)."""

    outlet: Outlet
    taken: tuple[tuple[str, int], ...]
    parcel: Parcel


Sharing = tuple[Piece, ...]


def cost_of(sharing: Sharing) -> int:
    return sum([piece.parcel.weighed_minor for piece in sharing])


def units_of(sharing: Sharing) -> int:
    return sum([units for piece in sharing for _, units in piece.taken])


def sharings(
    asked: Asked, outlets: Sequence[Outlet], due_ms: int, needed: Mapping[str, int] | None = None
) -> Iterator[Sharing]:
    """The cheapest first, then others that were weighed. All ship as many units as the outlets have.

    Of equal costs fewer sites win, then those that come first. Exact up to ten sites and 600 ways to load one of
    them, or where costs add up. `needed`: units by SKU, by default all that is asked for.
    """
    board = _Board(asked, asked.needed if needed is None else needed, outlets, due_ms)
    parts = _parts(board)
    if parts is None:
        field = field_of(board.problem(), BUDGET)
        places = [board.place[way.source.site_id] for way in field.ways]
        best, *others = [board.loaded(places, loads) for loads in _loads(board, field, places)]
        if more := board.beyond(best, places):
            yield (*best, *more)
        else:
            yield from (best, *others)
    else:
        ways = [board.sharing(way) for way in product(*parts)]
        yield from sorted(ways, key=lambda way: (cost_of(way), len(way)))


def _loads(board: _Board, field: Field, places: Sequence[int]) -> Iterator[Loaded]:
    """By tables, where costs add up or loads are few enough."""
    if load_count(field.wanted) > BUDGET.loads and not add_up(field.problem, field.ways, field.wanted):
        yield roughly.shared(field, lambda place, units: board.piece(places[place], units).parcel.weighed_minor)
        return
    found = split(field, BUDGET, 0)
    yield found.loads
    yield from rivals(field, found, len(places))


class _Board:
    """An order on some outlets, with the pieces that were priced."""

    def __init__(self, asked: Asked, needed: Mapping[str, int], outlets: Sequence[Outlet], due_ms: int) -> None:
        self.asked = asked
        self.needed = needed
        self.outlets = outlets
        self.due_ms = due_ms
        self.skus = tuple(self.needed)
        self.place = {outlet.site.site_id: place for place, outlet in enumerate(outlets)}
        self._pieces: dict[tuple[int, Units], Piece] = {}

    def piece(self, place: int, units: Units) -> Piece:
        piece = self._pieces.get((place, units))
        if piece is None:
            outlet = self.outlets[place]
            taken = tuple([(sku, count) for sku, count in zip(self.skus, units, strict=True) if count])
            piece = Piece(outlet, taken, self.asked.parcel(outlet, taken, self.due_ms))
            self._pieces[place, units] = piece
        return piece

    def sharing(self, shares: Sequence[Units]) -> Sharing:
        """Of each SKU's units from each outlet."""
        return tuple([self.piece(place, units) for place, units in enumerate(zip(*shares, strict=True)) if any(units)])

    def loaded(self, places: Sequence[int], loads: Loaded) -> Sharing:
        return tuple([self.piece(places[n], units) for n, units in loads])

    def beyond(self, best: Sharing, weighed: Sequence[int]) -> Sharing:
        """What sites that were too many to weigh have of what the others lack."""
        left = [outlet for place, outlet in enumerate(self.outlets) if place not in weighed]
        rest = dict(self.needed)
        for sku, units in [taken for piece in best for taken in piece.taken]:
            rest[sku] -= units
        wanted = {sku: units for sku, units in rest.items() if units and any(o.stock[sku] for o in left)}
        return next(sharings(self.asked, left, self.due_ms, wanted)) if wanted else ()

    def problem(self) -> Problem:
        asked, prices = self.asked, price_list(self.asked.network)
        items = [asked.catalogue(sku) for sku in self.skus]
        wants = [
            Want(sku, units, item.weight_g if item else 0, item.volume_cm3 if item else 0, BARE)
            for (sku, units), item in zip(self.needed.items(), items, strict=True)
        ]
        sources = []
        for outlet in self.outlets:
            site, steering = outlet.site, asked.steering
            sources.append(
                Source(
                    site.site_id,
                    outlet.stock,
                    tuple([Run(lane.lane_id, prices.rate(lane).tariff, arrival) for lane, arrival in outlet.runs]),
                    Handling(site.handling_line_minor, site.handling_parcel_minor),
                    {} if steering is None else {sku: steering(site.site_id, sku) for sku in self.skus},
                )
            )
        late = prices.late_hour_minor
        return Problem(tuple(wants), tuple(sources), prices.cartons, (), RULES, self.due_ms, late)


def _parts(board: _Board) -> list[list[Units]] | None:
    """How each SKU's units can be shared out; None where the ways are more than FEW."""
    parts: list[list[Units]] = []
    for sku, units in board.needed.items():
        caps = [min(outlet.stock[sku], units) for outlet in board.outlets]
        some = list(islice(_shares(min(units, sum(caps)), caps), FEW + 1))
        parts.append(some)
        if prod(map(len, parts)) > FEW:
            return None
    return parts


def _shares(units: int, caps: Sequence[int]) -> Iterator[Units]:
    """The ways to take units from shelves, the most from the first ones first."""
    if len(caps) == 1:
        yield (units,)
        return
    later = sum(caps[1:])
    for first in range(min(units, caps[0]), max(0, units - later) - 1, -1):
        for rest in _shares(units - first, caps[1:]):
            yield (first, *rest)
