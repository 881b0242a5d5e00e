"""Which movements of a site have come, which are missing, and which are not waited for any more."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from orderwing.reservation.stock import SiteLog

Ranges = tuple[tuple[int, int], ...]  # (first, last)


def has(log: SiteLog, sequence: int) -> bool:
    if sequence > log.mark:
        return sequence in log.ahead
    return not any(first <= sequence <= last for first, last in log.lost)


def noted(log: SiteLog, sequence: int) -> SiteLog:
    """With one that has come."""
    if sequence <= log.mark:
        return replace(log, lost=_without(log.lost, sequence))
    return _advanced(log, log.mark, {*log.ahead, sequence})


def given_up(log: SiteLog, until: int) -> SiteLog:
    """Whatever is missing up to `until` is lost. The log itself where nothing is."""
    if until <= log.mark:
        return log
    edges = [log.mark, *[sequence for sequence in log.ahead if sequence <= until], until + 1]
    gaps = [(low + 1, high - 1) for low, high in pairwise(edges) if high > low + 1]
    return replace(_advanced(log, until, set(log.ahead)), lost=(*log.lost, *gaps))


def _advanced(log: SiteLog, mark: int, ahead: set[int]) -> SiteLog:
    left = sorted([sequence for sequence in ahead if sequence > mark])
    while left and left[0] == mark + 1:
        mark = left.pop(0)
    return replace(log, mark=mark, ahead=tuple(left))


def _without(ranges: Ranges, sequence: int) -> Ranges:
    left: list[tuple[int, int]] = []
    for first, last in ranges:
        parts = [(first, sequence - 1), (sequence + 1, last)] if first <= sequence <= last else [(first, last)]
        left += [part for part in parts if part[0] <= part[1]]
    return tuple(left)
