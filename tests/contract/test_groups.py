"""Partitions move between instances whole: all inputs of one number together."""

from __future__ import annotations

import pytest

from contract.probe_stage import Probe
from contract.worlds import Cast, SimulatedWorld, tallies
from orderwing.kernel.ports import TopicPartition
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.intake import OrderDuplicated


def order(n: int) -> OrderDuplicated:
    return OrderDuplicated(order_id=f"order-{n}")


@pytest.mark.slow
def test_the_partitions_of_a_killed_instance_are_taken_over(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, *[order(n) for n in range(200)])
    runner = cast.runner(probe)
    cast.until(lambda: runner.ready, runner)
    other = cast.world.spawn(probe, "1")
    cast.until(lambda: len(runner.partitions) == 2 and runner.ready, runner)
    cast.send(probe.first, *[order(n) for n in range(200)])
    cast.until(lambda: len(cast.records(probe.out)) > 300, runner)
    other.kill()
    cast.send(probe.first, *[order(n) for n in range(200)])
    cast.until(lambda: len(runner.partitions) == 4 and runner.ready, runner)
    cast.until(lambda: sum(tallies(runner).values()) == 600, runner)

    assert tallies(runner) == {f"order-{n}": 3 for n in range(200)}
    ids = [header_map(record.headers)["ce_id"] for record in cast.records(probe.out)]
    assert len(ids) == len(set(ids)) == 600


def test_two_instances_share_the_partitions_co_partitioned(cast: Cast, probe: Probe) -> None:
    one, two = cast.runner(probe, "0"), cast.runner(probe, "1")
    cast.until(lambda: one.ready and two.ready and len(one.partitions) == len(two.partitions) == 2, one, two)
    assert sorted([*one.partitions, *two.partitions]) == [0, 1, 2, 3]
    cast.send(probe.first, *[order(n) for n in range(40)])
    cast.until(lambda: sum(tallies(one, two).values()) == 40, one, two)
    two.close()
    cast.until(lambda: len(one.partitions) == 4 and one.ready, one)
    assert sum(tallies(one).values()) == 40


def test_a_partition_without_all_of_its_inputs_is_not_run() -> None:
    world = SimulatedWorld()
    cast = Cast(world)
    probe = Probe("partial")
    cast.prepare(probe)
    group = world.cluster.group(probe.name)
    group.withheld.add(TopicPartition(probe.second.name, 2))
    cast.send(probe.first, *[order(n) for n in range(40)])
    runner = cast.runner(probe)
    cast.until(lambda: len(runner.partitions) == 3 and sum(tallies(runner).values()) > 0, runner)
    assert not runner.ready
    group.withheld.clear()
    group.rebalance()
    cast.until(lambda: runner.ready and sum(tallies(runner).values()) == 40, runner)


def test_nothing_is_decided_before_a_network_is_published(cast: Cast) -> None:
    kind = type(cast.world).__name__.lower()
    probe = Probe(f"unpublished-{kind}")
    cast.world.create(probe)
    cast.send(probe.first, order(1))
    runner = cast.runner(probe)
    for _ in range(40):
        runner.step(0.05)
    assert not runner.ready
    assert tallies(runner) == {}
    cast.prepare(probe)
    cast.until(lambda: tallies(runner) == {"order-1": 1}, runner)
    assert runner.ready
