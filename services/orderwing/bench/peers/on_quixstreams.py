"""The work on quixstreams, exactly once, rows in its state. `python -m orderwing.bench.peers.on_quixstreams TASK`.

Runs in an environment of its own, see `quix_environment`.
"""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # of another environment

from orderwing.bench.peers.work import SESSION_S, TRANSACTION_S, Task, encode, placed, tallied


def application(task: Task) -> Any:
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.name,
        processing_guarantee="exactly-once",
        commit_interval=task.commit,
        auto_offset_reset="earliest",
        state_dir=task.directory,
        consumer_extra_config={"session.timeout.ms": int(SESSION_S * 1000)},
        # An id of its own, so that a killed process is fenced at once and not after the transaction's time-out.
        producer_extra_config={"transactional.id": task.name, "transaction.timeout.ms": int(TRANSACTION_S * 1000)},
        loglevel="WARNING",
    )
    source = app.topic(task.source, key_deserializer="str", value_deserializer="bytes")
    target = app.topic(task.target, key_serializer="str", value_serializer="bytes")

    def tally(value: bytes, state: Any) -> bytes:
        orders, total_minor = state.get("row") or (0, 0)
        event = tallied(placed(value), orders, total_minor)
        state.set("row", [event.orders, event.total_minor])
        return encode(event)

    app.dataframe(source).apply(tally, stateful=True).to_topic(target)
    return app


if __name__ == "__main__":
    application(Task.of(sys.argv[1])).run()
