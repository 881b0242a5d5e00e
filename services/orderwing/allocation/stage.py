"""Allocation: plans, their versions and freezes; capacity of sites and lanes; by region.

reserved ── no room ──► waiting, tried again every hour ── room, or moved to sites with room ──► planned
reserved ──► planned ── better plan ──► moving ── moved (next version) | refused ──► planned
                │  └─ better departures: next version            │
              freeze due                                     freeze due ──► due, freezes with the answer
                ▼
             frozen ── short pick ──► a replacement is asked for
"""

from orderwing.allocation.capacity import departed, hour_over
from orderwing.allocation.decide import short_picked, stock_reserved
from orderwing.allocation.freeze import plan_due
from orderwing.allocation.moves import hold_moved, move_refused
from orderwing.allocation.places import Departure, PickingHour
from orderwing.allocation.proposals import forget, proposal_made
from orderwing.allocation.rows import Move, Part, Plan, SeenProposal
from orderwing.kernel.stage import Stage
from orderwing_schemas import topics
from orderwing_schemas.events.dispatch import PickShort
from orderwing_schemas.events.reoptimizer import ProposalMade
from orderwing_schemas.events.reservation import HoldMoved, MoveRefused, StockReserved

STAGE = Stage(
    name="allocation",
    inputs=(topics.STOCK_RESERVED, topics.PROPOSALS, topics.PICKS_SHORT),
    handlers={
        StockReserved: stock_reserved,
        HoldMoved: hold_moved,
        MoveRefused: move_refused,
        ProposalMade: proposal_made,
        PickShort: short_picked,
    },
    rows=(Part, Plan, Move, SeenProposal, PickingHour, Departure),
    deadlines={Plan: plan_due, SeenProposal: forget, PickingHour: hour_over, Departure: departed},
)
