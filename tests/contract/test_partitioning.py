"""Our partitions are those of any client that partitions as Kafka's Java client does."""

from __future__ import annotations

import random
import string

from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from orderwing.runtime.partitioning import key_partition, murmur2


def test_librdkafka_puts_each_key_where_we_look_for_it(broker: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    for made in admin.create_topics([NewTopic("partitioning", 7, 1)]).values():
        made.result(120)
    rng = random.Random(7)
    keys = ["".join(rng.choices(string.printable + "éß漢", k=rng.randint(1, 40))) for _ in range(500)]
    found: dict[str, int | None] = {}

    def delivered(error: object, message: Message) -> None:
        key = message.key()
        assert error is None
        assert isinstance(key, bytes)
        found[key.decode()] = message.partition()

    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random", "log_level": 0})
    for key in keys:
        producer.produce("partitioning", b"", key.encode(), on_delivery=delivered)
    assert producer.flush(120) == 0
    assert found == {key: key_partition(key, 7) for key in keys}


def test_the_hash_is_that_of_kafkas_own_tests() -> None:
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    known |= {b"a-little-bit-longer-string": -1486304829, b"abc": 479470107}
    for key, signed in known.items():
        assert murmur2(key) == signed & 0xFFFFFFFF
