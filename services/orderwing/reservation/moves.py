"""Moves: allocation's better plan takes other shelves of the same region, all parts or none."""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.reservation import units
from orderwing.reservation.rows import Held, Part, Units
from orderwing.reservation.shelves import Shelves
from orderwing_schemas.events.allocation import MoveRequested
from orderwing_schemas.events.reservation import HoldMoved, MoveRefused, PartMove
from orderwing_schemas.topics import STOCK_RESERVED

SEEN = 50  # shelves that a refusal tells of


def on_move(view: View, event: MoveRequested, now_ms: int) -> Decision:
    """Release all, then hold all: two orders can swap their last units. Asked again, it is confirmed again."""
    draft = Draft(view)
    parts = [draft.get(Part, move.part_id) for move in event.moves]
    refusal = next((r for m, p in zip(event.moves, parts, strict=True) if (r := _refusal(draft, event, m, p))), None)
    known = [part for part in parts if part is not None]
    if refusal is None and any(part.last_move != event.move_id for part in known):
        shelves = Shelves(draft, event.region)
        old = [line for part in known for line in part.held]
        new = [line for move in event.moves for line in units.held_of_told(move.held)]
        if shelves.swap(old, new):
            shelves.publish("moved", event.moves[0].order_id)
            for part, move in zip(known, event.moves, strict=True):
                draft.put(replace(part, held=units.merge(units.held_of_told(move.held)), last_move=event.move_id))
        else:
            refusal = "no_stock"
    if refusal is None:
        answer = HoldMoved(region=event.region, move_id=event.move_id, moves=event.moves)
        draft.emit(STOCK_RESERVED, answer)
    else:
        barred = {site_id for part in known for site_id in part.barred}
        seen = Shelves(draft, event.region).seen([x.sku for move in event.moves for x in move.held], barred)[:SEEN]
        refused = MoveRefused(region=event.region, move_id=event.move_id, reason=refusal, seen=seen)
        draft.emit(STOCK_RESERVED, refused)
    return draft.decision()


def _refusal(draft: Draft, event: MoveRequested, move: PartMove, part: Part | None) -> str | None:
    """`gone`: no such part, or all of it has shipped. `changed`: it holds other units than allocation believes.

    `barred`: by the policy, goods that are not there yet may not be moved to a site.
    """
    if part is None or not part.held:
        return "gone"
    new: tuple[Held, ...] = units.held_of_told(move.held)
    before, after = units.add(part.held), units.add(new)
    if part.region != event.region or sorted(_pairs(before)) != sorted(_pairs(after)):
        return "changed"
    sites = draft.network.site_by_id
    if any((site := sites.get(line.site_id)) is None or site.region_id != event.region for line in new):
        return "foreign_site"
    own = {line.site_id for line in part.held}
    if any(line.site_id in part.barred and line.site_id not in own for line in new):
        return "barred"
    return None


def _pairs(lines: tuple[Units, ...]) -> list[tuple[str, str, int]]:
    return [(line.line_id, line.sku, line.quantity) for line in lines]
