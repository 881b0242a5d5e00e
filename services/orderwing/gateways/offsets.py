"""How far one partition may be committed while its records finish in any order."""

from __future__ import annotations


class OpenOffsets:
    """Started in the order of offsets, finished in any."""

    def __init__(self) -> None:
        self._finished: dict[int, bool] = {}  # in the order of offsets
        self._position: int | None = None

    def start(self, offset: int) -> None:
        self._finished[offset] = False

    def finish(self, offset: int) -> None:
        if offset in self._finished:
            self._finished[offset] = True

    def position(self) -> int | None:
        """The offset after the last one below which all are finished; None while there is none."""
        while self._finished:
            offset = next(iter(self._finished))
            if not self._finished[offset]:
                break
            del self._finished[offset]
            self._position = offset + 1
        return self._position
