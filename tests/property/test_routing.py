"""Routes with prizes, part by part: allowed, repeatable, and better than the plain search with as many iterations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.routing.checks import verify
from orderwing.planning.routing.exact import exact
from orderwing.planning.routing.greedy import bound, greedy
from orderwing.planning.routing.improve import plan
from orderwing.planning.routing.insertion import insert
from orderwing.planning.routing.parts import Parts
from orderwing.planning.routing.plan import RoutePlan
from orderwing.planning.routing.port import PartSearch, Stopwatch, Tuning, everything, plan_plain
from orderwing.planning.routing.problem import LARGEST, Matrix, RoutingProblem, Stop, Vehicle
from orderwing.planning.routing.tours import plan_of, tours_of

MANY = 400


def ways(seed: int, count: int, width: int) -> Matrix:
    at = np.random.default_rng(seed).integers(0, width, (count, 2)).astype(float)
    metres: Matrix = np.linalg.norm(at[:, None] - at[None], axis=2).astype(np.int64)
    return metres


def many_stops(count: int = MANY) -> RoutingProblem:
    draw = np.random.default_rng(11)
    opens = draw.integers(0, 2_000, count)
    stops = tuple(
        Stop(
            f"s{n}", (int(draw.integers(5, 30)),), 10, int(opens[n]), int(opens[n]) + 400, 0, int(draw.integers(20, 90))
        )
        for n in range(count)
    )
    van = Vehicle("van", "d0", "d0", (200,), 60, ends_s=3_000)
    metres = ways(3, count + 1, 500)
    return RoutingProblem(("d0",), stops, (van,), metres, metres)


def without(problem: RoutingProblem, absent: set[int]) -> RoutingProblem:
    kept = [n for n in range(len(problem.stops)) if n not in absent]
    places = [*range(len(problem.depots)), *(problem.place(n) for n in kept)]
    metres = problem.metres[np.ix_(places, places)]
    return replace(problem, stops=tuple(problem.stops[n] for n in kept), metres=metres, seconds=metres)


@st.composite
def problems(draw: st.DrawFn) -> RoutingProblem:
    """All that vehicles and stops can ask for, in small."""
    depots = tuple(f"d{n}" for n in range(draw(st.integers(1, 2))))
    stops = []
    for n in range(draw(st.integers(1, 9))):
        opens = draw(st.integers(0, 300))
        released = draw(st.sampled_from([0, 0, 90]))
        load = draw(st.integers(0, 12))
        stops.append(
            Stop(
                f"s{n}",
                (load,),
                5,
                opens,
                max(opens, released) + draw(st.integers(0, 500)),
                released,
                draw(st.integers(0, 400)),
            )
        )
    kinds = []
    for n in range(draw(st.integers(1, 2))):
        reloads = draw(st.booleans())
        kinds.append(
            Vehicle(
                f"v{n}",
                draw(st.sampled_from(depots)),
                draw(st.sampled_from(depots)),
                (draw(st.integers(5, 30)),),
                draw(st.integers(1, 2)),
                starts_s=draw(st.sampled_from([0, 50])),
                ends_s=draw(st.sampled_from([400, 900])),
                max_duration_s=draw(st.sampled_from([LARGEST, 250])),
                max_distance_m=draw(st.sampled_from([LARGEST, 250])),
                fixed_cost=draw(st.sampled_from([0, 30])),
                metre_cost=draw(st.sampled_from([1, 2])),
                second_cost=draw(st.sampled_from([0, 1])),
                reload_depots=depots if reloads else (),
                max_reloads=2 if reloads else 0,
            )
        )
    metres = ways(draw(st.integers(0, 9)), len(depots) + len(stops), 120)
    return RoutingProblem(depots, tuple(stops), tuple(kinds), metres, metres)


@given(problems(), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_every_plan_keeps_to_the_rules_and_adds_up(problem: RoutingProblem, seed: int) -> None:
    plans = [
        greedy(problem) if not any(stop.released_s for stop in problem.stops) else None,
        plan(problem, Budget(iterations=25), seed),
        plan_plain(problem, Budget(iterations=25), seed),
    ]
    for found in filter(None, plans):
        assert verify(problem, found) == []
        assert found.cost >= bound(problem)


@given(problems(), st.data())
@settings(max_examples=25, deadline=None)
def test_arrivals_are_welcome_and_never_make_it_dearer(problem: RoutingProblem, data: st.DataObject) -> None:
    absent = data.draw(st.sets(st.integers(0, len(problem.stops) - 1)))
    standing = plan(without(problem, absent), Budget(iterations=15), 1)
    tours = tours_of(problem, standing.routes)
    if not any(vehicle.second_cost for vehicle in problem.vehicles):
        before = plan_of(problem, tours)
        inserted = plan_of(problem, insert(problem, tours, sorted(absent)))
        assert verify(problem, inserted) == []
        assert inserted.cost <= before.cost

    after = plan(problem, Budget(iterations=15), 1, start=standing)

    assert verify(problem, after) == []
    left = sum(problem.stops[n].prize or 0 for n in absent)
    assert after.cost <= standing.cost + left


def test_few_stops_are_planned_as_well_as_they_can_be() -> None:
    problem = without(many_stops(), set(range(8, MANY)))
    best = exact(problem)

    assert best is not None
    assert verify(problem, best) == []
    assert plan(problem, Budget(iterations=200), 1).cost == best.cost


@pytest.fixture(scope="module")
def part_by_part() -> RoutePlan:
    return plan(many_stops(), Budget(iterations=300), 1)


def test_many_stops_cost_less_than_by_the_plain_search(part_by_part: RoutePlan) -> None:
    problem = many_stops()
    plain = plan_plain(problem, Budget(iterations=300), 1)

    assert verify(problem, part_by_part) == []
    assert part_by_part.cost < plain.cost
    assert part_by_part.cost < greedy(problem).cost
    assert part_by_part.cost >= bound(problem)


def test_the_same_seed_and_iterations_give_the_same_plan(part_by_part: RoutePlan) -> None:
    assert plan(many_stops(), Budget(iterations=300), 1) == part_by_part


def test_many_arrivals_are_inserted_where_they_pay() -> None:
    problem = many_stops()
    absent = set(range(0, MANY, 10))
    standing = plan(without(problem, absent), Budget(iterations=300), 1)
    tours = tours_of(problem, standing.routes)
    inserted = plan_of(problem, insert(problem, tours, sorted(absent)))
    warm = plan(problem, Budget(iterations=200), 2, start=standing)

    assert verify(problem, inserted) == []
    assert verify(problem, warm) == []
    assert warm.cost <= inserted.cost < plan_of(problem, tours).cost


def rewarding(count: int = MANY) -> RoutingProblem:
    """Most stops pay."""
    problem = many_stops(count)
    return replace(problem, stops=tuple(stop._replace(prize=8 * (stop.prize or 0)) for stop in problem.stops))


def test_the_same_arrivals_seed_and_iterations_give_the_same_plan() -> None:
    problem = rewarding(150)
    standing = greedy(without(problem, set(range(0, 150, 10))))

    first, second = (plan(problem, Budget(iterations=150), 3, start=standing) for _ in range(2))

    assert first == second
    assert verify(problem, first) == []


def test_a_part_has_the_share_of_left_stops_that_the_whole_has() -> None:
    problem = rewarding()
    all_tours = tours_of(problem, greedy(problem).routes)
    for tours in (all_tours, all_tours[::2], all_tours[:3]):
        parts = Parts(problem, 1)
        served = sum(len(tour.stops) for tour in tours)
        share = parts.routes_share(tours)
        taken, left = parts.around(7, tours, 100, share)
        on_routes = sum(len(tours[n].stops) for n in taken)

        assert 0 < on_routes <= 100 * share
        assert on_routes + len(left) == min(100, on_routes + MANY - served)
        assert not {stop for tour in tours for stop in tour.stops} & set(left)
    assert Parts(problem, 1).routes_share(all_tours[:3]) < Parts(problem, 1).routes_share(all_tours)


@pytest.mark.parametrize("descends", [True, False])
def test_what_a_part_gains_is_what_its_tours_cost_less(descends: bool) -> None:
    problem = rewarding(120)
    tours = tours_of(problem, greedy(problem).routes)
    tuning = Tuning(neighbours=20, perturbed=10, descends=descends)
    stop = Stopwatch(Countdown(Budget(iterations=40)))

    found = PartSearch(problem, 1).improve(everything(problem), tours, tuning, stop)

    assert found is not None
    better, saved = found
    assert saved > 0
    assert plan_of(problem, tours).cost - plan_of(problem, better).cost == saved
    assert verify(problem, plan_of(problem, better)) == []


def test_tours_go_down_before_the_first_iteration() -> None:
    problem = rewarding(120)
    tours = tours_of(problem, greedy(problem).routes)
    none = Stopwatch(Countdown(Budget(iterations=0)))

    assert PartSearch(problem, 1).improve(everything(problem), tours, Tuning(), none) is None
    assert PartSearch(problem, 1).improve(everything(problem), tours, Tuning(descends=True), none) is not None


def test_stops_that_must_be_served_are() -> None:
    problem = many_stops(40)
    must = replace(problem, stops=tuple(stop._replace(prize=None) for stop in problem.stops))

    found = plan(must, Budget(iterations=100), 1)

    assert verify(must, found) == []
    assert not found.left
