"""What the gateway makes of a provider's answers, well-behaved or not."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from orderwing.gateways.asking import ANSWER_BYTES, NOT_TAKEN, Patience, Trace
from orderwing.gateways.provider import Provider, address_of
from orderwing_schemas.codec import encode
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose

REQUEST = PaymentRequested(
    order_id="O-1",
    purpose=Purpose.AUTHORISE,
    idempotency_key="O-1:authorise:1",
    amount_minor=500,
    currency="GBP",
    payment_token="tok_ok",
)
TWICE = Patience(tries=2, first_pause_s=0.001)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextmanager
def provider_at(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a provider that answers by `handler`, in a thread of its own."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    addresses: list[str] = []

    async def serve(ended: asyncio.Event) -> None:
        app = web.Application()
        app.router.add_post("/v1/authorisations", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            addresses.append(f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}")
            started.set()
            await ended.wait()
        finally:
            started.set()
            await runner.cleanup()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(ended),))
    thread.start()
    try:
        started.wait()
        yield addresses[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def answer_of(url: str, patience: Patience = TWICE, trace: Trace = ()) -> PaymentAnswered:
    with Provider[str](lambda: url, patience, at_once=1) as provider:
        provider.ask(REQUEST, "mine", trace)
        while not (answers := provider.answers(1.0)):
            assert len(provider) == 1
        assert len(provider) == 0
    [(about, answer)] = answers
    assert about == "mine"
    return answer


def asked(handler: Handler, patience: Patience = TWICE, trace: Trace = ()) -> PaymentAnswered:
    """The answer to REQUEST of a provider that answers by `handler`."""
    with provider_at(handler) as url:
        return answer_of(url, patience, trace)


def saying(body: bytes, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status)

    return handler


def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"amount_minor": 50', b'0, "refer', b'ence": "auth-1"}'):
            await response.write(piece)
            for _ in range(20):  # the client has its turns before the next piece comes
                await asyncio.sleep(0)
        await response.write_eof()
        return response

    answer = asked(handler)
    assert (answer.outcome, answer.amount_minor, answer.reference, answer.attempts) == (
        Outcome.APPROVED, 500, "auth-1", 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'{"amount_minor": "500"}', b'{"amount_minor": -1}', b'{"amount_minor": 1e3}',
        b'{"amount_minor": 500, "reference": 7}', b'{"amount_minor": 500, "reference": "' + b"r" * 201 + b'"}',
        b'{"amount_minor": 500, "outcome": "pending"}', b'{"amount_minor": 9999999999999}',
        b'{"amount_minor": 500, "reference": "\\ud800"}', b"[" * 30_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_as_failed(body: bytes) -> None:
    answer = asked(saying(body))
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.FAILED, "not_understood", 2)


def test_a_decline_needs_no_reason() -> None:
    answer = asked(saying(b"{}", status=402))
    assert (answer.outcome, answer.reason) == (Outcome.DECLINED, "http_402")


def test_only_so_much_of_an_answer_is_read() -> None:
    """And what is beyond does not keep the next try from being heard."""
    bodies = [b'{"amount_minor": 500, "x": "' + b"x" * 50 * ANSWER_BYTES + b'"}', b'{"amount_minor": 500}']

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bodies.pop(0))

    answer = asked(handler)
    assert (answer.outcome, answer.attempts) == (Outcome.APPROVED, 2)


def test_a_provider_that_never_ends_its_answer_is_not_waited_for() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:  # until the other end hangs up
            await response.write(b" ")
            await asyncio.sleep(0.01)

    answer = asked(handler, Patience(tries=2, timeout_s=0.2, first_pause_s=0.001))
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.FAILED, "timeout", 2)


def test_a_provider_that_hangs_up_is_asked_again() -> None:
    calls = []

    async def handler(request: web.Request) -> web.StreamResponse:
        calls.append(request.headers["Idempotency-Key"])
        if len(calls) < 3:
            assert request.transport is not None
            request.transport.close()
        return web.Response(body=b'{"amount_minor": 500}')

    answer = asked(handler, Patience(tries=5, first_pause_s=0.001))
    assert answer.outcome is Outcome.APPROVED
    assert calls == [REQUEST.idempotency_key] * 3


def test_the_provider_gets_what_is_asked_and_nothing_of_the_client() -> None:
    told: list[tuple[dict[str, str], object]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        told.append((dict(request.headers), await request.json()))
        return web.Response(body=b'{"amount_minor": 500}')

    asked(handler, trace=[("traceparent", b"00-1-2-01"), ("tracestate", b"a=1\r\nIdempotency-Key: other")])
    [(headers, body)] = told
    assert body == {"order_id": "O-1", "amount_minor": 500, "currency": "GBP", "token": "tok_ok"}
    assert headers.pop("Host").startswith("127.0.0.1:")
    assert int(headers.pop("Content-Length")) > 0
    assert headers == {
        "Idempotency-Key": "O-1:authorise:1", "Content-Type": "application/json", "traceparent": "00-1-2-01",
    }  # fmt: skip


def test_many_are_asked_at_once_and_each_gets_its_own_answer() -> None:
    waiting: list[asyncio.Event] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        """Nobody is answered before all have asked, and the last is first."""
        mine = asyncio.Event()
        waiting.append(mine)
        if len(waiting) == 20:
            waiting.pop().set()
        await mine.wait()
        if waiting:
            waiting.pop().set()
        return web.json_response({"amount_minor": (await request.json())["amount_minor"]})

    with provider_at(handler) as url, Provider[int](lambda: url, Patience(tries=1), at_once=20) as provider:
        for n in range(20):
            provider.ask(REQUEST.model_copy(update={"amount_minor": n}), n)
        answers: list[tuple[int, PaymentAnswered]] = []
        while len(provider):
            answers += provider.answers(1.0)
    assert sorted((n, answer.amount_minor) for n, answer in answers) == [(n, n) for n in range(20)]


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    certificate, key = directory / "provider.pem", directory / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(["openssl", "req", "-x509", *curve, *subject, *files], check=True, capture_output=True)
    return certificate, key


def test_a_provider_behind_tls_is_asked_if_the_system_trusts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    with provider_at(saying(b'{"amount_minor": 500}'), tls) as url:
        with capture_logs() as logs:
            assert answer_of(url).reason == "tls"
        [line] = logs  # of two tries
        assert "SSL_CERT_FILE" in line["event"]
        assert "certificate" in line["detail"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert answer_of(url).outcome is Outcome.APPROVED


def test_tls_with_a_provider_that_knows_none_is_told() -> None:
    with provider_at(saying(b"{}")) as url, capture_logs() as logs:
        answer = answer_of(url.replace("http:", "https:"))
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.FAILED, "tls", 2)
    [line] = logs
    assert "scheme" in line["event"]


def test_a_redirect_is_told_at_once_and_not_followed() -> None:
    calls = []

    async def handler(request: web.Request) -> web.StreamResponse:
        calls.append(request.path)
        raise web.HTTPPermanentRedirect(f"https://ada@other.example:8443{request.path}?card=1")

    with (
        provider_at(handler) as url,
        Provider[int](lambda: url, Patience(), at_once=2) as provider,
        capture_logs() as logs,
    ):
        for n in range(2):
            provider.ask(REQUEST, n)
        answers: list[tuple[int, PaymentAnswered]] = []
        while len(provider):
            answers += provider.answers(1.0)
    assert {(answer.outcome, answer.reason, answer.attempts) for _, answer in answers} == {
        (Outcome.FAILED, "redirected", 1)
    }
    assert len(calls) == 2
    [line] = logs
    assert "set ORDERWING_PSP_URL" in line["event"]
    assert line["detail"] == "https://other.example:8443"


@pytest.mark.parametrize("status", NOT_TAKEN)
def test_a_provider_that_takes_no_request_is_told_once(status: int) -> None:
    with capture_logs() as logs:
        answer = asked(saying(b"{}", status=status))
    assert (answer.outcome, answer.reason, answer.attempts) == (Outcome.FAILED, f"http_{status}", 2)
    [line] = logs
    assert "ORDERWING_PSP_URL" in line["event"]
    assert line["detail"] == f"http_{status}"


@pytest.mark.parametrize("key", ["", "k\u00e9", "k\r\nX-More: y"])
def test_a_stranger_s_key_is_not_sent_and_others_are_answered(key: str) -> None:
    keys = []

    async def handler(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers.get("Idempotency-Key"))
        return web.json_response({"amount_minor": 500})

    with provider_at(handler) as url, Provider[str](lambda: url, TWICE, at_once=2) as provider:
        provider.ask(REQUEST.model_copy(update={"idempotency_key": key}), "strange")
        provider.ask(REQUEST, "ours")
        answers: dict[str, PaymentAnswered] = {}
        while len(provider):
            answers |= dict(provider.answers(1.0))
    assert (answers["strange"].outcome, answers["strange"].reason) == (Outcome.FAILED, "bad_key")
    assert answers["ours"].outcome is Outcome.APPROVED
    assert keys == [REQUEST.idempotency_key]


@pytest.mark.parametrize("announced", ["[]", "null", "{}", '{"url": null}', '{"url": "http://m\u00fcller:1"}', "{"])
def test_an_announcement_that_is_none_is_waited_for(announced: str, tmp_path: Path) -> None:
    address = address_of("http://127.0.0.1:0", tmp_path)
    file = tmp_path / "psp.api.json"
    file.write_text(announced, "utf-8")
    with pytest.raises(ConnectionError):
        address()
    file.write_text('{"url": "http://127.0.0.1:1"}', "utf-8")
    os.utime(file, ns=(1, 1))  # however coarse the file system's clock is
    assert address() == "http://127.0.0.1:1"


ENDLESS_LOOKUP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
    while (host && strstr(host, "endless")) pause();
    return ((lookup *)dlsym(RTLD_NEXT, "getaddrinfo"))(host, port, hints, found);
}
"""
ASK_ENDLESS = f"""
from orderwing.gateways.asking import Patience
from orderwing.gateways.provider import Provider
from orderwing_schemas.codec import decode
request = decode({encode(REQUEST)!r}, {REQUEST.EVENT_TYPE!r})
with Provider(lambda: "http://endless.example:1", Patience(tries=1, timeout_s=0.05), at_once=1) as provider:
    provider.ask(request, None)
    while not (answers := provider.answers(1.0)):
        pass
print(answers[0][1].reason)
"""


def compiled(directory: Path) -> Path:
    """The resolver, for Linux's loader."""
    made, source = directory / "endless.so", directory / "endless.c"
    source.write_text(ENDLESS_LOOKUP)
    command = ["cc", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"]
    if sys.platform != "linux" or shutil.which("cc") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no C compiler for Linux")
    return made


def test_a_name_that_is_looked_up_for_ever_does_not_keep_the_process_from_its_end(tmp_path: Path) -> None:
    preloaded = os.environ | {"LD_PRELOAD": str(compiled(tmp_path))}
    ended = subprocess.run(
        [sys.executable, "-c", ASK_ENDLESS], env=preloaded, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "timeout\n"), ended.stderr
