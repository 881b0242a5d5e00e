"""Real servers for the tests that ask for them: started once a process, stopped even when a test fails.

They are the embedded ones, unless `--servers` (or ORDERWING_TEST_SERVERS) says otherwise. The whole suite is run by two
workers, file by file: while one waits for a broker or for services, the other computes.
"""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.redis import EmbeddedRedis
from support.containers import NO_ENGINE, KafkaContainer, RedisContainer, engine_answers, shares_servers

# How long an example takes says something about the machine and how busy it is, nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Reasons that were looked at; any other skip fails there. `.ci/run` gets Prometheus from Debian where it can.
SKIPS_IN_CI: tuple[str, ...] = ("Prometheus is not installed", "no C compiler for Linux")

WORKERS = 2
# Folders whose files are dear begin, so that the workers end together.
DEAR_FIRST = ("simulation", "e2e", "integration", "contract")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A part of the suite begins sooner without workers, and can be watched test by test."""
    option = config.option
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return WORKERS if whole and not (option.keyword or option.markexpr or option.containers) else 0


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


class Died:
    """Workers that died: a failure, also where no test was running."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object | None) -> None:
        if error:
            self.told.append(f"{node}: {error}")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.told and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to tell though they passed: workers have no terminal."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    for report in reports:
        for name, text in report.user_properties:
            terminalreporter.section(name)
            terminalreporter.write_line(text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") and not any(reason in str(report.longrepr) for reason in SKIPS_IN_CI):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("servers")
    group.addoption(
        "--servers",
        choices=["embedded", "containers", "auto"],
        default=os.environ.get("ORDERWING_TEST_SERVERS", "embedded"),
        help="Broker and Redis that tests share; auto: containers if a Docker engine answers, else embedded ones.",
    )
    group.addoption(
        "--containers",
        action="store_true",
        help="Only the tests that share a broker or Redis, on containers; fails when no Docker engine answers.",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("containers"):
        config.option.servers = "containers"
    if config.getoption("servers") == "auto":
        config.option.servers = "containers" if engine_answers() else "embedded"
    if config.getoption("servers") == "containers" and not engine_answers():
        raise pytest.UsageError(NO_ENGINE)
    if not is_worker(config):
        config.pluginmanager.register(Died())


def is_for_containers(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    return shares_servers(getattr(item, "fixturenames", ()), {} if call is None else call.params)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("containers"):
        others = [item for item in items if not is_for_containers(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if is_for_containers(item)]
    if is_worker(config):
        items.sort(key=lambda item: rank(item.path.parent.name))


def rank(folder: str) -> int:
    return DEAR_FIRST.index(folder) if folder in DEAR_FIRST else len(DEAR_FIRST)


def pytest_report_header(config: pytest.Config) -> str:
    return f"servers: {config.getoption('servers')}"


class Servers:
    """Broker and Redis of this session, each started when it is first asked for."""

    def __init__(self, stack: ExitStack, directory: Path, containers: bool) -> None:
        self._stack = stack
        self._directory = directory
        self._containers = containers

    @cached_property
    def bootstrap(self) -> str:
        return self._stack.enter_context(KafkaContainer()).bootstrap if self._containers else self.embedded_bootstrap

    @cached_property
    def embedded_bootstrap(self) -> str:
        return self._stack.enter_context(EmbeddedBroker(self._directory / "kafka")).bootstrap

    @cached_property
    def redis_url(self) -> str:
        if self._containers:
            return self._stack.enter_context(RedisContainer()).url
        return self._stack.enter_context(EmbeddedRedis(self._directory / "redis")).url


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack, tmp_path_factory.mktemp("servers"), pytestconfig.getoption("servers") == "containers")


@pytest.fixture(scope="session")
def broker(servers: Servers) -> str:
    """The bootstrap address of a broker that the whole session shares: use topics and groups of your own."""
    return servers.bootstrap


@pytest.fixture(scope="session")
def embedded_broker(servers: Servers) -> str:
    """The same of an embedded broker, also where the shared one is a container."""
    return servers.embedded_bootstrap


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    """The address of a Redis that the whole session shares: use keys of your own."""
    return servers.redis_url


@pytest.fixture
def embedded_broker_factory(tmp_path: Path) -> Iterator[Callable[[], EmbeddedBroker]]:
    """Makes running brokers that a test may kill and restart; each has a small heap and a directory of its own."""
    with ExitStack() as stack:

        def make() -> EmbeddedBroker:
            directory = tmp_path / f"kafka-{len(made)}"
            made.append(directory)
            return stack.enter_context(EmbeddedBroker(directory, heap_mb=384))

        made: list[Path] = []
        yield make
