"""What a comparison is asked for, and what it found of one peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orderwing.bench.peers.audit import Losses
from orderwing.bench.peers.contenders import CONTENDERS


@dataclass(frozen=True)
class Options:
    """`messages` at once; `rate` a second for `seconds`; `rows` to come back with; `kills` while `rate` goes on.

    At once each peer runs with every commit setting, then in `rounds` - 1 more with its fastest.
    """

    messages: int = 100_000
    rate: float = 500.0
    seconds: float = 10.0
    rows: int = 100_000
    kills: int = 10
    settings: int = 3  # of each peer's commit
    rounds: int = 3
    peers: tuple[str, ...] = tuple(CONTENDERS)

    def quick(self) -> Options:
        """Enough to see that it works, not how fast."""
        return replace(self, messages=2_000, rate=200.0, seconds=2.0, rows=1_000, kills=2, settings=1, rounds=1)


@dataclass(frozen=True)
class Speed:
    """`per_s` from the first to the last output appended; CPU in microseconds a message between them."""

    setting: float
    answered: int
    per_s: float
    cpu_us: float
    broker_us: float
    others_share: float
    losses: Losses


@dataclass(frozen=True)
class Pace:
    """From the broker's stamp of the order until a reader of committed records has the answer."""

    setting: float
    fed: int
    answered: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    others_share: float


@dataclass(frozen=True)
class Restart:
    """Until the first new order is answered. `bare_s`: with its own files lost; `kept`: the row was the right one."""

    rows: int
    seconds: float | None
    bare_s: float | None
    kept: bool


@dataclass(frozen=True)
class Kills:
    """`back_s`: from each start after a kill to the first answer; None where none came in time. `ended` by itself."""

    setting: float
    kills: int
    losses: Losses
    back_s: Sequence[float | None]
    ended: int


@dataclass(frozen=True)
class Result:
    name: str
    unit: str
    versions: str
    speeds: Sequence[Speed]
    paces: Sequence[Pace]
    restart: Restart | None
    kills: Kills | None

    @property
    def speed(self) -> Speed:
        """The median run of the setting that all rounds were run with, the slower of two in the middle."""
        by_setting: dict[float, list[Speed]] = {}
        for speed in self.speeds:
            by_setting.setdefault(speed.setting, []).append(speed)
        runs = max(by_setting.values(), key=lambda runs: (len(runs), max(map(_rank, runs))))
        return sorted(runs, key=_rank)[(len(runs) - 1) // 2]

    @property
    def pace(self) -> Pace:
        """The best of those at which most was answered."""
        return min(self.paces, key=lambda pace: (-pace.answered, pace.p99_ms))


def fastest(speeds: Sequence[Speed]) -> Speed:
    """Of those at which most was answered."""
    return max(speeds, key=_rank)


def _rank(speed: Speed) -> tuple[int, float]:
    return speed.answered, speed.per_s
