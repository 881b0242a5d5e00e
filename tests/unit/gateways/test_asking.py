"""One request's tries, without a network."""

from __future__ import annotations

import json

import pytest

from orderwing.gateways.asking import PATHS, Asking, Patience
from orderwing_schemas.events.payments import Outcome, PaymentRequested, Purpose

CAPTURE = PaymentRequested(
    order_id="O-1",
    purpose=Purpose.CAPTURE,
    idempotency_key="O-1:capture:S-1",
    amount_minor=500,
    currency="GBP",
    authorisation="auth-7",
)


def test_what_is_sent_is_the_same_at_each_try() -> None:
    asking = Asking(CAPTURE, Patience(), [("traceparent", b"00-1-2-01")])
    sent = (asking.path, dict(asking.headers), asking.body)
    assert asking.missed("timeout") is None
    assert (asking.path, asking.headers, asking.body) == sent
    assert sent[0] == "/v1/captures"
    assert sent[1]["Idempotency-Key"] == "O-1:capture:S-1"
    assert sent[1]["traceparent"] == "00-1-2-01"
    assert json.loads(sent[2]) == {
        "order_id": "O-1", "amount_minor": 500, "currency": "GBP", "authorisation": "auth-7",
    }  # fmt: skip
    assert set(PATHS.values()) == {"/v1/authorisations", "/v1/captures", "/v1/voids"}


def test_tries_are_counted_until_an_answer() -> None:
    asking = Asking(CAPTURE, Patience(tries=4))
    assert asking.missed("unreachable") is None
    assert asking.heard(503, b"<html>") is None
    answer = asking.heard(200, b'{"amount_minor": 500, "reference": "cap-1"}')
    assert answer is not None
    assert (answer.outcome, answer.attempts, answer.reference) == (Outcome.APPROVED, 3, "cap-1")


def test_patience_ends_with_the_last_reason() -> None:
    asking = Asking(CAPTURE, Patience(tries=3))
    told = [asking.missed("timeout"), asking.heard(500, b""), asking.heard(200, b"[]")]
    assert told[:2] == [None, None]
    assert told[2] is not None
    assert (told[2].outcome, told[2].reason, told[2].attempts) == (Outcome.FAILED, "not_understood", 3)


@pytest.mark.parametrize("purpose", [Purpose.CAPTURE, Purpose.VOID])
@pytest.mark.parametrize("reference", ["90071", '"' + "r" * 300 + '"', "null"])
def test_what_nobody_will_name_is_booked_whatever_its_reference(purpose: Purpose, reference: str) -> None:
    asking = Asking(CAPTURE.model_copy(update={"purpose": purpose}), Patience())
    answer = asking.heard(200, b'{"amount_minor": 500, "reference": %s}' % reference.encode())
    assert answer is not None
    assert (answer.outcome, answer.amount_minor) == (Outcome.APPROVED, 500)


def test_an_answer_may_say_that_it_declines() -> None:
    answer = Asking(CAPTURE, Patience()).heard(200, b'{"outcome": "declined", "reason": "expired"}')
    assert answer is not None
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.DECLINED, "expired", 1)


@pytest.mark.parametrize("status", [300, 304, 308])
def test_a_redirect_ends_it_at_once(status: int) -> None:
    answer = Asking(CAPTURE, Patience()).heard(status, b"")
    assert answer is not None
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.FAILED, "redirected", 1)


@pytest.mark.parametrize("key", ["", " ", "k ", "k\u00e9", "k\r\nX: y", "k\n", "k\0", "\x7f"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    answer = Asking(CAPTURE.model_copy(update={"idempotency_key": key}), Patience()).refused()
    assert answer is not None
    assert (answer.outcome, answer.reason, answer.idempotency_key) == (Outcome.FAILED, "bad_key", key)


def test_other_keys_are_not() -> None:
    for key in ("k", "O-1:capture:S-1", "a b"):
        assert Asking(CAPTURE.model_copy(update={"idempotency_key": key}), Patience()).refused() is None


def test_of_a_trace_only_what_a_header_carries_is_told() -> None:
    trace = [("traceparent", b"00-1-2-01"), ("tracestate", "a=\u00e9".encode())]
    assert list(Asking(CAPTURE, Patience(), trace).headers) == ["Idempotency-Key", "Content-Type", "traceparent"]


def test_pauses_double_up_to_the_longest() -> None:
    patience = Patience(first_pause_s=0.1, longest_pause_s=1.0)
    assert [patience.pause_s(tried, 1.0) for tried in (1, 2, 3, 4, 5, 2_000)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert patience.pause_s(5, 0.0) == 0.5
