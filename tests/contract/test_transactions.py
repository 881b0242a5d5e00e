"""Outputs, rows and positions of a batch are committed together, or none is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.probe_stage import Probe
from contract.worlds import Cast, bells, decided, outgoing, tallies
from orderwing.kernel.ports import (
    Bus,
    FencedError,
    OutcomeUnknownError,
    Outgoing,
    Position,
    TopicPartition,
    TransactionAbortedError,
)
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.runner import Runner
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.intake import OrderConflicted, OrderDuplicated
from orderwing_schemas.topics import changelog, dead_letters


class Stopped(BaseException):
    """The process stands still here."""


class Interposed:
    """A bus at which the test may stop or fail a call; everything is passed on."""

    def __init__(self, bus: Bus, **at: Callable[[], None]) -> None:
        self._bus = bus
        self._at = at
        self.produced: list[Outgoing] = []

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._bus, name)
        if name not in self._at:
            return call

        def interposed(*arguments: Any) -> Any:
            self._at[name]()
            return call(*arguments)

        return interposed

    def produce(self, record: Outgoing) -> None:
        self.produced.append(record)
        self._bus.produce(record)


def order(n: int) -> OrderDuplicated:
    return OrderDuplicated(order_id=f"order-{n}")


def once(action: Callable[[], None]) -> Callable[[], None]:
    left = [action]

    def call() -> None:
        if left:
            left.pop()()

    return call


def test_outputs_rows_and_positions_are_committed_together(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, *[order(n) for n in range(20)], order(3))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 21, runner)

    assert tallies(runner) == {f"order-{n}": 2 if n == 3 else 1 for n in range(20)}
    out = cast.records(probe.out)
    assert len(out) == 21
    assert len({header_map(record.headers)["ce_id"] for record in out}) == 21
    place = key_partition("order-3", 4)
    third = [header_map(r.headers) for r in out if r.key == b"order-3"]
    assert [h["decision"].split(" ")[1].split("/")[:2] for h in third] == [[probe.first.name, str(place)]] * 2
    assert {h["ce_subject"] for h in third} == {"order-3"}
    position = cast.committed(probe, place)[probe.first.name]
    assert position[1] == str(runner.partitions[place].decisions)


def test_a_second_life_has_the_rows_and_numbers_of_the_first(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, *[order(n) for n in range(30)], *[order(n) for n in range(10)])
    cast.send(probe.second, OrderConflicted(order_id="order-1", differs_in=("late", str(cast.world.wall_ms() + 10**7))))
    first = cast.runner(probe)
    cast.until(lambda: decided([first]) == 41, first)
    rows, numbers = tallies(first), {n: p.decisions for n, p in first.partitions.items()}
    first.close()

    second = cast.runner(probe, "1")
    cast.until(lambda: second.ready, second)
    assert tallies(second) == rows
    assert {n: p.decisions for n, p in second.partitions.items()} == numbers
    assert bells(second) == 1
    assert sum(len(p.deadlines) for p in second.partitions.values()) == 1
    cast.send(probe.first, order(1))
    cast.until(lambda: decided([second]) == 42, second)
    assert tallies(second)["order-1"] == rows["order-1"] + 1


def test_an_abort_drops_the_overlay_and_the_repeat_has_the_same_ids(cast: Cast, probe: Probe) -> None:
    real = cast.bus(probe.name)

    def fail() -> None:
        real.abort()
        raise TransactionAbortedError("as a coordinator might")

    bus = Interposed(real, commit=once(fail))
    cast.send(probe.first, *[order(n % 5) for n in range(10)])
    runner = cast.runner(probe, bus=bus)
    cast.until(lambda: decided([runner]) == 10, runner)

    assert tallies(runner) == {f"order-{n}": 2 for n in range(5)}
    ids = [header_map(r.headers)["ce_id"] for r in bus.produced if r.topic == probe.out.name]
    assert len(ids) > 10
    assert len(set(ids)) == 10
    assert sorted(header_map(r.headers)["ce_id"] for r in cast.records(probe.out)) == sorted(set(ids))


@pytest.mark.parametrize("happened", [True, False])
def test_a_commit_of_unknown_outcome_is_settled_by_the_log(cast: Cast, probe: Probe, happened: bool) -> None:
    real = cast.bus(probe.name)
    bus = Interposed(real, commit=once(lambda: _lose_answer(real, happened)))
    cast.send(probe.first, *[order(n % 5) for n in range(10)])
    runner = cast.runner(probe, bus=bus)
    cast.until(lambda: runner.ready and decided([runner]) == 10, runner)

    assert tallies(runner) == {f"order-{n}": 2 for n in range(5)}
    ids = [header_map(record.headers)["ce_id"] for record in cast.records(probe.out)]
    assert len(ids) == len(set(ids)) == 10


def _lose_answer(bus: Bus, happened: bool) -> None:
    (bus.commit if happened else bus.abort)()
    raise OutcomeUnknownError("the answer was lost")


def test_only_committed_records_are_decided(cast: Cast, probe: Probe) -> None:
    cast.transaction(*[outgoing(probe.first, order(n)) for n in range(8)], commit=False)
    cast.transaction(outgoing(probe.first, order(100)))
    cast.send(probe.first, order(101))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 2, runner)
    assert tallies(runner) == {"order-100": 1, "order-101": 1}


@pytest.mark.parametrize("point", ["send_offsets", "commit"])
def test_a_restore_waits_for_the_transaction_that_a_former_owner_left_open(
    cast: Cast, probe: Probe, point: str
) -> None:
    stopped = [True]

    def stop() -> None:
        if stopped:
            raise Stopped

    cast.send(probe.first, order(1))
    # The broker shall not end the transaction by itself while the test looks.
    bus = Interposed(cast.bus(probe.name, transaction_timeout_ms=600_000), **{point: stop})
    owner = cast.runner(probe, bus=bus)
    with pytest.raises(Stopped):
        cast.until(lambda: False, owner)
    owner.close()  # out of the group; its transaction stays open

    heir = cast.runner(probe, "1")
    for _ in range(10):
        heir.step(0.1)
    assert not heir.ready

    stopped.clear()
    if point == "commit":
        bus.commit()
    else:  # it never said what it had read, and now belongs to no generation
        with pytest.raises(TransactionAbortedError):
            bus.send_offsets({TopicPartition(probe.first.name, key_partition("order-1", 4)): Position(1, "1")})
    cast.until(lambda: heir.ready and decided([heir]) == 1, heir)
    assert tallies(heir) == {"order-1": 1}
    assert len(cast.records(probe.out)) == 1


@pytest.mark.slow
def test_a_zombies_timer_transaction_is_fenced(cast: Cast, probe: Probe) -> None:
    wake = cast.world.wall_ms() + 500
    cast.send(probe.second, OrderConflicted(order_id="order-1", differs_in=("bell", str(wake))))
    real = cast.bus(probe.name, "0", max_poll_interval_ms=6_000)
    heirs: list[Runner] = []

    def pause() -> None:  # between poll and begin, for so long that the partitions have gone to the heir
        if bells(zombie) == 1 and not heirs:
            heirs.append(heir := cast.runner(probe, "1"))
            cast.until(lambda: heir.ready and len(heir.partitions) == 4 and bells(heir) == 0, heir)

    zombie = cast.runner(probe, bus=Interposed(real, begin=pause))
    cast.until(lambda: bool(heirs), zombie)
    cast.until(lambda: len(zombie.partitions) == len(heirs[0].partitions) == 2, zombie, *heirs)

    rung = [record for record in cast.records(probe.out) if record.key == b"order-1"]
    assert len(rung) == 1
    assert bells(zombie) + bells(heirs[0]) == 0


def test_a_second_process_of_the_same_instance_fences_the_first(cast: Cast, probe: Probe) -> None:
    first = cast.runner(probe)
    cast.send(probe.first, order(1))
    cast.until(lambda: decided([first]) == 1, first)
    bus = cast.bus(probe.name)  # the same transactional id
    cast.send(probe.first, order(2))
    with pytest.raises(FencedError):
        cast.until(lambda: decided([first]) == 2, first)
    bus.close()


@pytest.mark.parametrize("size", ["client's limit", "topic's limit"])
def test_an_oversize_emit_is_poison_of_the_record_that_caused_it(cast: Cast, probe: Probe, size: str) -> None:
    if size == "topic's limit":
        cast.world.limit(probe.out, 50_000)
        probe.detail_bytes = 200_000
    probe.oversize.add("order-3")
    cast.send(probe.first, *[order(n) for n in range(6)])
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 6, runner)

    assert tallies(runner) == {f"order-{n}": 1 for n in range(6) if n != 3}
    assert not [record for record in cast.records(probe.out) if record.key == b"order-3"]
    (letter,) = cast.records(dead_letters(probe.name))
    assert header_map(letter.headers)["ce_subject"] == "order-3"
    assert b"MSG_SIZE_TOO_LARGE" in (letter.value or b"")


def test_records_that_are_too_large_only_together_are_nobodys_fault(cast: Cast, probe: Probe) -> None:
    cast.world.limit(probe.out, 50_000)
    probe.detail_bytes = 10_000
    probe.oversize |= {"order-1", "order-2"}
    cast.send(probe.first, *[order(1)] * 12, order(2))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 13, runner)

    assert tallies(runner) == {"order-1": 12, "order-2": 1}
    assert not cast.records(dead_letters(probe.name))
    cast.send(probe.first, order(2))
    cast.until(lambda: decided([runner]) == 14, runner)


def test_a_row_changed_twice_is_one_record_of_the_changelog(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, *[order(1)] * 5)
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 5, runner)
    rows = cast.records(changelog(probe.name))
    assert {record.key for record in rows} == {b"Tally:order-1"}
    counts = [json.loads(record.value or b"")["count"] for record in rows]
    assert counts[-1] == 5
    assert len(counts) == len(set(counts))
