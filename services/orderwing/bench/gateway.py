"""What asking the payment provider costs: the gateway's client beside its bare HTTP library, in one process.

Kafka is left out. The provider simulator runs in a process of its own at zero latency; only CPU time is told.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from orderwing.bench.report import Sheet
from orderwing.gateways.asking import Asking, Patience
from orderwing.gateways.provider import Provider, address_of, session
from orderwing.runtime.errors import OperatorError
from orderwing_schemas.events.payments import Outcome, PaymentRequested, Purpose

_IN_FLIGHT = 16
_START_S = 60.0
_PATIENCE = Patience(tries=1)
Ask = Callable[[PaymentRequested], Awaitable[None]]


def measure(requests: int, rounds: int) -> Sheet:
    """`requests` of each way a round; the ways take turns, and medians over rounds are told. Raises OperatorError."""
    with tempfile.TemporaryDirectory() as directory, _provider(Path(directory)) as process:
        costs, provider_us = asyncio.run(_rounds(Path(directory), process, requests, rounds))
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


async def _rounds(
    run_dir: Path, process: psutil.Process, requests: int, rounds: int
) -> tuple[dict[str, list[float]], float]:
    address = address_of("http://127.0.0.1:0", run_dir)
    async with session(_PATIENCE, _IN_FLIGHT) as calls:
        provider = Provider(calls, address, _PATIENCE)

        async def ask(request: PaymentRequested) -> None:
            answer = await provider.ask(request)
            if answer.outcome is not Outcome.APPROVED:
                raise OperatorError(f"The provider simulator did not approve: {answer.reason}.")

        async def post(request: PaymentRequested) -> None:
            asking = Asking(request, _PATIENCE)
            async with calls.post(address() + asking.path, data=asking.body, headers=asking.headers) as response:
                await response.read()

        ways: dict[str, Ask] = {"the gateway's client": ask, "its HTTP library alone": post}
        costs: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):  # the first opens connections
            for name, way in ways.items():
                cost = await _round(way, f"{number}-{len(name)}", requests)
                if number:
                    costs[name].append(cost)
            if number == 0:
                before_s = sum(process.cpu_times()[:2])
        spent_s = sum(process.cpu_times()[:2]) - before_s
    return costs, spent_s * 1e6 / (rounds * requests * len(ways))


async def _round(way: Ask, name: str, requests: int) -> float:
    """CPU microseconds a request."""
    waiting = iter([_request(f"B{name}-{n}") for n in range(requests)])

    async def work() -> None:
        for request in waiting:
            await way(request)

    began_s = time.process_time()
    await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
    return (time.process_time() - began_s) * 1e6 / requests


def _request(order_id: str) -> PaymentRequested:
    return PaymentRequested(
        order_id=order_id,
        purpose=Purpose.AUTHORISE,
        idempotency_key=f"{order_id}:authorise:1",
        amount_minor=2_500,
        currency="GBP",
        payment_token="tok_ok",
    )
