"""The subsets of `orderwing bench decisions`, each loaded only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from orderwing.bench.report import Sheet
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.errors import OperatorError

TITLE = "Decisions"
ABOUT = """\
Made by `orderwing bench decisions`. Each table states its baseline, taken in the same run on the same machine.
"""
# Name -> what it measures. The module of the same name beside this file has `run(Options) -> Iterator[Sheet]`.
SUBSETS: Mapping[str, str] = {
    "distances": "a distance matrix as the crow flies, from OSRM, from GraphHopper and from the cache",
    "fleet": "hundreds of orders on drivers with minimum loads, EXPRESS first, beside OR-Tools as its guides use it",
    "sourcing": "which sites ship one order: exact or not, how fast, and what plainer ways cost",
    "market": "the demo's market through every stage, by the plain rule and by the engine",
    "steering": "prices that make orders sourced one by one add up to the plan of the day",
    "stops": "stops per 100 orders before and after consolidation, and how well addresses are read",
    "routing": "routes with prizes beside PyVRP alone, from nothing and when stops arrive, and what its port costs",
    "assignment": "orders to drivers by SciPy and OR-Tools, and what greedy costs more",
    "packing": "orders into vans, goods into cartons; then both with drivers and routes, together and apart",
}


@dataclass(frozen=True, slots=True)
class Options:
    """`data`: the folder of benchmark data, None if it is not there. `seconds` bounds one solve where time does.

    `progress` is called with (task, steps done, steps in all).
    """

    data: Path | None
    seeds: int
    seconds: float
    quick: bool
    progress: Progress

    def folder(self, name: str) -> Path:
        """A folder or file of the benchmark data. Raises OperatorError where it is missing."""
        path = None if self.data is None else self.data / name
        if path is None or not path.exists():
            raise OperatorError(f"The benchmark data has no {name}: name its folder in ORDERWING_BENCH_DATA.")
        return path


def measure(names: tuple[str, ...], options: Options) -> Iterator[Sheet]:
    for name in names:
        yield from import_module(f"orderwing.bench.decisions.{name}").run(options)
