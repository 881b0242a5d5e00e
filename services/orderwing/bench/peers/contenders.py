"""Who takes part."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import orderwing
import orderwing_schemas
from orderwing.bench.peers import quix_environment
from orderwing.runtime.embedded.progress import Progress

OURS, BARE, FAUST, QUIX = "orderwing", "bare loop", "faust-streaming", "quixstreams"


@dataclass(frozen=True)
class Contender:
    """`settings` of the commit, in `unit`; `on_disk`: keeps its rows in files as well as in a changelog.

    `makes_topics`: declares its changelog itself.
    """

    name: str
    module: str
    settings: tuple[float, ...]
    unit: str
    versions: str
    makes_topics: bool
    on_disk: bool = False
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, argument: str) -> list[str]:
        return [self.python, "-m", self.module, argument]

    def told(self, setting: float) -> str:
        return f"{setting:,g} {self.unit}"


def _ours(_: Path, __: Progress) -> Contender:
    told = f"orderwing {version('orderwing')}, confluent-kafka {version('confluent-kafka')}"
    return Contender(OURS, "orderwing.bench.peers.on_runner", (500, 2_000, 5_000), "records", told, False)


def _bare(_: Path, __: Progress) -> Contender:
    told = f"confluent-kafka {version('confluent-kafka')}, pydantic {version('pydantic')}"
    return Contender(BARE, "orderwing.bench.peers.on_nothing", (500, 2_000, 5_000), "records", told, False)


def _faust(_: Path, __: Progress) -> Contender:
    told = ", ".join(f"{name} {version(name)}" for name in ("faust-streaming", "aiokafka", "pydantic"))
    return Contender(FAUST, "orderwing.bench.peers.on_faust", (0.5, 2.8, 10.0), "s", told, True)


def _quix(directory: Path, progress: Progress) -> Contender:
    python = quix_environment.make(progress)
    # Our packages alone are shown to it, not what is installed beside them.
    shown = directory / "shown"
    shown.mkdir()
    for package in (orderwing, orderwing_schemas):
        (shown / package.__name__).symlink_to(Path(next(iter(package.__path__))))
    environment = {**os.environ, "PYTHONPATH": str(shown)}
    told = quix_environment.versions()
    module = "orderwing.bench.peers.on_quixstreams"
    return Contender(QUIX, module, (0.1, 1.0, 5.0), "s", told, True, True, str(python), environment)


CONTENDERS: Mapping[str, Callable[[Path, Progress], Contender]] = {
    OURS: _ours,
    BARE: _bare,
    FAUST: _faust,
    QUIX: _quix,
}
