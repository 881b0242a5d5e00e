"""The re-optimizer: proposals, and what each look at a pool found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import EpochMs, Event, Model
from orderwing_schemas.domain import Candidate, HeldLine


class PartChange(Model):
    """The part believed to be at `version`, and its complete new holding."""

    part_id: str
    order_id: str
    version: int
    held: Annotated[tuple[HeldLine, ...], Field(min_length=1)]


class ProposalMade(Event):
    """All changes or none; at-least-once is harmless, since versions must match."""

    type: Literal["proposal.made.v1"] = "proposal.made.v1"
    region: str
    proposal_id: str
    window_id: str
    changes: Annotated[tuple[PartChange, ...], Field(min_length=1)]
    expected_gain_minor: int
    candidates: tuple[Candidate, ...] = ()


class WindowClosed(Event):
    """One look at one region's pool."""

    type: Literal["window.closed.v1"] = "window.closed.v1"
    region: str
    window_id: str
    at_ms: EpochMs
    pool: int
    looked: int
    proposed: int
    expected_gain_minor: int
    solve_wall_ms: int
    part_ids: tuple[str, ...] = ()
