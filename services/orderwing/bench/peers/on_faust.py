"""The work as an agent of faust-streaming, exactly once, rows in a table.

`python -m orderwing.bench.peers.on_faust TASK`. The table is in memory, faust's default, and comes
back from its changelog.
"""

from __future__ import annotations

import sys
from typing import Any

import faust

from orderwing.bench.peers.work import PARTITIONS, SESSION_S, Task, encode, placed, tallied


def application(task: Task) -> Any:
    app = faust.App(
        task.name,
        broker=f"kafka://{task.bootstrap}",
        processing_guarantee="exactly_once",
        broker_commit_interval=task.commit,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 3,
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        store="memory://",
        datadir=task.directory,
        web_enabled=False,
    )
    raw: Any = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    source = app.topic(task.source, **raw)
    target = app.topic(task.target, **raw)
    rows = app.Table("rows", partitions=PARTITIONS)

    @app.agent(source)
    async def tally(values: Any) -> None:
        async for value in values:
            order = placed(value)
            orders, total_minor = rows.get(order.customer_id) or (0, 0)
            event = tallied(order, orders, total_minor)
            rows[event.customer_id] = [event.orders, event.total_minor]
            await target.send(key=event.customer_id.encode(), value=encode(event))

    return app


if __name__ == "__main__":
    faust.Worker(application(Task.of(sys.argv[1])), loglevel="WARN").execute_from_commandline()
