"""What a plan of a part lacks to be taken, against the code that takes it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orderwing.allocation.cards import candidate, losers
from orderwing.allocation.comparing import Comparison, Weighed
from orderwing.allocation.rows import Line, Part, Shipment, Shipments, Taken
from orderwing.allocation.scales import Scales
from orderwing.kernel.view import Draft
from orderwing.planning.explaining.telling import nearest
from orderwing.planning.moving import shortfall
from orderwing_schemas.domain import ServiceLevel
from support.allocation_world import a_lane, a_network, a_site
from support.memory_view import MemoryReference, MemoryView

TAKEN = Taken(line_id="1", sku="tea", quantity=1)
COSTS = st.integers(0, 30)
SCALES = Scales(
    Draft(MemoryView(MemoryReference(a_network([a_site("s")], [a_lane("s")])))), None, {}
)  # where cost alone counts


def a_part() -> Part:
    return Part(
        part_id="o/r/1",
        region="r",
        order_id="o",
        order_version=1,
        zone="z",
        latitude=51.5,
        longitude=0.0,
        stop_id="s",
        service_level=ServiceLevel.STANDARD,
        one_box=False,
        max_delay_minutes=60,
        may_split=True,
        lines=(Line("1", "tea", 1, 1, 1),),
        promise_at_ms=0,
        placed_at_ms=0,
    )


def plan(site_id: str, cost_minor: int, late: bool = False) -> Shipments:
    arrival_ms = 86_400_000 if late else 1
    return (Shipment(site_id, f"{site_id}-van", "van", 0, arrival_ms, (TAKEN,), cost_minor, (("parcel", cost_minor),)),)


@given(standing=COSTS, others=st.lists(st.tuples(COSTS, st.booleans()), max_size=3), threshold=st.integers(0, 6))
def test_at_the_cost_told_it_is_taken_and_a_penny_above_not(
    standing: int, others: list[tuple[int, bool]], threshold: int
) -> None:
    part, stands = a_part(), plan("s", standing)
    weighed = [Weighed(f"w{n}", plan(f"w{n}", cost, late)) for n, (cost, late) in enumerate(others)]
    compared = Comparison(part, stands, weighed, threshold, SCALES)
    if compared.best() is not None:
        return
    told = (candidate(stands, None), *losers({"s": (TAKEN,)}, compared))
    found = shortfall(told, threshold)
    in_time = [cost for cost, late in others if not late]
    assert (found is None) == (not in_time)
    if found is None:
        return
    assert found.is_minor == min(in_time)
    place = next(n for n, one in enumerate(told[1:]) if one.label == found.label)

    def at(cost_minor: int) -> Shipments | None:
        changed = [*weighed]
        changed[place] = Weighed(f"w{place}", plan(f"w{place}", cost_minor))
        return Comparison(part, stands, changed, threshold, SCALES).best()

    assert ("would not be taken even" in nearest(found)) == (found.cost_minor < 0)
    assert at(found.cost_minor) == plan(f"w{place}", found.cost_minor)
    assert at(found.cost_minor + 1) is None
    if found.threshold_minor is not None:
        assert Comparison(part, stands, weighed, found.threshold_minor, SCALES).best() is not None
        assert Comparison(part, stands, weighed, found.threshold_minor + 1, SCALES).best() is None
