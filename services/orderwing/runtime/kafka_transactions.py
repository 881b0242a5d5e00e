"""The transactions of a bus on a real Kafka cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from orderwing.kernel.ports import (
    FencedError,
    OutcomeUnknownError,
    Outgoing,
    Position,
    RecordRefusedError,
    TopicPartition,
    TransactionAbortedError,
)

MAX_RECORD_BYTES = 4 << 20  # as topics_admin sets it on our topics
_CALL_S = 10.0
_RECOVERY_S = 40.0  # how long a broker may be away; then the process ends, before its watchdog would end it
_REFUSED = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.RECORD_LIST_TOO_LARGE}


class Transactions:
    """A transactional producer that is replaced where it cannot go on. Its methods raise what `Bus` says."""

    def __init__(self, common: Mapping[str, Any], transactional_id: str, timeout_ms: int) -> None:
        self._producer_config = {
            **common,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": timeout_ms,
            "retry.backoff.ms": 10,  # the default stalls back-to-back transactions by up to 100 ms
            "linger.ms": 5,
            "message.max.bytes": MAX_RECORD_BYTES,
            "queue.buffering.max.messages": 1_000_000,
            "delivery.report.only.error": True,
            "on_delivery": self._undelivered,
            "error_cb": self._heard,
        }
        self._refused: list[RecordRefusedError] = []  # of this transaction
        self._alone: set[_Place] = set()  # what goes in requests of its own, until a commit
        self._cut_off = False
        self._producer = self._new_producer()

    def begin(self) -> None:
        self._refused = []
        self._producer.poll(0)  # serves `_heard`
        if self._cut_off:
            # Measured: a producer that has lost every broker may wait for ever in its next send of offsets.
            self._renew()
        self._guarded(self._producer.begin_transaction)

    def produce(self, outgoing: Outgoing) -> None:
        alone = bool(self._alone) and _place(outgoing) in self._alone
        if alone:
            self._flush(outgoing)
        try:
            self._producer.produce(
                outgoing.topic,
                outgoing.value,
                outgoing.key,
                outgoing.partition,
                headers=outgoing.headers,  # type: ignore[arg-type]  # list is invariant
            )
        except BufferError:
            self._producer.poll(_CALL_S)
            self.produce(outgoing)
        except KafkaException as error:
            if error.args[0].code() in _REFUSED:
                self.abort()
                raise RecordRefusedError(outgoing, error.args[0].name()) from None
            self._raise(error)
        if alone:
            self._flush(outgoing)

    def _flush(self, outgoing: Outgoing) -> None:
        unsent = self._producer.flush(_CALL_S)
        if self._refused:
            self._blame()
        if unsent:
            self.abort()
            raise TransactionAbortedError(f"{outgoing.topic}: not answered within {_CALL_S:g} s")

    def send_offsets(self, positions: Mapping[TopicPartition, Position], group: Any) -> None:
        """`group` is the consumer's metadata of its last assignment."""
        offsets = [KafkaPartition(t, p, position.offset, position.metadata) for (t, p), position in positions.items()]
        self._guarded(lambda: self._producer.send_offsets_to_transaction(offsets, group, _CALL_S))

    def commit(self) -> None:
        self._guarded(lambda: self._producer.commit_transaction(_CALL_S), unknown=True)
        self._alone.clear()

    def abort(self) -> None:
        try:
            self._producer.abort_transaction(_CALL_S)
        except KafkaException as error:
            if error.args[0].fatal():
                raise FencedError(error.args[0].str()) from None
            self._renew()  # the initialisation of the next producer ends whatever is open

    def _guarded(self, call: Callable[[], Any], unknown: bool = False) -> None:
        deadline = time.monotonic() + _CALL_S
        while True:
            try:
                call()
                return
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    self._raise(error, unknown)

    def _raise(self, exception: KafkaException, unknown: bool = False) -> None:
        error = exception.args[0]
        if error.fatal() or error.code() == KafkaError._FENCED:
            raise FencedError(error.str()) from None
        self._producer.poll(0)  # serves `_undelivered`
        if self._refused:
            self._blame()
        if error.txn_requires_abort() or not unknown:
            self.abort()
            if self._refused:  # told meanwhile
                self._blame()
            raise TransactionAbortedError(error.str()) from None
        self._renew()
        raise OutcomeUnknownError(error.str()) from None

    def _blame(self) -> NoReturn:
        """The broker refuses a whole request, for one of its records or for all together.

        Where it is not known which, they go one by one at the next attempt.
        """
        refused, self._refused = self._refused, []
        # After a refusal by the broker the producer's next transactions fail too (its sequence has a gap), and to abort
        # this one takes as long as it may; the next producer does that.
        self._renew()
        if len(refused) == 1:
            raise refused[0] from None
        self._alone |= {_place(one.outgoing) for one in refused}
        raise TransactionAbortedError(str(refused[0])) from None

    def _undelivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() in _REFUSED:
            key, value = _bytes(message.key()), _bytes(message.value())
            outgoing = Outgoing(message.topic() or "", message.partition() or 0, key, value, [])
            self._refused.append(RecordRefusedError(outgoing, error.name()))

    def _new_producer(self) -> Producer:
        producer = Producer(self._producer_config)
        deadline = time.monotonic() + _RECOVERY_S
        while True:
            try:
                producer.init_transactions(_CALL_S)
                return producer
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise FencedError(f"no transactions: {error.args[0].str()}") from None

    def _heard(self, error: KafkaError) -> None:
        self._cut_off |= error.code() == KafkaError._ALL_BROKERS_DOWN

    def _renew(self) -> None:
        self._cut_off = False
        self._producer.purge()
        self._producer = self._new_producer()


_Place = tuple[str, int, bytes | None]


def _place(outgoing: Outgoing) -> _Place:
    return outgoing.topic, outgoing.partition, outgoing.key


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
