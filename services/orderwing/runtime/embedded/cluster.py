"""Several brokers on one machine, each record on three of them: what a cluster does when one of its brokers dies."""

from __future__ import annotations

import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from orderwing.runtime.embedded.broker import EmbeddedBroker, known_brokers
from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.ports import HOST, free_port

_COUNT = 3
_POLL_S = 0.1
_ANSWER_S = 10.0
_WHOLE_S = 180.0
_REPLICAS = {
    "default.replication.factor": "3",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    # Three on one machine must not take each other for dead whenever it is busy.
    "broker.session.timeout.ms": "9000",
    "broker.heartbeat.interval.ms": "1000",
    "controller.quorum.fetch.timeout.ms": "6000",
    "controller.quorum.election.timeout.ms": "3000",
}


class EmbeddedCluster:
    """Three brokers, each a controller too and in a rack of its own; any may be killed and started again."""

    def __init__(self, data_dir: Path, *, heap_mb: int = 384) -> None:
        controllers = [free_port() for _ in range(_COUNT)]
        voters = ",".join(f"{node}@{HOST}:{port}" for node, port in enumerate(controllers, 1))
        identity = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        self.brokers = [
            _broker(data_dir / f"kafka-{node}", node, controller, voters, identity, heap_mb)
            for node, controller in enumerate(controllers, 1)
        ]

    @property
    def bootstrap(self) -> str:
        """All brokers' addresses."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> Self:
        """Start all and return once they know each other. Raises EmbeddedError."""
        try:
            with ThreadPoolExecutor(_COUNT) as pool:  # at once: none answers before there is a majority
                for started in [pool.submit(broker.start) for broker in self.brokers]:
                    started.result()
            self._await_all()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        with ThreadPoolExecutor(_COUNT) as pool:  # at once: the last could not hand over what it leads
            list(pool.map(EmbeddedBroker.stop, self.brokers))

    def _await_all(self) -> None:
        end_s = time.monotonic() + _WHOLE_S
        while known_brokers(self.bootstrap, _ANSWER_S) < _COUNT:
            if time.monotonic() > end_s:
                raise EmbeddedError(f"The brokers do not find each other: see {self.brokers[0].log_file}.")
            time.sleep(_POLL_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _broker(data_dir: Path, node: int, controller: int, voters: str, identity: str, heap_mb: int) -> EmbeddedBroker:
    port = free_port()
    settings: Mapping[str, str] = _REPLICAS | {
        "node.id": str(node),
        "broker.rack": f"rack-{node}",
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
    }
    return EmbeddedBroker(data_dir, port, settings=settings, heap_mb=heap_mb, cluster_id=identity)
