"""The re-optimizer: proposals, and what each look at a pool found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import EpochMs, Event, Model, Told
from orderwing_schemas.domain import Available, Candidate, HeldLine, ServiceLevel


class PartChange(Model):
    """The part believed to be at `version`, and its complete new holding."""

    part_id: str
    order_id: str
    version: int
    held: Annotated[tuple[HeldLine, ...], Field(min_length=1)]


class StandingLeg(Model):
    """What a site was to send of a part."""

    site_id: str
    departure_at_ms: EpochMs
    arrival_at_ms: EpochMs
    parcels: int
    lane_id: Told[str] = None


class StandingPart(Model):
    """A part as it was planned when a proposal named it: what it held, at which cost, there when.

    `strategy` of the policy, by which it was held, only where more than cost counted; `barred`: sites to which the
    policy lets nothing of it be moved, if there are any.
    """

    part_id: str
    zone: str
    service_level: ServiceLevel
    one_box: bool
    may_split: bool
    max_delay_minutes: int
    held: tuple[HeldLine, ...]
    cost_minor: int
    arrival_at_ms: EpochMs
    promise_at_ms: EpochMs
    strategy: Told[str] = None
    barred: Told[tuple[str, ...]] = None
    legs: Told[tuple[StandingLeg, ...]] = None


class ProposalFacts(Model):
    """What it takes, with the reference data, to make a proposal again by itself: parts in the order of its changes.

    `free`: units that no part held of their goods, at the region's sites. Picking starts after `ready_at_ms`.

    What the region's parts, these included, had booked: `hours` of picking that were looked at, as (site, hour since
    1970, units); `booked` of departures that were too full, as (lane, departure, parcels). Earlier versions heeded no
    room, and told of `hours` only if a strategy asked for them.

    Only where more than cost counted: `policy` with its version, if a strategy did; `steering`, if a list was in force,
    at each of the region's sites the prices of the parts' SKUs, in the order of their lines.
    """

    network_version: int
    ready_at_ms: EpochMs
    parts: tuple[StandingPart, ...]
    free: tuple[Available, ...]
    policy: Told[str] = None
    policy_version: Told[int] = None
    steering: Told[tuple[int, ...]] = None
    hours: Told[tuple[tuple[str, int, int], ...]] = None
    booked: Told[tuple[tuple[str, EpochMs, int], ...]] = None


class ProposalMade(Event):
    """All changes or none; at-least-once is harmless, since versions must match.

    `facts` unless they are of more shelves and hours than are kept. `expected_gain_minor` is true cost, net of churn:
    below nought where a wish costs money, or weights and prices count for it.
    """

    type: Literal["proposal.made.v1"] = "proposal.made.v1"
    region: str
    proposal_id: str
    window_id: str
    changes: Annotated[tuple[PartChange, ...], Field(min_length=1)]
    expected_gain_minor: int
    candidates: tuple[Candidate, ...] = ()
    facts: ProposalFacts | None = None


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
