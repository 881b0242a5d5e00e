from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwing.kernel.ports import Record
from orderwing.runtime.clock import REAL_TIME, ClockError, DomainClock, clock_of, require_factor
from orderwing_schemas.codec import encode
from orderwing_schemas.events.reference import ClockFixed

_MS = st.integers(0, 4 * 10**12)


@given(start=_MS, wall0=_MS, factor=st.sampled_from([0.5, 1.0, 60.0, 3600.0]), domain=_MS)
def test_the_wall_time_of_a_domain_time_is_the_first_that_reaches_it(
    start: int, wall0: int, factor: float, domain: int
) -> None:
    clock = DomainClock(start, wall0, factor)
    wall = clock.wall_ms(domain)
    assert clock.domain_ms(wall) >= domain
    assert clock.domain_ms(wall - 1) < domain


def test_in_production_the_clock_is_the_identity() -> None:
    assert REAL_TIME.domain_ms(1_700_000_000_123) == REAL_TIME.wall_ms(1_700_000_000_123) == 1_700_000_000_123


def test_the_first_clock_holds_for_ever() -> None:
    headers = (("ce_type", b"clock.fixed.v1"),)
    events = [ClockFixed(start_ms=5, wall0_ms=7, factor=factor) for factor in (60.0, 1.0)]
    records = [Record("clock", 0, n, b"clock", encode(event), headers, 0) for n, event in enumerate(events)]
    clock = clock_of(records)
    assert clock == DomainClock(5, 7, 60.0)
    assert clock_of([]) is None
    require_factor(clock, 60.0)
    with pytest.raises(ClockError, match="--speed 60"):
        require_factor(clock, 1.0)
