"""What the client's errors mean to a stage."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError

from orderwing.kernel.ports import BusError, FencedError
from orderwing.runtime.kafka_records import records_of


@dataclass(frozen=True)
class Told:
    """A message that brings an error."""

    told: KafkaError

    def error(self) -> KafkaError:
        return self.told

    def topic(self) -> str:
        return "orders.placed"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return -1001


def test_a_client_that_lost_its_place_is_replaced() -> None:
    error = KafkaError(KafkaError._AUTO_OFFSET_RESET, "update: Success (broker -1)")
    with pytest.raises(FencedError, match=r"^orders\.placed: the client has lost its place"):
        records_of([Told(error)], {})


@pytest.mark.parametrize("code", [KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE])
def test_records_that_the_log_has_lost_are_told(code: int) -> None:
    error = KafkaError(code, "fetch failed due to requested offset not available: Broker: Offset out of range")
    with pytest.raises(BusError, match=r"^Topic orders\.placed has lost records .*out of range\): restore the topic"):
        records_of([Told(error)], {})


def test_a_missing_topic_is_told() -> None:
    with pytest.raises(BusError, match=r"orders\.placed is missing: run `orderwing topics apply`"):
        records_of([Told(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))], {})
