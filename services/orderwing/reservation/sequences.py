"""Which movements of a site have come, which are missing, and which are not waited for any more."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from msgspec.structs import replace

from orderwing.reservation.stock import SiteLog

Ranges = tuple[tuple[int, int], ...]  # (first, last), in order


def has(log: SiteLog, sequence: int) -> bool:
    if sequence > log.mark:
        return _within(_beyond(log), sequence)
    return not _within(log.lost, sequence)


def noted(log: SiteLog, sequence: int) -> SiteLog:
    """With one that has come."""
    if sequence <= log.mark:
        return replace(log, lost=_without(log.lost, sequence))
    return _advanced(log, log.mark, _joined([*_beyond(log), (sequence, sequence)]))


def given_up(log: SiteLog, until: int) -> SiteLog:
    """Whatever is missing up to `until` is lost. The log itself where nothing is."""
    if until <= log.mark:
        return log
    come = [(log.mark, log.mark), *[one for one in _beyond(log) if one[0] <= until], (until + 1, until + 1)]
    gaps = [(before + 1, after - 1) for (_, before), (after, _) in pairwise(come) if after > before + 1]
    return replace(_advanced(log, until, _beyond(log)), lost=(*log.lost, *gaps))


def last_used(log: SiteLog) -> int:
    """The highest number that has come, or is not waited for."""
    beyond = _beyond(log)
    return beyond[-1][1] if beyond else log.mark


def _beyond(log: SiteLog) -> Ranges:
    return _joined([*log.beyond, *[(sequence, sequence) for sequence in log.ahead]]) if log.ahead else log.beyond


def _advanced(log: SiteLog, mark: int, beyond: Ranges) -> SiteLog:
    """At least to `mark`, and on as far as all have come."""
    for first, last in beyond:
        if first > mark + 1:
            break
        mark = max(mark, last)
    return replace(log, mark=mark, ahead=(), beyond=tuple([one for one in beyond if one[0] > mark]))


def _within(ranges: Ranges, sequence: int) -> bool:
    return any(first <= sequence <= last for first, last in ranges)


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def _without(ranges: Ranges, sequence: int) -> Ranges:
    left: list[tuple[int, int]] = []
    for first, last in ranges:
        parts = [(first, sequence - 1), (sequence + 1, last)] if first <= sequence <= last else [(first, last)]
        left += [part for part in parts if part[0] <= part[1]]
    return tuple(left)
