from __future__ import annotations

from orderwing.runtime.deadlines import Deadline, Deadlines, Probe


def never(deadline: Deadline) -> bool:
    return False


def loaded(*wakes: int) -> Deadlines:
    deadlines = Deadlines()
    for place, wake in enumerate(wakes):
        deadlines.load(f"Bell:{place}", wake, place, None)
    deadlines.loaded()
    return deadlines


def settle(deadlines: Deadlines, at_ms: int) -> None:
    deadlines.probed(Probe(at_ms, at_ms, {}))
    deadlines.progress(lambda topic: None, {})


def test_nothing_is_due_before_it_is_known_what_was_in_the_queues() -> None:
    deadlines = loaded(30, 10, 20)
    assert deadlines.next_wake_ms() == 10
    assert not deadlines.wants_probe(9)
    assert deadlines.wants_probe(15)
    assert deadlines.take_due(10, never) == []
    deadlines.probed(Probe(25, 125, {"in": 7, "other": 0}))
    assert not deadlines.wants_probe(26)
    deadlines.progress(lambda topic: 6, {})
    assert not deadlines.has_due()
    deadlines.progress({"in": 7}.get, {})
    assert [d.wake_at_ms for d in deadlines.take_due(10, never)] == [10, 20]
    assert deadlines.wants_probe(30)


def test_a_record_stamped_later_settles_its_input() -> None:
    deadlines = loaded(10)
    deadlines.probed(Probe(10, 110, {"in": 7}))
    deadlines.progress(lambda topic: None, {"in": 110})
    assert not deadlines.has_due()  # the same millisecond is not later
    deadlines.progress(lambda topic: None, {"in": 111})
    assert deadlines.has_due()


def test_a_moved_or_dropped_deadline_does_not_come_at_its_old_time() -> None:
    deadlines = loaded(10, 20)
    deadlines.set("Bell:0", 40, 7, None)
    deadlines.set("Bell:1", None, 8, None)
    settle(deadlines, 30)
    assert deadlines.take_due(10, never) == []
    settle(deadlines, 40)
    assert deadlines.take_due(10, never) == [Deadline(40, "Bell:0", 7, None)]


def test_what_was_taken_comes_again_unless_it_was_decided() -> None:
    deadlines = loaded(10, 20)
    settle(deadlines, 30)
    due = deadlines.take_due(1, never)
    deadlines.put_back(due)
    assert deadlines.take_due(10, never)[0] == due[0]
    deadlines.set("Bell:0", None, 9, None)
    deadlines.put_back(due)
    assert deadlines.take_due(10, never) == []


def test_those_of_a_parked_order_wait_until_it_is_released() -> None:
    deadlines = Deadlines()
    for place in range(4):
        deadlines.set(f"Bell:{place}", 10, place, f"order-{place % 2}")
    settle(deadlines, 10)
    due = deadlines.take_due(10, lambda deadline: deadline.order_id == "order-1")
    assert {d.order_id for d in due} == {"order-0"}
    assert not deadlines.has_due()
    deadlines.release("order-1")
    assert {d.row for d in deadlines.take_due(10, never)} == {"Bell:1", "Bell:3"}


def test_those_that_have_passed_are_counted_once() -> None:
    deadlines = loaded(*range(100))
    for place in range(50):
        deadlines.set(f"Bell:{place}", 1000 + place, 200 + place, None)
    assert deadlines.passed(99) == 50
    assert deadlines.passed(99, limit=10) == 10
    assert deadlines.passed(5000) == 100


def test_after_a_rewind_the_queues_are_asked_again() -> None:
    deadlines = loaded(10)
    settle(deadlines, 10)
    deadlines.put_back(deadlines.take_due(10, never))
    deadlines.rewound()
    assert not deadlines.has_due()
    assert deadlines.wants_probe(10)
