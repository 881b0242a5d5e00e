"""Poison: dead letters, parking by order, an operator's word, and the budget that halts."""

from __future__ import annotations

import json

from contract.probe_stage import Probe
from contract.worlds import HOUR_MS, Cast, bells, decided, outgoing, tallies
from orderwing.kernel.decision import Decision, Emit
from orderwing.kernel.ports import Outgoing, TopicPartition
from orderwing.kernel.stage import RawRecord, Stage
from orderwing.kernel.view import View
from orderwing.runtime.observer import Letter, SilentObserver
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.runner import Runner
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.intake import OrderConflicted, OrderDuplicated
from orderwing_schemas.events.operations import DeadLetterSettled
from orderwing_schemas.topics import control, dead_letters


def order(n: int) -> OrderDuplicated:
    return OrderDuplicated(order_id=f"order-{n}")


def letters(cast: Cast, probe: Probe) -> list[dict[str, object]]:
    return [json.loads(record.value or b"") for record in cast.records(dead_letters(probe.name))]


def settle(cast: Cast, probe: Probe, letter: dict[str, object], action: str) -> None:
    identity, order_id = str(letter["dead_letter_id"]), letter["order_id"]
    event = DeadLetterSettled.model_validate(
        {"dead_letter_id": identity, "order_id": order_id, "action": action}, strict=True
    )
    (place,) = {r.partition for r in cast.records(dead_letters(probe.name)) if r.key == identity.encode()}
    cast.world.publish(outgoing(control(probe.name), event, place))


def parked(*runners: Runner) -> int:
    return sum(partition.parked for runner in runners for partition in runner.partitions.values())


def broken(n: int, topic: str) -> Outgoing:
    """A record that cannot be decoded, but says whose it is."""
    key = f"order-{n}"
    headers = [("ce_type", b"order.duplicated.v1"), ("ce_subject", key.encode())]
    return Outgoing(topic, key_partition(key, 4), key.encode(), b'{"type": 1', headers)


def test_later_records_of_the_order_are_parked_and_redriven_in_order(cast: Cast, probe: Probe) -> None:
    probe.broken.add("order-1")
    cast.send(probe.first, order(1), order(2), order(1))
    cast.send(probe.first, order(1), *[order(n) for n in range(3, 9)])
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 10, runner)
    assert parked(runner) == 3
    assert tallies(runner) == {f"order-{n}": 1 for n in range(2, 9)}
    (letter,) = letters(cast, probe)
    assert (letter["reason"], letter["order_id"], letter["offset"]) == ("FaultError", "order-1", 0)

    runner.close()
    heir = cast.runner(probe, "1")  # what is parked survives
    cast.until(lambda: heir.ready, heir)
    assert parked(heir) == 3

    settle(cast, probe, letter, "redrive")  # still broken: another letter of the same id, and all wait on
    cast.until(lambda: len(letters(cast, probe)) == 2, heir)
    assert {told["dead_letter_id"] for told in letters(cast, probe)} == {letter["dead_letter_id"]}
    assert parked(heir) == 3

    probe.broken.clear()
    settle(cast, probe, letter, "redrive")
    cast.until(lambda: parked(heir) == 0, heir)
    assert tallies(heir)["order-1"] == 3
    causes = [header_map(r.headers)["decision"] for r in cast.records(probe.out) if r.key == b"order-1"]
    places = [int(cause.rsplit("/", 1)[1]) for cause in causes]
    assert len(places) == 3
    assert places == sorted(places)
    settle(cast, probe, letter, "redrive")  # a word too many
    cast.send(probe.first, order(1))
    cast.until(lambda: tallies(heir)["order-1"] == 4, heir)


class Heard(SilentObserver):
    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def dead_lettered(self, letter: Letter) -> None:
        self.letters.append(letter)


def test_a_dead_letter_is_told_with_its_order_and_its_trace(cast: Cast, probe: Probe) -> None:
    probe.broken.add("order-1")
    cast.send(probe.first, order(2), order(1))
    heard = Heard()
    runner = cast.runner(probe, observer=heard)
    cast.until(lambda: decided([runner]) == 2, runner)
    (told,) = heard.letters
    (record,) = cast.records(dead_letters(probe.name))
    (letter,) = letters(cast, probe)
    assert "traceparent" not in header_map(record.headers)
    assert told.record == f"{probe.first.name}/{key_partition('order-1', 4)}/{letter['offset']}"
    assert (told.dead_letter_id, told.order_id, told.reason) == (letter["dead_letter_id"], "order-1", "FaultError")


def test_a_dropped_dead_letter_is_forgotten_and_those_behind_it_are_decided(cast: Cast, probe: Probe) -> None:
    cast.world.publish(broken(1, probe.first.name))
    cast.send(probe.first, order(1), order(2))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 3, runner)
    assert parked(runner) == 2
    (letter,) = letters(cast, probe)
    assert letter["reason"] == "not_json"
    settle(cast, probe, letter, "drop")
    cast.until(lambda: parked(runner) == 0, runner)
    assert tallies(runner) == {"order-1": 1, "order-2": 1}


def test_poison_behind_poison_waits_in_its_turn(cast: Cast, probe: Probe) -> None:
    cast.world.publish(broken(1, probe.first.name))
    cast.send(probe.first, order(1))
    cast.world.publish(broken(1, probe.first.name))
    cast.send(probe.first, order(1))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 4, runner)
    (letter,) = letters(cast, probe)
    settle(cast, probe, letter, "drop")
    cast.until(lambda: parked(runner) == 2, runner)
    assert tallies(runner) == {"order-1": 1}
    second = letters(cast, probe)[1]
    assert second["dead_letter_id"] != letter["dead_letter_id"]
    settle(cast, probe, second, "drop")
    cast.until(lambda: parked(runner) == 0, runner)
    assert tallies(runner) == {"order-1": 2}


def test_the_deadlines_of_a_parked_order_wait(cast: Cast, probe: Probe) -> None:
    wake = cast.now_ms() + HOUR_MS
    cast.send(probe.second, *[OrderConflicted(order_id=f"order-{n}", differs_in=("bell", str(wake))) for n in (1, 2)])
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 2, runner)
    cast.world.publish(broken(1, probe.first.name))
    cast.until(lambda: parked(runner) == 1, runner)
    cast.clock.leap(hours=2)
    cast.until(lambda: bells(runner) == 1, runner)  # order-2 rings alone
    until_ms = cast.world.wall_ms() + 500
    cast.until(lambda: cast.world.wall_ms() > until_ms, runner)
    assert [r.key for r in cast.records(probe.out)] == [b"order-2"]
    runner.close()

    heir = cast.runner(probe, "1")
    cast.until(lambda: heir.ready, heir)
    (letter,) = letters(cast, probe)
    settle(cast, probe, letter, "drop")
    cast.until(lambda: bells(heir) == 0, heir)
    assert [r.key for r in cast.records(probe.out) if r.key == b"order-1"] == [b"order-1"]


def test_a_deadline_that_raises_is_a_dead_letter_and_can_be_redriven(cast: Cast, probe: Probe) -> None:
    probe.broken.add("order-1")
    bell = OrderConflicted(order_id="order-1", differs_in=("bell", str(cast.world.wall_ms() + 100)))
    cast.send(probe.second, bell)
    runner = cast.runner(probe)
    cast.until(lambda: parked(runner) == 1, runner)
    cast.send(probe.first, order(1))
    cast.until(lambda: parked(runner) == 2, runner)
    runner.close()

    heir = cast.runner(probe, "1")
    probe.broken.clear()
    cast.until(lambda: heir.ready, heir)
    (letter,) = letters(cast, probe)
    settle(cast, probe, letter, "redrive")
    cast.until(lambda: parked(heir) == 0, heir)
    assert bells(heir) == 0
    assert tallies(heir) == {"order-1": 1}
    assert len(cast.records(probe.out)) == 2


def test_a_record_on_a_partition_that_is_not_its_keys_is_poison(cast: Cast, probe: Probe) -> None:
    wrong = (key_partition("order-1", 4) + 1) % 4
    cast.world.publish(outgoing(probe.first, order(1), wrong))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 1, runner)
    (letter,) = letters(cast, probe)
    assert (letter["reason"], letter["partition"]) == ("MisplacedError", wrong)
    assert tallies(runner) == {}


def test_a_row_of_poison_halts_the_stage_which_neither_drains_nor_drops(cast: Cast, probe: Probe) -> None:
    cast.send(probe.first, *[order(n) for n in range(8)])
    runner = cast.runner(probe, poison_consecutive=5)
    cast.until(lambda: decided([runner]) == 8, runner)
    before = cast.committed(probe, 0)
    probe.broken.update(f"order-{n}" for n in range(100, 140))
    cast.send(probe.first, *[order(n) for n in range(100, 140)])
    cast.until(lambda: runner.halted is not None, runner)
    assert not runner.ready
    assert "5 records in a row could not be decided (last reason: FaultError)" in (runner.halted or "")
    for _ in range(20):  # it stays up and in its group
        runner.step(0.01)
    assert runner.halted is not None
    told = len(letters(cast, probe))
    assert told < 40
    runner.close()

    probe.broken.clear()
    heir = cast.runner(probe, "1")
    cast.until(lambda: heir.ready and decided([heir]) == 48, heir)
    assert len(tallies(heir)) == 48 - told
    assert len(letters(cast, probe)) == told
    after = cast.committed(probe, 0)
    assert after.keys() >= before.keys()


def test_a_share_of_poison_halts_the_stage(cast: Cast, probe: Probe) -> None:
    probe.broken.update(f"order-{n}" for n in range(0, 400, 2))
    cast.send(probe.first, *[order(n) for n in range(400)])
    runner = cast.runner(probe, poison_share=0.1, poison_consecutive=1000)
    cast.until(lambda: runner.halted is not None, runner)
    assert "of the last" in (runner.halted or "")
    assert len(letters(cast, probe)) <= 20


def test_poison_without_an_order_parks_nothing(cast: Cast, probe: Probe) -> None:
    place = key_partition("order-1", 4)
    cast.world.publish(Outgoing(probe.first.name, place, b"order-1", b"?", [("ce_type", b"order.duplicated.v1")]))
    cast.send(probe.first, order(1))
    runner = cast.runner(probe)
    cast.until(lambda: decided([runner]) == 2, runner)
    assert tallies(runner) == {"order-1": 1}
    assert parked(runner) == 1
    (letter,) = letters(cast, probe)
    assert letter["order_id"] is None
    settle(cast, probe, letter, "drop")
    cast.until(lambda: parked(runner) == 0, runner)
    assert runner.partitions[place].inputs[0] == TopicPartition(probe.first.name, place)


def test_strangers_bad_records_count_toward_no_budget(cast: Cast, probe: Probe) -> None:
    seen: list[RawRecord] = []

    def answer(view: View, record: RawRecord, now_ms: int) -> Decision:
        seen.append(record)
        return Decision(emits=(Emit(probe.out, order(record.offset)),))

    probe.stage = Stage(name=probe.name, inputs=(probe.first, probe.second), raw=answer)
    bad = [Outgoing(probe.first.name, 3, b"\xff", b"\x00 no JSON", [("ce_type", b"\xff")]) for _ in range(60)]
    cast.world.publish(*bad)
    runner = cast.runner(probe, poison_consecutive=2, poison_share=0.0)
    cast.until(lambda: decided([runner]) == 60, runner)
    assert runner.ready
    assert {(record.key, record.value) for record in seen} == {(b"\xff", b"\x00 no JSON")}
    assert len(cast.records(probe.out)) == 60
    assert letters(cast, probe) == []
