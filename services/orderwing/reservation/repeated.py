"""A movement whose number has come before: the same told again, or another, which must not be lost without a word."""

from __future__ import annotations

from orderwing.kernel.view import Draft
from orderwing.reservation.sequences import last_used
from orderwing.reservation.stock import Moved, Postponed, Shelf, SiteLog
from orderwing_schemas.codec import encode
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.public import StockAdjusted, StockCounted, StockMovement, StockReceived


def refusal(draft: Draft, log: SiteLog, event: StockMovementAccepted) -> str | None:
    """Why it is not applied, where it is not known to be the one that came before.

    None of goods on order: what was told of them is not kept.
    """
    movement = event.movement
    waiting = draft.get(Postponed, Postponed.key_of(movement.site_id, movement.sequence))
    same = bytes(waiting.event) == encode(event) if waiting is not None else _was_applied(draft, movement)
    if same:
        return None
    return (
        f"movement {movement.sequence} is not applied: its number was used before at {movement.site_id}; if that was "
        f"another movement, send it again under a number from {last_used(log) + 1} on"
    )


def _was_applied(draft: Draft, movement: StockMovement) -> bool:
    if isinstance(movement, StockCounted):
        shelf = draft.get(Shelf, f"{movement.site_id}|{movement.sku}")
        return shelf is not None and movement.sequence <= shelf.counted
    if isinstance(movement, StockReceived | StockAdjusted):
        delta = movement.quantity if isinstance(movement, StockReceived) else movement.delta
        row = draft.get(Moved, Moved.key_of(movement.site_id, movement.sku, movement.sequence))
        return row is not None and (row.delta == delta or delta < row.delta <= 0)  # no more is lost than was there
    return True
