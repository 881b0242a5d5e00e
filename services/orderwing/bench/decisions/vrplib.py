"""Routing instances in PyVRP's dialect of the VRPLIB format, as our problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.routing.problem import LARGEST, RoutingProblem, Stop, Vehicle

Rounding = Callable[[NDArray[np.float64]], NDArray[np.int64]]
Rows = list[list[float]]


def dimacs(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return (10 * values).astype(np.int64)


def exact(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.round(1000 * values).astype(np.int64)


class _File(NamedTuple):
    header: Mapping[str, str]
    sections: Mapping[str, Rows]

    def number(self, key: str) -> int:
        return int(self.header[key])

    def column(self, section: str, column: int, rounding: Rounding, otherwise: float = 0.0) -> list[int]:
        """Of each place; every value by `rounding`, as PyVRP reads the format: loads too."""
        rows = self.sections.get(section)
        if rows is None:
            return [int(one) for one in rounding(np.full(self.number("DIMENSION"), otherwise))]
        return [int(one) for one in rounding(np.array([row[column] for row in rows]))]

    def by_vehicle(self, section: str) -> list[int]:
        """Index of a depot by vehicle; none without the section."""
        return [int(row[1]) - 1 for row in self.sections.get(section, [])]


def read(path: Path, rounding: Rounding) -> RoutingProblem:
    file = _parse(path.read_text().splitlines())
    at = np.array(file.sections["NODE_COORD_SECTION"])[:, 1:]
    metres = rounding(np.sqrt(((at[:, None] - at[None]) ** 2).sum(axis=2)))
    loads = file.column("DEMAND_SECTION", 1, rounding)
    service = file.column("SERVICE_TIME_SECTION", 1, rounding, float(file.header.get("SERVICE_TIME", 0)))
    opens, closes = (file.column("TIME_WINDOW_SECTION", n, rounding) for n in (1, 2))
    released = file.column("RELEASE_TIME_SECTION", 1, rounding)
    prizes = file.column("PRIZE_SECTION", 1, rounding)
    depots = sum(row[0] > 0 for row in file.sections["DEPOT_SECTION"])
    stops = tuple(
        Stop(str(n), (loads[n],), service[n], opens[n], closes[n], released[n], prizes[n] or None)
        for n in range(depots, len(at))
    )
    names = tuple(f"depot {n + 1}" for n in range(depots))
    return RoutingProblem(names, stops, _vehicles(file, rounding, names, opens, closes), metres, metres)


def _vehicles(
    file: _File, rounding: Rounding, depots: tuple[str, ...], opens: list[int], closes: list[int]
) -> tuple[Vehicle, ...]:
    def scaled(key: str) -> int:
        return int(rounding(np.array([float(file.header[key])]))[0]) if key in file.header else LARGEST

    bases = file.by_vehicle("VEHICLES_DEPOT_SECTION") or [0] * file.number("VEHICLES")
    reloads = file.by_vehicle("VEHICLES_RELOAD_DEPOT_SECTION")
    return tuple(
        Vehicle(
            vehicle_id=f"van of {depots[base]}",
            start_depot=depots[base],
            end_depot=depots[base],
            capacity=(scaled("CAPACITY"),),
            number=bases.count(base),
            starts_s=opens[base],
            ends_s=closes[base],
            max_duration_s=scaled("VEHICLES_MAX_DURATION"),
            reload_depots=tuple(depots[depot] for depot in sorted(set(reloads))),
            max_reloads=LARGEST if reloads else 0,
        )
        for base in sorted(set(bases))
    )


def _parse(lines: list[str]) -> _File:
    header: dict[str, str] = {}
    sections: dict[str, Rows] = {}
    rows: Rows = []
    for line in lines:
        if ":" in line:
            key, _, value = line.partition(":")
            header[key.strip()] = value.strip()
        elif line.strip().endswith("_SECTION"):
            rows = sections.setdefault(line.strip(), [])
        elif line.strip() not in ("", "EOF"):
            rows.append([float(word) for word in line.split()])
    return _File(header, sections)
