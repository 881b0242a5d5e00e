"""A deadline is decided after everything that was in the queues when it passed."""

from __future__ import annotations

import itertools
import json

import pytest

from contract.probe_stage import Probe
from contract.test_transactions import Interposed, once
from contract.worlds import HOUR_MS, Cast, bells, decided, outgoing, tallies
from orderwing.kernel.ports import TransactionAbortedError
from orderwing_schemas.events.intake import OrderConflicted, OrderDuplicated


def bell(cast: Cast, order_id: str, after_ms: int) -> OrderConflicted:
    return OrderConflicted(order_id=order_id, differs_in=("bell", str(cast.now_ms() + after_ms)))


def rings(cast: Cast, probe: Probe) -> list[dict[str, object]]:
    told = [json.loads(record.value or b"") for record in cast.records(probe.out)]
    return [ring for ring in told if ring["type"] == "order.rejected.v1"]


@pytest.mark.parametrize("every_second_fails", [False, True])
def test_a_deadline_under_backlog_comes_after_the_backlog(cast: Cast, probe: Probe, every_second_fails: bool) -> None:
    real = cast.bus(probe.name)
    commits = itertools.count()

    def fail() -> None:
        if every_second_fails and next(commits) % 2:
            real.abort()
            raise TransactionAbortedError("as a coordinator might")

    event = bell(cast, "order-1", HOUR_MS)
    cast.send(probe.second, event)
    runner = cast.runner(probe, bus=Interposed(real, commit=fail), batch_limit=100)
    cast.until(lambda: bells(runner) == 1, runner)
    cast.send(probe.first, *[OrderDuplicated(order_id="order-1")] * 700)
    cast.clock.leap(hours=2)
    cast.until(lambda: bells(runner) == 0, runner)
    (ring,) = rings(cast, probe)
    assert ring["reasons"] == ["bell", "700"]
    assert int(str(ring["detail"])) >= int(event.differs_in[1])


def test_a_transaction_marker_at_the_tail_does_not_hold_a_deadline_back(cast: Cast, probe: Probe) -> None:
    event = bell(cast, "order-1", 300)
    cast.transaction(outgoing(probe.second, event), outgoing(probe.first, OrderDuplicated(order_id="order-1")))
    cast.transaction(outgoing(probe.first, OrderDuplicated(order_id="order-1")), commit=False)
    real = cast.bus(probe.name)

    def fail() -> None:
        real.abort()
        raise TransactionAbortedError("as a coordinator might")

    # The repeat goes back and must find its way to the ends again.
    runner = cast.runner(probe, bus=Interposed(real, commit=once(fail)))
    cast.until(lambda: decided([runner]) >= 2 and bells(runner) == 0, runner)
    assert len(rings(cast, probe)) == 1
    assert tallies(runner) == {"order-1": 1}


def test_a_deadline_waits_for_an_open_transaction_in_its_inputs(cast: Cast, probe: Probe) -> None:
    writer = cast.bus("writer", "1", transaction_timeout_ms=600_000)  # the broker shall not end it by itself
    writer.begin()
    writer.produce(outgoing(probe.first, OrderDuplicated(order_id="order-1")))
    if (sent := getattr(writer, "_producer", None)) is not None:
        sent.flush()
    cast.send(probe.second, bell(cast, "order-1", 100))
    runner = cast.runner(probe)
    cast.until(lambda: bells(runner) == 1, runner)
    until_ms = cast.world.wall_ms() + 700
    cast.until(lambda: cast.world.wall_ms() > until_ms, runner)
    assert bells(runner) == 1
    writer.commit()
    cast.until(lambda: bells(runner) == 0, runner)
    (ring,) = rings(cast, probe)
    assert ring["reasons"] == ["bell", "1"]


def test_a_deadline_moved_by_a_record_of_the_batch_rings_at_its_new_time_only(cast: Cast, probe: Probe) -> None:
    cast.send(probe.second, bell(cast, "order-1", HOUR_MS))
    runner = cast.runner(probe)
    cast.until(lambda: bells(runner) == 1, runner)
    later = bell(cast, "order-1", 3 * HOUR_MS)
    cast.send(probe.second, later)
    cast.clock.leap(hours=2)
    cast.until(lambda: decided([runner]) == 2, runner)
    for _ in range(20):  # the former time has passed
        runner.step(0.02)
    assert bells(runner) == 1
    cast.clock.leap(hours=2)
    cast.until(lambda: bells(runner) == 0, runner)
    (ring,) = rings(cast, probe)
    assert int(str(ring["detail"])) >= int(later.differs_in[1])


def test_passed_deadlines_come_soon_after_a_restart(cast: Cast, probe: Probe) -> None:
    cast.send(probe.second, *[bell(cast, f"order-{n}", HOUR_MS) for n in range(50)])
    runner = cast.runner(probe)
    cast.until(lambda: bells(runner) == 50, runner)
    runner.close()
    cast.clock.leap(hours=2)
    heir = cast.runner(probe, "1")
    cast.until(lambda: heir.ready and bells(heir) == 0, heir)
    assert len(rings(cast, probe)) == 50
