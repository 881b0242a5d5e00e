"""Broker and Redis of docker-compose.yml's images as containers of this process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from docker import from_env
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
NO_ENGINE = "No Docker engine answers: start one, or leave --containers out to use the embedded servers."
_START = "/tmp/start.sh"
_STARTED_S = 300
_ANSWER_S = 5


@cache
def engine_answers() -> bool:
    try:
        client = from_env(timeout=_ANSWER_S)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


def shares_servers(fixtures: Collection[str], params: Mapping[str, object]) -> bool:
    """Of a test, by its fixtures and what they are given: whether it takes the session's broker or Redis."""
    return bool({"broker", "redis_url"} & set(fixtures)) or ("cast" in fixtures and params.get("cast") == "kafka")


def _service(name: str) -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"][name]
    return service


class KafkaContainer(DockerContainer):
    """The official image, which testcontainers has no class for: `bootstrap` is known once it is started.

    It must advertise the port that the host maps, which is known only once the container runs: its command waits for
    the script that says so. To itself the broker speaks on another listener, since it cannot reach that port, and
    would never end a transaction.
    """

    def __init__(self) -> None:
        service = _service("kafka")
        super().__init__(service["image"])
        same = {key: value for key, value in service["environment"].items() if "LISTENER" not in key}
        listeners = {"PLAINTEXT": 9092, "BROKER": 9093, "CONTROLLER": 9094}
        environment = same | {
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": ",".join(f"{name}://:{port}" for name, port in listeners.items()),
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": ",".join(f"{name}:PLAINTEXT" for name in listeners),
            "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
            # A busy machine is no reason to fence the only node.
            "KAFKA_BROKER_SESSION_TIMEOUT_MS": 60_000,
            "KAFKA_INITIAL_BROKER_REGISTRATION_TIMEOUT_MS": 120_000,
            "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": 300,
        }
        self.with_envs(**{key: str(value) for key, value in environment.items()})
        self.with_exposed_ports(9092)
        self.with_command(["/bin/bash", "-c", f"until [ -s {_START} ]; do sleep 0.05; done; exec bash {_START}"])

    @property
    def bootstrap(self) -> str:
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(9092)}"

    def start(self) -> Self:
        """`with` stops what could not be started."""
        super().start()
        advertised = f"PLAINTEXT://{self.bootstrap},BROKER://localhost:9093"
        script = f"export KAFKA_ADVERTISED_LISTENERS={advertised}\nexec /etc/kafka/docker/run\n"
        self.copy_into_container(script.encode(), _START)
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(_STARTED_S).wait_until_ready(self)
        return self


class RedisContainer(DockerContainer):
    """`url` is known once it is started."""

    def __init__(self) -> None:
        super().__init__(_service("redis")["image"])
        self.with_exposed_ports(6379)
        ready = LogMessageWaitStrategy("Ready to accept connections").with_startup_timeout(_STARTED_S)
        self.waiting_for(ready)

    @property
    def url(self) -> str:
        return f"redis://{self.get_container_host_ip()}:{self.get_exposed_port(6379)}/0"
