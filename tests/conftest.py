"""Real servers for the tests that ask for them: started once, stopped even when a test fails."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.redis import EmbeddedRedis

# How long an example takes says something about the machine and how busy it is, nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Reasons that were looked at; any other skip fails there. `.ci/run` gets Prometheus from Debian where it can.
SKIPS_IN_CI: tuple[str, ...] = ("Prometheus is not installed",)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") and not any(reason in str(report.longrepr) for reason in SKIPS_IN_CI):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a broker that the whole session shares: use topics and groups of your own."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka")) as server:
        yield server.bootstrap


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis that the whole session shares: use keys of your own."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


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
