"""How many more requests may be fetched while so many are under way."""

from __future__ import annotations


class Room:
    """For `at_once`. Once they are full there is none until `many` have ended, or `rest_s` later for whatever has.

    A consumer without room is paused, and then what its client has fetched already is fetched again: not for each
    answer, therefore. But calls that hang must not keep the other places empty.
    """

    def __init__(self, at_once: int, many: int, rest_s: float) -> None:
        self._at_once = at_once
        self._many = many
        self._rest_s = rest_s
        self._full_s: float | None = None

    def left(self, under_way: int, now_s: float) -> int:
        room = max(0, self._at_once - under_way)
        if room == 0 and self._full_s is None:
            self._full_s = now_s
        if self._full_s is not None and (room == 0 or (room < self._many and now_s - self._full_s < self._rest_s)):
            return 0
        self._full_s = None
        return room
