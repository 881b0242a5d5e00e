"""What may be committed while requests finish in any order."""

from hypothesis import given
from hypothesis import strategies as st

from orderwing.gateways.offsets import OpenOffsets


def test_nothing_is_known_before_the_first_one_finishes() -> None:
    offsets = OpenOffsets()
    assert offsets.position() is None
    offsets.start(7)
    assert offsets.position() is None
    offsets.finish(7)
    assert offsets.position() == 8


@given(st.permutations(range(10)), st.integers(0, 10))
def test_the_lowest_open_one_is_never_passed(order: list[int], finished: int) -> None:
    """Offsets have gaps, where transactions' markers are."""
    offsets = OpenOffsets()
    for n in range(10):
        offsets.start(n * 3)
    for n in order[:finished]:
        offsets.finish(n * 3)
    still_open = sorted(order[finished:])
    lowest = still_open[0] if still_open else 10
    assert offsets.position() == ((lowest - 1) * 3 + 1 if lowest else None)


def test_what_was_never_started_does_not_finish() -> None:
    offsets = OpenOffsets()
    offsets.finish(3)
    assert offsets.position() is None
