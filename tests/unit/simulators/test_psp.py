"""The provider's manners and its book."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient

from orderwing.runtime.settings import PaymentSimulator
from orderwing.simulators.psp import PaymentProvider
from orderwing.simulators.psp_book import Book

PROMPT = PaymentSimulator(latency_ms=0, slow_ms=0, hang_ms=0)
Call = Callable[..., Awaitable[tuple[int, dict[str, object]]]]


def with_provider(
    tmp_path: Path, scene: Callable[[Call, Book], Awaitable[None]], manners: PaymentSimulator = PROMPT
) -> None:
    async def play() -> None:
        with Book(tmp_path / "psp.ledger.jsonl") as book:
            server = RawTestServer(PaymentProvider(book, manners, seed=1).answer)
            client: TestClient[web.BaseRequest, None] = TestClient(server)
            async with client:

                async def call(path: str, key: str, **told: object) -> tuple[int, dict[str, object]]:
                    body = {"order_id": "A-1", "amount_minor": 100, "currency": "GBP", **told}
                    async with client.post(f"/v1/{path}", json=body, headers={"Idempotency-Key": key}) as response:
                        return response.status, await response.json()

                await scene(call, book)

    asyncio.run(play())


def test_the_same_key_has_the_same_answer_and_one_entry(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        first = await call("authorisations", "k", token="tok_ok")
        assert first[0] == 200
        assert await call("authorisations", "k", token="tok_ok") == first
        assert len(book.entries) == 1

    with_provider(tmp_path, scene)


def test_a_key_used_for_something_else_is_flagged(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        first = await call("authorisations", "k", token="tok_ok")
        assert await call("authorisations", "k", token="tok_ok", amount_minor=1) == first
        assert book.entries[-1]["flags"] == ["key_reused"]

    with_provider(tmp_path, scene)


def test_it_declines_and_keeps_to_it(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        status, told = await call("authorisations", "k", token="tok_decline")
        assert (status, told["reason"]) == (402, "insufficient_funds")
        assert (await call("authorisations", "k", token="tok_decline"))[0] == 402

    with_provider(tmp_path, scene)


def test_errors_come_first_and_end(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        assert [(await call("authorisations", "k", token="tok_error"))[0] for _ in range(4)] == [500, 500, 200, 200]
        assert len(book.entries) == 1

    with_provider(tmp_path, scene)


def test_some_failures_lose_an_answer_that_is_booked(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        for n in range(50):
            while (await call("authorisations", f"k{n}", token="tok_ok"))[0] != 200:
                lost.append(book.find(f"k{n}") is not None)
        assert len(book.entries) == 50

    lost: list[bool] = []
    with_provider(tmp_path, scene, PaymentSimulator(latency_ms=0, failure_rate=0.5))
    assert set(lost) == {True, False}


def test_wrong_requests_are_obeyed_and_flagged(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        _, held = await call("authorisations", "a", token="tok_ok")
        auth = held["reference"]
        assert (await call("captures", "c1", authorisation=auth, amount_minor=60))[0] == 200
        assert (await call("captures", "c2", authorisation=auth, amount_minor=60))[0] == 200
        await call("captures", "c3", authorisation="auth-99")
        await call("authorisations", "b", token="tok_ok")
        await call("voids", "v", authorisation="b")
        await call("captures", "c4", authorisation=book.find("b")["reference"])  # type: ignore[index]
        flags = {e["idempotency_key"]: e["flags"] for e in book.entries if e["purpose"] == "capture"}
        assert flags == {
            "c1": [],
            "c2": ["over_capture"],
            "c3": ["unknown_authorisation"],
            "c4": ["captured_after_void"],
        }

    with_provider(tmp_path, scene)


def test_a_void_gives_back_what_is_left(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        _, held = await call("authorisations", "a", token="tok_ok")
        await call("captures", "c", authorisation=held["reference"], amount_minor=60)
        _, void = await call("voids", "v", authorisation=held["reference"], amount_minor=40)
        assert void["amount_minor"] == 40

    with_provider(tmp_path, scene)


def test_a_void_of_a_key_that_never_came_declines_it_from_then_on(tmp_path: Path) -> None:
    async def scene(call: Call, book: Book) -> None:
        assert (await call("voids", "v", authorisation="late"))[1]["amount_minor"] == 0
        status, told = await call("authorisations", "late", token="tok_ok")
        assert (status, told["reason"]) == (402, "voided_before")
        assert (book.entries[0]["purpose"], book.entries[0]["flags"]) == ("void", [])
        await call("voids", "w", authorisation="auth-99")
        assert book.entries[-1]["flags"] == ["unknown_authorisation"]

    with_provider(tmp_path, scene)


@pytest.mark.parametrize(
    "wrong", [{"amount_minor": -1}, {"currency": "pounds"}, {"order_id": ""}, {"amount_minor": "1"}]
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    async def scene(call: Call, book: Book) -> None:
        assert (await call("authorisations", "k", token="tok_ok", **wrong))[0] == 422
        assert (await call("authorisations", "", token="tok_ok"))[0] == 422
        assert (await call("captures", "k"))[0] == 422
        assert not book.entries

    with_provider(tmp_path, scene)


def test_the_book_survives_and_drops_a_line_cut_short(tmp_path: Path) -> None:
    answers: list[object] = []

    async def before(call: Call, book: Book) -> None:
        answers.append(await call("authorisations", "a", token="tok_ok"))
        answers.append(await call("captures", "c", authorisation="auth-1", amount_minor=60))

    async def after(call: Call, book: Book) -> None:
        assert await call("authorisations", "a", token="tok_ok") == answers[0]
        assert await call("captures", "c", authorisation="auth-1", amount_minor=60) == answers[1]
        assert (await call("voids", "v", authorisation="auth-1"))[1]["amount_minor"] == 40

    with_provider(tmp_path, before)
    file = tmp_path / "psp.ledger.jsonl"
    with file.open("a") as book:
        book.write('{"sequence":3,"purp')
    with_provider(tmp_path, after)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [entry["sequence"] for entry in lines] == [1, 2, 3]
