"""Money in units of a hundred minor ones, and times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def money(minor: int) -> str:
    return f"{minor / 100:.2f}"


def moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
