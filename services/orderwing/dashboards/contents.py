"""All dashboards, in the order in which they are listed."""

from __future__ import annotations

from orderwing.dashboards import business, infrastructure, overview, stages
from orderwing.dashboards.panels import Board


def boards() -> tuple[Board, ...]:
    return (
        overview.board(),
        business.inventory(),
        business.decisions(),
        business.reoptimizer(),
        *stages.boards(),
        infrastructure.board(),
    )
