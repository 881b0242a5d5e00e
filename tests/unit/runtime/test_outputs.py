"""What tells an output from every other, and where a record's type stands."""

from __future__ import annotations

import pytest

from orderwing.kernel.decision import DeadlineCause, Emit, RecordCause, event_ids, letter_id
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.reference import ReferenceTable
from orderwing_schemas.codec import header_map, type_of
from orderwing_schemas.events.intake import OrderDuplicated
from orderwing_schemas.topics import INTAKE_OUTCOMES

CAUSES = (
    RecordCause("orders.placed", 0, 7),
    RecordCause("orders.placed", 0, 71),
    DeadlineCause("Hold:a b", 1_000, 7),
    DeadlineCause("Hold:a b", 1_000, 8),
)


def test_every_output_has_an_id_of_its_own() -> None:
    ids = [one for stage in ("intake", "fraud") for cause in CAUSES for one in event_ids(stage, str(cause), 300)]
    letters = [letter_id(stage, cause) for stage in ("intake", "fraud") for cause in CAUSES]
    assert len({*ids, *letters}) == 2 * len(CAUSES) * 301
    assert {len(one) for one in (*ids, *letters)} == {32}
    assert event_ids("intake", str(CAUSES[0]), 3) == event_ids("intake", str(CAUSES[0]), 300)[:3]


def test_a_decision_tells_its_number_and_its_cause() -> None:
    emits = (
        Emit(INTAKE_OUTCOMES, OrderDuplicated(order_id="A-1")),
        Emit(INTAKE_OUTCOMES, OrderDuplicated(order_id="A-2")),
    )
    first, second = Outputs("intake", "").emits(emits, CAUSES[2], 12, 1_790_000_000_123, ReferenceTable())
    told = [header_map(outgoing.headers) for outgoing in (first, second)]
    assert {headers["decision"] for headers in told} == {"12 Hold:a b@1000#7"}
    assert {headers["ce_time"] for headers in told} == {"2026-09-21T14:13:20.123+00:00"}
    assert [headers["ce_subject"] for headers in told] == ["A-1", "A-2"]
    assert first.headers[-1] == ("ce_type", OrderDuplicated.EVENT_TYPE.encode())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], None),
        ([("ce_type", b"a"), ("ce_id", b"1")], b"a"),
        ([("ce_type", b"a"), ("ce_type", b"b")], b"b"),
        ((("ce_type", b"a"), ("ce_type", None)), b"a"),
        ([("ce_type", None)], None),
    ],
)
def test_the_last_type_counts(headers: list[tuple[str, bytes | None]], expected: bytes | None) -> None:
    assert type_of(headers) == expected
