"""What can be wrong with a fleet's problem, and why orders are not served."""

import json
from pathlib import Path
from typing import Any

import pytest

from orderwing.planning.budget import Budget
from orderwing.planning.drawing import draw
from orderwing.planning.fleet.answer import Plan, Reason
from orderwing.planning.fleet.checks import BadProblemError
from orderwing.planning.fleet.exchange import parse, problem_of
from orderwing.planning.fleet.picture import page, picture
from orderwing.planning.fleet.solve import plan
from orderwing.planning.fleet.verify import verify

HOUR_S = 3_600
CROYDON = {"latitude": 51.3714, "longitude": -0.0977}


def order(name: str, **fields: Any) -> dict[str, Any]:
    return {"order_id": name, "point": {"latitude": 51.4 + len(name) / 100, "longitude": -0.1}, "load": [4], **fields}


def driver(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "driver_id": name,
        "depot_id": "croydon",
        "capacity": [20],
        "shift": {"start_s": 8 * HOUR_S, "end_s": 17 * HOUR_S},
        **fields,
    }


def problem(**fields: Any) -> str:
    whole = {
        "depots": [{"depot_id": "croydon", "point": CROYDON}],
        "orders": [order("a"), order("b")],
        "drivers": [driver("d")],
        **fields,
    }
    return json.dumps(whole)


def hours(start: float, end: float) -> dict[str, int]:
    return {"start_s": int(start * HOUR_S), "end_s": int(end * HOUR_S)}


def pause(earliest: float, latest: float, duration_s: int = 1_800) -> dict[str, int]:
    return {"duration_s": duration_s, "earliest_s": int(earliest * HOUR_S), "latest_s": int(latest * HOUR_S)}


SQUARE = {"places": ["x", "y"], "metres": [[0, 5], [5, 0]], "seconds": [[0, 5], [5, 0]]}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"orders": []}, "orders", "at least 1"),
    ({"orders": [order("a"), order("a")]}, "orders[1].order_id", "already"),
    ({"orders": [order("a", point={"latitude": -200.0, "longitude": 0.0})]}, "orders[0].point.latitude", "-90"),
    ({"orders": [order("a", point={"latitude": 103.8, "longitude": 1.3})]}, "orders[0].point.latitude", "swapped"),
    ({"orders": [order("a", point={"latitude": -0.1, "longitude": 51.4})]}, "orders[0].point", "swapped"),
    ({"orders": [order("a", point={"latitude": 0.0, "longitude": 0.0})]}, "orders[0].point", "not known"),
    ({"orders": [order("a", load=[1, 2])]}, "orders[0].load", "1 dimensions"),
    ({"orders": [order("a", depot_id="hull")]}, "orders[0].depot_id", "no depot hull"),
    ({"orders": [order("a", windows=[hours(9, 8)])]}, "orders[0].windows[0].end_s", "before"),
    ({"orders": [order("a", windows=[hours(9, 10), hours(10, 11)])]}, "orders[0].windows[1].start_s", "after"),
    ({"drivers": [driver("d", capacity=[0])]}, "drivers[0].capacity", "nothing can be carried"),
    ({"drivers": [driver("d", minimum_load=[30])]}, "drivers[0].minimum_load[0]", "more than the capacity"),
    ({"drivers": [driver("d", max_stops=2, min_stops=3)]}, "drivers[0].min_stops", "more than max_stops"),
    (
        {
            "depots": [{"depot_id": "croydon", "point": CROYDON, "hours": hours(0, 24)}],
            "drivers": [driver("d", shift=hours(26, 30))],
        },
        "drivers[0].shift",
        "outside the hours",
    ),
    ({"drivers": [driver("d", breaks=[pause(7, 12)])]}, "drivers[0].breaks[0].earliest_s", "before the shift"),
    ({"drivers": [driver("d", breaks=[pause(16, 16.9)])]}, "drivers[0].breaks[0].latest_s", "within the shift"),
    (
        {"drivers": [driver("d", breaks=[pause(9, 9), pause(9, 9.2)])]},
        "drivers[0].breaks[1].latest_s",
        "the break before",
    ),
    ({"matrix": {**SQUARE, "metres": [[0, 5]]}}, "matrix.metres", "1 rows for 2 places"),
    ({"travel": {"speed_kmh": 0}}, "travel.speed_kmh", "greater than or equal to 1"),
    ({"speed": 1}, "speed", "not permitted"),
]


@pytest.mark.parametrize(("fields", "field", "said"), WRONG, ids=[f"{field}-{said}" for _, field, said in WRONG])
def test_a_mistake_is_told_with_its_field(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(BadProblemError) as error:
        problem_of(parse(problem(**fields)))
    assert any(one.field == field and said in one.detail for one in error.value.issues), error.value


def solved(text: str) -> Plan:
    question = problem_of(parse(text))
    found = plan(question, Budget(iterations=30))
    assert verify(question, found) == []
    return found


FULL = [order(name, load=[10]) for name in ("a", "ab", "abc")]
REASONS: list[tuple[dict[str, Any], Reason, str]] = [
    ({"orders": [order("a", load=[21])]}, Reason.TOO_HEAVY, "load 21, at most 20"),
    ({"orders": [order("a", skills=["cold"])]}, Reason.NO_SKILL, "nobody has cold"),
    ({"orders": [order("a", windows=[hours(5, 6)])]}, Reason.WINDOW_UNREACHABLE, "served 05:00–06:00"),
    ({"orders": [order("a", point={"latitude": 35.68, "longitude": 139.7})]}, Reason.WINDOW_UNREACHABLE, "too late"),
    ({"orders": FULL}, Reason.NO_CAPACITY_LEFT, "no capacity left (1 driver)"),
    ({"orders": [order("a"), order("ab")], "drivers": [driver("d", max_stops=1)]}, Reason.NO_STOPS_LEFT, "stops"),
    ({"orders": [order("a", service_s=5 * HOUR_S), order("b", service_s=5 * HOUR_S)]}, Reason.NO_TIME_LEFT, "time"),
    ({"orders": [order("a")], "drivers": [driver("d", minimum_load=[9])]}, Reason.BELOW_MINIMUM, "minimum"),
]


@pytest.mark.parametrize(("fields", "reason", "said"), REASONS, ids=[reason for _, reason, _ in REASONS])
def test_who_is_not_served_is_told_why(fields: dict[str, Any], reason: Reason, said: str) -> None:
    (left,) = solved(problem(**fields)).unserved
    assert left.reason is reason
    assert said in left.detail


def test_a_night_shift_ends_on_the_next_day() -> None:
    """At a depot without hours, which nobody closes at midnight."""
    late = order("a", windows=[hours(25, 26)], service_level="EXPRESS")
    found = solved(problem(orders=[late, order("b")], drivers=[driver("d", shift=hours(22, 30))]))
    assert found.unserved == ()
    assert found.routes[0].back_s > 25 * HOUR_S


def test_the_goods_of_another_depot_and_a_place_without_a_road() -> None:
    matrix = {
        "places": ["w", "v", "x", "y"],
        "metres": [[0, 9, 5, None], [9, 0, 5, None], [5, 5, 0, None], [5, 5, 5, 0]],
        "seconds": [[0, 9, 5, 5], [9, 0, 5, 5], [5, 5, 0, 5], [5, 5, 5, 0]],
    }
    orders = [order("a", place="x", depot_id="v"), order("b", place="y"), order("c", place="x")]
    depots = [{"depot_id": "w", "place": "w"}, {"depot_id": "v", "place": "v"}]
    found = solved(problem(depots=depots, orders=orders, drivers=[driver("d", depot_id="w")], matrix=matrix))
    assert [(one.order_id, one.reason) for one in found.unserved] == [
        ("a", Reason.WRONG_DEPOT),
        ("b", Reason.UNREACHABLE),
    ]


def test_the_minimum_yields_to_express_alone_and_it_is_said() -> None:
    low = [driver("d", minimum_load=[9])]
    found = solved(problem(orders=[order("a", service_level="EXPRESS")], drivers=low))
    assert found.score.express_left_out == 0
    assert found.score.shortfall == 5
    assert found.notes == ("d leaves with 4 of at least 9 load, for EXPRESS a",)
    assert found.routes[0].shortfall == (5, 0)
    # And no further than it must: what else there is fills the van.
    fuller = [order("a", service_level="EXPRESS"), order("b"), order("c")]
    assert solved(problem(orders=fuller, drivers=low)).notes == ()


def test_drawings_show_every_order_and_need_no_network(tmp_path: Path) -> None:
    asked = parse(problem(orders=[order("a"), order("b", service_level="EXPRESS"), order("c", load=[99])]))
    found = plan(problem_of(asked), Budget(iterations=5))
    text = page(asked, found)
    assert "<svg" in text
    assert "<script" not in text
    addresses = [part.split("'")[0] for part in text.split("http://")[1:]]
    assert addresses == ["www.w3.org/2000/svg"]  # the namespace, which nobody fetches
    assert all(f">{name}" in text for name in "abc")
    assert "EXPRESS" in text
    assert "too heavy" in text
    drawn = picture(asked, found)
    assert drawn is not None
    draw(drawn, tmp_path / "routes.png")
    assert (tmp_path / "routes.png").read_bytes().startswith(b"\x89PNG")
