"""The payment gateway in simulated time: its asking and its account of offsets are the real ones, its loop is not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from random import Random

from orderwing.gateways.asking import Asking, Patience
from orderwing.gateways.envelope import answer_headers
from orderwing.gateways.offsets import OpenOffsets
from orderwing.kernel.ports import Outgoing, Record, TopicPartition
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.runtime.trace_context import origin
from orderwing.simulation.outside import Agenda, event_of
from orderwing_schemas.codec import encode
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested
from orderwing_schemas.topics import PAYMENTS_ANSWERED, PAYMENTS_REQUESTED

TIMEOUT_MS = 5_000
PATIENCE = Patience(tries=8, timeout_s=TIMEOUT_MS / 1000)
_COMMIT_EVERY_MS = 1_000
# Reaches the provider or not; what it says, if anything, is passed on with its status and body.
Send = Callable[[PaymentRequested, Asking, Callable[[int, bytes], None]], bool]
Note = Callable[[str, Outcome], None]


class Gateway:
    """One instance, from the positions in `committed` on. Until the next one is started it commits to them."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        agenda: Agenda,
        random: Random,
        committed: dict[int, int],
        send: Send,
        reach: Send,
        note: Note,
    ) -> None:
        self._cluster = cluster
        self._agenda = agenda
        self._random = random
        self._committed = committed
        self._send = send
        self._reach = reach
        self._note = note
        self._next = {number: committed.get(number, 0) for number in range(PAYMENTS_REQUESTED.partitions)}
        self._open: dict[int, OpenOffsets] = defaultdict(OpenOffsets)
        self._under_way = 0
        self._commit_at_ms = 0
        self._seen = -1
        self._dead = False

    @property
    def busy(self) -> bool:
        return self._under_way > 0

    def kill(self) -> None:
        """What is under way is forgotten."""
        self._dead = True

    def step(self) -> bool:
        """Begin what has come; whether anything has."""
        if self._cluster.wall_ms >= self._commit_at_ms:
            self._commit_at_ms = self._cluster.wall_ms + _COMMIT_EVERY_MS
            reached = {number: offsets.position() for number, offsets in self._open.items()}
            self._committed.update({number: at for number, at in reached.items() if at is not None})
        if self._seen == self._cluster.changes:
            return False
        self._seen = self._cluster.changes
        busy = False
        for number, begin in self._next.items():
            log = self._cluster.logs[TopicPartition(PAYMENTS_REQUESTED.name, number)]
            if (end := log.last_stable_offset) > begin:
                self._next[number] = end
                for record in log.committed(begin, end):
                    self._begin(record)
                    busy = True
        return busy

    def _begin(self, record: Record) -> None:
        request = event_of(record)
        assert isinstance(request, PaymentRequested)
        told = origin(record.headers)
        trace = [] if told.context is None else told.context.headers()
        offsets = self._open[record.partition]
        offsets.start(record.offset)
        self._under_way += 1
        asking = Asking(request, PATIENCE, trace)

        def done(answer: PaymentAnswered) -> None:
            self._tell(answer, trace)
            offsets.finish(record.offset)
            self._under_way -= 1
            if answer.outcome is Outcome.FAILED and self._random.random() < 0.6:
                self._later(self._random.randrange(50, 1_500), lambda: self._twin(request, trace))

        self._try(request, asking, done)

    def _try(self, request: PaymentRequested, asking: Asking, done: Callable[[PaymentAnswered], None]) -> None:
        if self._dead:
            return
        number = asking.tried

        def heard(status: int, body: bytes) -> None:
            if not self._dead and asking.tried == number:  # else it comes too late
                went_on(asking.heard(status, body))

        def timed_out() -> None:
            if not self._dead and asking.tried == number:
                went_on(asking.missed("timeout"))

        def went_on(answer: PaymentAnswered | None) -> None:
            if answer is not None:
                done(answer)
            else:
                pause_ms = int(1000 * asking.pause_s(self._random.random()))
                self._later(pause_ms, lambda: self._try(request, asking, done))

        if self._send(request, asking, heard):
            self._later(TIMEOUT_MS, timed_out)
        else:
            went_on(asking.missed("unreachable"))

    def _twin(self, request: PaymentRequested, trace: list[tuple[str, bytes]]) -> None:
        """Another instance, taken over meanwhile, was asking too, and its last try gets through."""
        asking = Asking(request, Patience(tries=1), trace)

        def heard(status: int, body: bytes) -> None:
            answer = asking.heard(status, body)
            assert answer is not None  # it has but one try
            self._tell(answer, trace)

        self._reach(request, asking, heard)

    def _tell(self, answer: PaymentAnswered, trace: list[tuple[str, bytes]]) -> None:
        self._note(answer.idempotency_key, answer.outcome)
        partition = key_partition(answer.order_id, PAYMENTS_ANSWERED.partitions)
        key, headers = answer.order_id.encode(), answer_headers(answer, trace)
        self._cluster.publish(Outgoing(PAYMENTS_ANSWERED.name, partition, key, encode(answer), headers))

    def _later(self, wait_ms: int, action: Callable[[], None]) -> None:
        self._agenda.at(self._cluster.wall_ms + wait_ms, action)
