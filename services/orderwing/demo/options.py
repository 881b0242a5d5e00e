"""What a demo run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orderwing.planning.policies.file import Parsed

DEFAULT_RATE = 15.0
DEFAULT_ORDERS = 300


@dataclass(frozen=True)
class Options:
    """`rate` is orders a second of wall time, `speed` domain seconds a second.

    `retail` is a file of the UCI Online Retail data; without it orders are generated. `duration_s` ends the stream
    early. `traced` is the share of orders whose journey is written down. `keep` keeps the data for the next run.
    `steering` runs the service that makes prices of stock. `policy` is in force from the first order on.
    """

    orders: int | None = None
    seed: int = 1
    rate: float | None = None
    speed: float = 60.0
    screen: bool = True
    keep: bool = False
    reoptimizer: bool = True
    steering: bool = False
    report: Path | None = None
    retail: Path | None = None
    duration_s: float | None = None
    traced: float | None = None
    policy: Parsed | None = None

    @property
    def orders_a_second(self) -> float:
        return self.rate or DEFAULT_RATE

    @property
    def orders_wanted(self) -> int | None:
        """None: all that a file holds, or as many as fit into `duration_s`."""
        if self.orders is not None or self.retail is not None:
            return self.orders
        if self.duration_s is not None:
            return max(1, int(self.duration_s * self.orders_a_second))
        return DEFAULT_ORDERS
