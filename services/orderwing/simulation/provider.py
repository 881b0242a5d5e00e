"""The payment provider outside the pipeline, with a book of its own, and the line to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from random import Random

from msgspec.json import encode

from orderwing.gateways.asking import PATHS, Asking
from orderwing.runtime.settings import PaymentSimulator
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.gateway import TIMEOUT_MS, Gateway
from orderwing.simulation.outside import Agenda
from orderwing.simulators.psp_book import Book, Entry
from orderwing.simulators.psp_teller import Reply, Teller
from orderwing_schemas.events.payments import Outcome, PaymentRequested

_MANNERS = PaymentSimulator(latency_ms=0, slow_ms=0, error_times=9, hang_ms=2 * TIMEOUT_MS)
_PURPOSES = {path: purpose.value for purpose, path in PATHS.items()}
Heard = Callable[[int, bytes], None]


class Provider:
    """Gateway and provider as they are, on a line that is slow, loses what is said, or is dead.

    The gateway is killed and taken over: its successor asks again what was not committed, beside one that runs on.
    """

    def __init__(self, cluster: SimulatedCluster, agenda: Agenda, random: Random, faults: Counter[str]) -> None:
        self._cluster = cluster
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._teller = Teller(Book(), _MANNERS, seed=1)
        self._bad_until_ms: dict[str, int] = {}  # by idempotency key
        self._slow_until_ms: dict[str, int] = {}
        self._told: set[tuple[str, Outcome]] = set()
        self._committed: dict[int, int] = {}
        self._gateway = self._started()

    @property
    def book(self) -> list[Entry]:
        return self._teller.book.entries

    def step(self) -> bool:
        """One turn of the gateway's loop; whether it was given anything."""
        if self._gateway.busy and self._random.random() < 0.02:
            if killed := self._random.random() < 0.5:
                self._gateway.kill()
            self._faults["gateway killed" if killed else "gateway taken over"] += 1
            self._gateway = self._started()
        return self._gateway.step()

    def _started(self) -> Gateway:
        return Gateway(self._cluster, self._agenda, self._random, self._committed, self._send, self._reach, self._note)

    def _note(self, key: str, outcome: Outcome) -> None:
        self._faults["provider failed"] += outcome is Outcome.FAILED
        self._faults["provider answered twice"] += (key, outcome) in self._told
        self._told.add((key, outcome))

    # --- the line --------------------------------------------------------------------------------------------------

    def _send(self, request: PaymentRequested, asking: Asking, heard: Heard) -> bool:
        """Whether the provider could be reached. `heard` is called with what comes back, if anything does."""
        if "tok_dead" in (request.payment_token or ""):
            self._faults["provider dead"] += 1
            return False
        chance = self._random.random()
        odds = 1.0 if self._is_bad(request) else 0.02
        if chance < odds / 2:
            self._faults["request lost"] += 1
            return True
        if chance < odds:
            self._faults["answer lost"] += 1
            heard = _nobody
        return self._reach(request, asking, heard)

    def _reach(self, request: PaymentRequested, asking: Asking, heard: Heard) -> bool:
        """On a line that loses nothing."""
        steps = self._teller.serve(_PURPOSES[asking.path], asking.headers["Idempotency-Key"], asking.body)
        self._later(self._delay_ms(request), lambda: self._serve(steps, heard))
        return True

    def _is_bad(self, request: PaymentRequested) -> bool:
        """The line for some requests, for longer than a gateway has patience; often for those that will be declined."""
        key, now_ms = request.idempotency_key, self._cluster.wall_ms
        if key not in self._bad_until_ms:
            odds = 0.6 if "tok_decline" in (request.payment_token or "") else 0.05
            self._bad_until_ms[key] = now_ms + 60_000 if self._random.random() < odds else 0
        return now_ms < self._bad_until_ms[key]

    def _delay_ms(self, request: PaymentRequested) -> int:
        """For a slow one the line is held up for as much as 100 minutes of domain time: holds lapse meanwhile."""
        key, now_ms = request.idempotency_key, self._cluster.wall_ms
        if "tok_slow" in (request.payment_token or ""):
            self._faults["provider slow"] += 1
            until_ms = self._slow_until_ms.setdefault(key, now_ms + self._random.randrange(100_000))
            return max(20, until_ms - now_ms)
        return self._random.randrange(20, 600)

    def _serve(self, steps: Generator[float, None, Reply], heard: Heard) -> None:
        try:
            wait_ms = next(steps)
        except StopIteration as end:
            reply: Reply = end.value
            heard(reply.status, encode(reply.told))
        else:
            self._later(int(wait_ms), lambda: self._serve(steps, heard))

    def _later(self, wait_ms: int, action: Callable[[], None]) -> None:
        self._agenda.at(self._cluster.wall_ms + wait_ms, action)


def _nobody(_status: int, _body: bytes) -> None:
    return
