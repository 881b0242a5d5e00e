"""The work as a stage of ours. `python -m orderwing.bench.peers.on_runner TASK`, until SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading

from orderwing.bench.peers.work import SESSION_S, TRANSACTION_S, Tallied, Task, tallied
from orderwing.kernel.decision import Decision
from orderwing.kernel.ports import FencedError
from orderwing.kernel.row import Row
from orderwing.kernel.stage import Stage
from orderwing.kernel.view import Draft, View
from orderwing.runtime.errors import START_AGAIN
from orderwing.runtime.observer import SilentObserver
from orderwing.runtime.run_stage import run_stage
from orderwing.runtime.settings import Kafka, Runtime, Settings
from orderwing_schemas.events.public import OrderPlaced
from orderwing_schemas.topics import Topic


class Spent(Row, frozen=True, kw_only=True):
    """What a customer has ordered. Never dropped."""

    customer_id: str
    orders: int
    total_minor: int

    @property
    def key(self) -> str:
        return self.customer_id


def settings(task: Task) -> Settings:
    """A service's defaults but for the batch and what all contenders have alike."""
    session_ms, transaction_ms = int(SESSION_S * 1000), int(TRANSACTION_S * 1000)
    return Settings(
        kafka=Kafka(bootstrap=task.bootstrap, session_timeout_ms=session_ms, transaction_timeout_ms=transaction_ms),
        runtime=Runtime(batch_limit=int(task.commit)),
    )


def stage(name: str, source: str, target: str) -> Stage:
    orders = Topic(source, "customer_id", (OrderPlaced,), "shop", (name,), "Orders.")
    told = Topic(target, "customer_id", (Tallied,), name, ("bench",), "Rows.")

    def tally(view: View, order: OrderPlaced, now_ms: int) -> Decision:
        draft = Draft(view)
        customer = order.customer_id or ""
        row = draft.get(Spent, customer)
        event = tallied(order, row.orders, row.total_minor) if row else tallied(order, 0, 0)
        draft.put(Spent(customer_id=customer, orders=event.orders, total_minor=event.total_minor))
        draft.emit(told, event)
        return draft.decision()

    return Stage(name, (orders,), {OrderPlaced: tally}, (Spent,))


def main(task: Task) -> int:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        return run_stage(stage(task.name, task.source, task.target), settings(task), SilentObserver(), stop)
    except FencedError as error:
        print(f"fenced: {error}", file=sys.stderr)
        return START_AGAIN


if __name__ == "__main__":
    sys.exit(main(Task.of(sys.argv[1])))
