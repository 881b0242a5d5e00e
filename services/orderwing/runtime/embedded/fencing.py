"""After a crash of the only broker: tell the metadata log that it was away, before it starts again.

Without this a transaction that was open at the crash may stay open for ever. Seen with Kafka 4.3.1: the broker starts
from metadata in which it still leads its partitions and its transaction coordinators begin to write the markers that
are owed; then it learns of its new registration, by which every partition is without a leader for a moment, and the
coordinator takes a partition without a leader for one that was deleted (TransactionMarkerChannelManager: "these
partitions are likely deleted already and hence can be skipped"). A controller alone, for a second, sees the session of
the broker that died run out, so that the metadata from which the broker starts has no leaders yet.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orderwing.runtime.embedded.log4j2 import log_option
from orderwing.runtime.embedded.process import ChildProcess

_FENCED = "Fencing broker 1 "
_METADATA = "__cluster_metadata-0"
_DEADLINE_S = 20.0
_POLL_S = 0.02
_LOGGER = "org.apache.kafka.controller"  # tells of it at INFO


def crashed(log_dir: Path) -> bool:
    """Whether the broker whose log this is was not stopped in order."""
    return (log_dir / _METADATA).exists() and not (log_dir / ".kafka_cleanshutdown").exists()


def fence(java: Sequence[str | Path], settings: Mapping[str, str], data_dir: Path) -> None:
    """Run the controller alone until the metadata log says that broker 1 is fenced.

    Gives up, without harm, if it was fenced before.
    """
    listener = next(one for one in settings["listeners"].split(",") if one.startswith("CONTROLLER:"))
    alone = {key: value for key, value in settings.items() if key != "advertised.listeners"}
    alone |= {
        "process.roles": "controller",
        "listeners": listener,
        "broker.session.timeout.ms": "1000",
        "broker.heartbeat.interval.ms": "300",
    }
    properties, log = data_dir / "fencing.properties", data_dir / "fencing.log"
    properties.write_text("".join(f"{key}={value}\n" for key, value in alone.items()), "utf-8")
    option = log_option(data_dir / "fencing.log4j2.properties", [_LOGGER])
    log.write_text("", "utf-8")
    controller = ChildProcess(
        [*java[:1], "-Xmx256m", option, *java[1:], "kafka.Kafka", properties],
        log=log,
    )
    try:
        end_s = time.monotonic() + _DEADLINE_S

        def wait_for(happened: Callable[[], bool]) -> None:
            while controller.exit_status is None and time.monotonic() < end_s and not happened():
                time.sleep(_POLL_S)

        wait_for(lambda: _FENCED in log.read_text("utf-8"))
        # It says so before it is written: ended in between, it leaves a session of which nobody takes leave, and the
        # broker is refused until its start is given up. Records are written in order, and an idle controller writes
        # one every half second: whatever comes next, the fencing is before it.
        told_bytes = _metadata_bytes(settings)
        wait_for(lambda: _metadata_bytes(settings) > told_bytes)
    finally:
        controller.stop()


def _metadata_bytes(settings: Mapping[str, str]) -> int:
    return sum(segment.stat().st_size for segment in Path(settings["log.dirs"], _METADATA).glob("*.log"))
