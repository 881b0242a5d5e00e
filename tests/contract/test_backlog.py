"""Where more is waiting, a batch is decided while the one before it is being committed, and falls with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from contract.probe_stage import Probe
from contract.worlds import Cast, SimulatedWorld, decided, outgoing, tallies
from orderwing.kernel.ports import (
    Bus,
    FencedError,
    OutcomeUnknownError,
    Position,
    Record,
    TopicPartition,
    TransactionAbortedError,
)
from orderwing.runtime.health import Health
from orderwing.runtime.metrics import Metrics, MetricsObserver
from orderwing.runtime.observer import SilentObserver
from orderwing.runtime.runner import Runner
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.intake import OrderDuplicated
from orderwing_schemas.events.operations import DeadLetterSettled
from orderwing_schemas.topics import control, dead_letters

_ORDERS, _EACH, _LIMIT = 8, 5, 5
_ALL = _ORDERS * _EACH
End = Callable[[], float]


class Watched:
    """A bus that tells what is done with it: `later` and `end` of a commit, `more` where a poll brings something.

    `end` (if any) ends a commit in the bus's stead, once.
    """

    def __init__(self, bus: Bus, end: Callable[[Bus, End], None] | None = None) -> None:
        self.bus = bus
        self.said: list[str] = []
        self.before_poll: Callable[[], None] = lambda: None
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bus, name)

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        self.before_poll()
        records = self.bus.poll(limit, timeout_s)
        self.said += ["more"] if records else []
        return records

    def commit_later(self, positions: Mapping[TopicPartition, Position]) -> End:
        self.said.append("later")
        fate, self._end = self._end, None
        real = self.bus.commit_later(positions) if fate is None else self._instead(fate, positions)

        def end() -> float:
            self.said.append("end")
            return real()

        return end

    def _instead(self, fate: Callable[[Bus, End], None], positions: Mapping[TopicPartition, Position]) -> End:
        def commit() -> float:
            self.bus.send_offsets(positions)
            self.bus.commit()
            return 0.0

        def end() -> float:
            fate(self.bus, commit)
            return 0.0

        return end

    @property
    def overlapped(self) -> bool:
        """Whether something came between a commit's beginning and its end."""
        return any(self.said[n : n + 3] == ["later", "more", "end"] for n in range(len(self.said)))


class Lags(SilentObserver):
    """Keeps what was told last of each input."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, int], int] = {}

    def lag(self, topic: str, partition: int, n: int) -> None:
        self.of[topic, partition] = n


def _send(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, *[OrderDuplicated(order_id=f"order-{n % _ORDERS}") for n in range(_ALL)])


def _redrive(cast: Cast, probe: Probe, letter: Record) -> None:
    word = DeadLetterSettled(dead_letter_id=(letter.key or b"").decode(), order_id="order-3", action="redrive")
    cast.world.publish(outgoing(control(probe.name), word, letter.partition))


def _all_once(cast: Cast, probe: Probe, *runners: Runner) -> None:
    assert tallies(*runners) == {f"order-{n}": _EACH for n in range(_ORDERS)}
    ids = [header_map(record.headers)["ce_id"] for record in cast.records(probe.out)]
    assert len(ids) == len(set(ids)) == _ALL


def test_what_is_decided_meanwhile_sees_what_is_being_committed(cast: Cast, probe: Probe) -> None:
    _send(cast, probe)
    bus = Watched(cast.bus(probe.name))
    runner = cast.runner(probe, bus=bus, batch_limit=_LIMIT)
    cast.until(lambda: decided([runner]) == _ALL, runner)

    assert bus.overlapped
    _all_once(cast, probe, runner)
    for number, partition in runner.partitions.items():
        positions = cast.committed(probe, number)
        assert all(told == str(partition.decisions) for _, told in positions.values())


@pytest.mark.parametrize("cast", ["simulated"], indirect=True)
def test_what_is_not_committed_yet_lags(cast: Cast, probe: Probe) -> None:
    assert isinstance(cast.world, SimulatedWorld)
    _send(cast, probe)
    lags = Lags()
    runner = cast.runner(probe, observer=lags, batch_limit=_LIMIT)
    cast.until(lambda: runner.ready, runner)
    told, owed = [], []
    while decided([runner]) < _ALL:
        cast.world.cluster.advance(1000)  # so long it tells nothing again
        owed.append(_ALL - decided([runner]))
        runner.step()
        told.append(sum(lags.of.values()))
    assert told == owed
    assert owed.count(_ALL) > 1, "a batch is polled while nothing is committed"


def test_what_is_being_committed_when_an_instance_leaves_is_not_lost(cast: Cast, probe: Probe) -> None:
    _send(cast, probe)
    bus = Watched(cast.bus(probe.name))
    runner = cast.runner(probe, bus=bus, batch_limit=_LIMIT)
    cast.until(lambda: runner.under_way, runner)
    runner.close()
    assert bus.said[-1] == "end"
    heir = cast.runner(probe, "1", batch_limit=_LIMIT)
    cast.until(lambda: heir.ready, heir)
    assert 0 < decided([heir]) == sum(tallies(heir).values()) == len(cast.records(probe.out)) < _ALL
    cast.until(lambda: decided([heir]) == _ALL, heir)
    _all_once(cast, probe, heir)


def _fenced(bus: Bus, _: End) -> None:
    bus.abort()
    raise FencedError("by a newer instance")


@pytest.mark.parametrize("cast", ["simulated"], indirect=True)
def test_an_instance_that_is_fenced_while_it_leaves_has_left_all_the_same(cast: Cast, probe: Probe) -> None:
    _send(cast, probe)
    runner = cast.runner(probe, bus=Watched(cast.bus(probe.name), _fenced), batch_limit=_LIMIT)
    cast.until(lambda: runner.under_way, runner)
    with pytest.raises(FencedError):
        runner.close()
    assert isinstance(cast.world, SimulatedWorld)
    assert cast.world.cluster.group(probe.name).members == {}


@pytest.mark.parametrize("cast", ["kafka"], indirect=True)
def test_a_process_that_is_fenced_while_it_stops_hears_of_it(cast: Cast, probe: Probe) -> None:
    _send(cast, probe)
    bus = Watched(cast.bus(probe.name), _fenced)
    runner = cast.runner(probe, bus=bus, batch_limit=_LIMIT)
    cast.until(lambda: runner.under_way, runner)
    with pytest.raises(FencedError):
        bus.close()  # as a stage's process does: the group's callback ends what is under way


@pytest.mark.parametrize("cast", ["simulated"], indirect=True)
def test_what_fails_while_an_instance_leaves_is_told(cast: Cast, probe: Probe) -> None:
    _send(cast, probe)
    metrics = Metrics("test")
    observer = MetricsObserver(metrics, Health())
    runner = cast.runner(probe, bus=Watched(cast.bus(probe.name), _aborted), observer=observer, batch_limit=_LIMIT)
    cast.until(lambda: runner.under_way, runner)
    runner.close()
    observer.batch_decided(1, 0.0)
    observer.committed(0.0)
    told = metrics.exposition(Health())[1].decode()
    assert 'orderwing_transactions_aborted_total{service="test"} 1.0' in told
    assert 'orderwing_records_in_total{service="test"} 1.0' in told


def _aborted(bus: Bus, _: End) -> None:
    bus.abort()
    raise TransactionAbortedError("as a coordinator might")


def _lost_but_committed(_: Bus, commit: End) -> None:
    commit()
    raise OutcomeUnknownError("the answer was lost")


def _lost_and_aborted(bus: Bus, _: End) -> None:
    bus.abort()
    raise OutcomeUnknownError("the answer was lost")


@pytest.mark.parametrize(
    ("cast", "fate"),
    [("kafka", _aborted), *[("simulated", fate) for fate in (_aborted, _lost_but_committed, _lost_and_aborted)]],
    indirect=["cast"],
)
def test_what_was_decided_on_top_of_a_failed_commit_is_decided_again(
    cast: Cast, probe: Probe, fate: Callable[[Bus, End], None]
) -> None:
    _send(cast, probe)
    bus = Watched(cast.bus(probe.name), fate)
    runner = cast.runner(probe, bus=bus, batch_limit=_LIMIT)
    cast.until(lambda: runner.ready and decided([runner]) == _ALL, runner)
    assert bus.overlapped
    _all_once(cast, probe, runner)


def test_a_record_that_the_bus_refuses_meanwhile_is_poison_of_its_cause_alone(cast: Cast, probe: Probe) -> None:
    cast.world.limit(probe.out, 50_000)
    probe.detail_bytes = 200_000
    probe.oversize.add("order-3")
    _send(cast, probe)
    bus = Watched(cast.bus(probe.name))
    runner = cast.runner(probe, bus=bus, batch_limit=_LIMIT)
    cast.until(lambda: decided([runner]) == _ALL, runner)

    assert bus.overlapped
    assert tallies(runner) == {f"order-{n}": _EACH for n in range(_ORDERS) if n != 3}
    (letter,) = cast.records(dead_letters(probe.name))
    assert header_map(letter.headers)["ce_subject"] == "order-3"
    assert sum(partition.parked for partition in runner.partitions.values()) == _EACH

    cast.world.limit(probe.out, 4 << 20)  # the refusal is not remembered
    _redrive(cast, probe, letter)
    cast.until(lambda: tallies(runner) == {f"order-{n}": _EACH for n in range(_ORDERS)}, runner)


@pytest.mark.parametrize("cast", ["simulated"], indirect=True)
def test_an_operators_word_waits_for_what_is_being_committed(cast: Cast, probe: Probe) -> None:
    probe.broken.add("order-3")
    _send(cast, probe)
    runner = cast.runner(probe, batch_limit=_LIMIT)
    cast.until(lambda: decided([runner]) == _ALL, runner)
    (letter,) = cast.records(dead_letters(probe.name))
    probe.broken.clear()

    _send(cast, probe)
    _redrive(cast, probe, letter)
    cast.until(lambda: tallies(runner) == {f"order-{n}": 2 * _EACH for n in range(_ORDERS)}, runner)
    assert sum(partition.parked for partition in runner.partitions.values()) == 0


def test_a_rebalance_waits_for_what_is_being_committed(cast: Cast, probe: Probe) -> None:
    _send(cast, probe)
    bus = Watched(cast.bus(probe.name))
    runner = cast.runner(probe, bus=bus, batch_limit=_LIMIT)
    heirs: list[Runner] = []

    def revoked() -> bool:
        bus.bus.poll(1, 0.02)
        return not runner.under_way

    def rebalance() -> None:  # in the middle of a commit
        if runner.under_way and not heirs:
            heirs.append(cast.runner(probe, "1"))
            bus.pause([place for partition in runner.partitions.values() for place in partition.inputs])
            cast.until(revoked, heirs[0])

    bus.before_poll = rebalance
    cast.until(lambda: bool(heirs), runner)
    assert bus.said[-2:] == ["later", "end"]
    cast.until(lambda: len(runner.partitions) == len(heirs[0].partitions) == 2, runner, *heirs)
    cast.until(lambda: decided([runner, *heirs]) == _ALL, runner, *heirs)
    _all_once(cast, probe, runner, *heirs)
