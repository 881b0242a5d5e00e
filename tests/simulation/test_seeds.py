"""A thousand simulated days with every fault; five planted defects found; a seed replays bit for bit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

import pytest

from orderwing.commands.simulate import replay_command
from orderwing.simulation.coverage import OF_TRANSFERS, Coverage
from orderwing.simulation.plants import PLANTS
from orderwing.simulation.world import Outcome, simulate, spare_collector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]  # a slow machine that is busy besides

SEEDS = 1_000
ORDERS = 50
FAULT_RATE = 0.01
FOUND_WITHIN = 200
JOINED_SEEDS = range(5)


def _begin() -> None:
    """What waits for real processes comes first. However the test's process ends, this one ends with it."""
    os.nice(5)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    spare_collector()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _all(seeds: range) -> Iterator[Outcome]:
    # Spawned: a test's process has threads.
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _begin) as pool:
        yield from pool.map(simulate, seeds, [ORDERS] * len(seeds), [FAULT_RATE] * len(seeds), chunksize=4)


def test_nothing_is_lost_doubled_oversold_or_stuck_in_a_thousand_days(
    record_property: Callable[[str, object], None],
) -> None:
    coverage, failed = Coverage(), []
    for outcome in _all(range(SEEDS)):
        coverage.add(outcome)
        if outcome.failures:
            told = "; ".join(outcome.failures[:3])
            failed.append(f"{replay_command(outcome.seed, ORDERS, FAULT_RATE, None)}  # {told}")
    record_property("simulation", _told(coverage))
    assert not failed, f"{len(failed)} of {SEEDS} seeds failed; replay with:\n" + "\n".join(failed[:10])
    assert coverage.missing() == []


def test_goods_gathered_at_a_site_first_are_neither_lost_nor_doubled() -> None:
    coverage, failed = Coverage(joined=True), []
    for seed in JOINED_SEEDS:
        outcome = simulate(seed, ORDERS, FAULT_RATE, joined=True)
        coverage.add(outcome)
        if outcome.failures:
            failed.append(f"{replay_command(seed, ORDERS, FAULT_RATE, None, joined=True)}  # {outcome.failures[:3]}")
    assert not failed, "replay with:\n" + "\n".join(failed)
    assert [transition for transition in OF_TRANSFERS if not coverage.transitions[transition]] == []


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_defect_is_found(plant: str) -> None:
    for seed in range(FOUND_WITHIN):
        if simulate(seed, ORDERS, FAULT_RATE, plant).failures:
            return
    pytest.fail(f"{plant!r} was not found in {FOUND_WITHIN} seeds")


@pytest.mark.parametrize("seed", [7, 108])
def test_a_seed_replays_bit_for_bit(seed: int) -> None:
    first, second = simulate(seed, ORDERS, FAULT_RATE), simulate(seed, ORDERS, FAULT_RATE)
    assert first.digest == second.digest
    assert first.faults == second.faults
    assert simulate(seed + 1, ORDERS, FAULT_RATE).digest != first.digest


def _told(coverage: Coverage) -> str:
    lines = [f"{coverage.runs} seeds, {coverage.orders} orders"]
    for name, counts in (("faults", coverage.faults), ("exits", coverage.exits)):
        lines.append(f"{name}: " + ", ".join(f"{kind} {times}" for kind, times in counts.most_common()))
    lines.append("transitions: " + ", ".join(f"{' '.join(t)} {n}" for t, n in sorted(coverage.transitions.items())))
    return "\n".join(lines)
