"""The orders that every peer gets: the generator's baskets, repeated under ids and customers of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from random import Random

from confluent_kafka import Producer

from orderwing.shop.baskets import Shopper
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.feed import cloud_event_headers, moment
from orderwing_schemas.codec import encode
from orderwing_schemas.events.public import OrderPlaced

_BASKETS = 1_000
_START_MS = 1_790_000_000_000
_ORDER, _CUSTOMER = "order-placeholder", "customer-placeholder"
Order = tuple[str, bytes, bytes]  # its id, the customer's as the key, its value


class Orders:
    """Baskets are drawn once; `placed` names them anew."""

    def __init__(self, customers: int) -> None:
        shopper = Shopper(demo_catalogue(), Random("peers"), _BASKETS, run="peers")
        self._customers = customers
        self._baskets = [
            encode(
                shopper.order(number, moment(_START_MS)).model_copy(
                    update={"order_id": _ORDER, "customer_id": _CUSTOMER, "payment_token": "tok_ok"}
                )
            )
            for number in range(1, _BASKETS + 1)
        ]

    def placed(self, prefix: str, many: int | None = None) -> Iterator[Order]:
        """`many` orders, or without end; every customer in turn."""
        number = 0
        while many is None or number < many:
            order_id, customer = f"{prefix}-{number}", b"c%d" % (number % self._customers)
            value = self._baskets[number % _BASKETS].replace(_ORDER.encode(), order_id.encode(), 1)
            yield order_id, customer, value.replace(_CUSTOMER.encode(), customer, 1)
            number += 1


class Shop:
    """Sends orders to `topic`; `sent` were."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.sent = 0
        self._topic = topic
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "log_level": 0,
            }
        )

    def send(self, orders: Iterable[Order]) -> None:
        """As fast as the broker takes them."""
        for order in orders:
            self._send(order)
        self._producer.flush(60.0)

    def pace(self, orders: Iterable[Order], rate: float, stop: threading.Event) -> None:
        """`rate` a second until they end or `stop` is set."""
        began_s = time.monotonic()
        for order in orders:
            while (wait_s := began_s + self.sent / rate - time.monotonic()) > 0 and not stop.is_set():
                stop.wait(wait_s)
            if stop.is_set():
                break
            self._send(order)
        self._producer.flush(60.0)

    def _send(self, order: Order) -> None:
        order_id, customer, value = order
        headers = cloud_event_headers(OrderPlaced.EVENT_TYPE, order_id, "/bench/shop", order_id)
        while True:
            try:
                self._producer.produce(self._topic, value, customer, headers=headers)  # type: ignore[arg-type]  # list is invariant
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1
        self._producer.poll(0)
