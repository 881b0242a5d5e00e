"""What asking the payment provider costs: the gateway's client beside its bare HTTP library, in one process.

Kafka is left out. The provider simulator runs in a process of its own at zero latency; only CPU time is told.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import psutil
import pycurl

from orderwing.bench.report import Sheet
from orderwing.gateways.asking import Asking, Patience
from orderwing.gateways.provider import Provider, address_of
from orderwing.runtime.errors import OperatorError
from orderwing_schemas.events.payments import Outcome, PaymentRequested, Purpose

_IN_FLIGHT = 16
_START_S = 60.0
_PATIENCE = Patience(tries=1)
Ask = Callable[[Callable[[], str], Iterator[PaymentRequested]], None]


def measure(requests: int, rounds: int) -> Sheet:
    """`requests` of each way a round; the ways take turns, and medians over rounds are told. Raises OperatorError."""
    with tempfile.TemporaryDirectory() as directory, _provider(Path(directory)) as process:
        costs, provider_us = _rounds(Path(directory), process, requests, rounds)
    first = costs["the gateway's client"]
    rows = [
        (name, f"{median(times):,.0f}", f"{median(t / f for t, f in zip(times, first, strict=True)):.2f}")
        for name, times in costs.items()
    ]
    rows.append(("the provider simulator, of a request", f"{provider_us:,.0f}", ""))
    return Sheet(f"CPU of a payment request, {_IN_FLIGHT} in flight", ("", "µs", "ratio"), rows)


@contextmanager
def _provider(run_dir: Path) -> Iterator[psutil.Process]:
    told = {
        "ORDERWING_PSP_LATENCY_MS": "0",
        "ORDERWING_RUN_DIR": str(run_dir),
        "ORDERWING_PSP_URL": "http://127.0.0.1:0",
    }
    command = [sys.executable, "-m", "orderwing.commands.service", "psp"]
    with subprocess.Popen(
        command, env=os.environ | told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            end_s = time.monotonic() + _START_S
            while not (run_dir / "psp.api.json").exists():
                if process.poll() is not None or time.monotonic() > end_s:
                    raise OperatorError(
                        "The provider simulator does not start: run `orderwing service psp` to see why."
                    )
                time.sleep(0.05)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _rounds(run_dir: Path, process: psutil.Process, requests: int, rounds: int) -> tuple[dict[str, list[float]], float]:
    address = address_of("http://127.0.0.1:0", run_dir)
    ways: dict[str, Ask] = {"the gateway's client": _ask, "its HTTP library alone": _post}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):  # the first warms the provider
        for name, way in ways.items():
            asked = [_request(f"B{number}-{len(name)}-{n}") for n in range(requests)]
            began_s = time.process_time()
            way(address, iter(asked))
            if number:
                costs[name].append((time.process_time() - began_s) * 1e6 / requests)
        if number == 0:
            before_s = sum(process.cpu_times()[:2])
    spent_s = sum(process.cpu_times()[:2]) - before_s
    return costs, spent_s * 1e6 / (rounds * requests * len(ways))


def _ask(address: Callable[[], str], requests: Iterator[PaymentRequested]) -> None:
    with Provider[None](address, _PATIENCE, _IN_FLIGHT) as provider:
        while True:
            for request in islice(requests, _IN_FLIGHT - len(provider)):
                provider.ask(request, None)
            if not len(provider):
                return
            for _, answer in provider.answers(1.0):
                if answer.outcome is not Outcome.APPROVED:
                    raise OperatorError(f"The provider simulator did not approve: {answer.reason}.")


def _post(address: Callable[[], str], requests: Iterator[PaymentRequested]) -> None:
    multi = pycurl.CurlMulti()
    idle = [pycurl.Curl() for _ in range(_IN_FLIGHT)]
    while True:
        for request in islice(requests, len(idle)):
            asking = Asking(request, _PATIENCE)
            curl = idle.pop()
            curl.setopt(pycurl.URL, address() + asking.path)
            curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in asking.headers.items()])
            curl.setopt(pycurl.POSTFIELDS, asking.body)
            curl.setopt(pycurl.WRITEFUNCTION, len)
            multi.add_handle(curl)
        if len(idle) == _IN_FLIGHT:
            return
        multi.perform()
        _, good, bad = multi.info_read()
        if bad:
            raise OperatorError(f"The provider simulator did not answer: {bad[0][2]}.")
        for curl in good:
            multi.remove_handle(curl)
            idle.append(curl)
        if not good:
            multi.select(1.0)


def _request(order_id: str) -> PaymentRequested:
    return PaymentRequested(
        order_id=order_id,
        purpose=Purpose.AUTHORISE,
        idempotency_key=f"{order_id}:authorise:1",
        amount_minor=2_500,
        currency="GBP",
        payment_token="tok_ok",
    )
