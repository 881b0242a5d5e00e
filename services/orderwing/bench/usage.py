"""CPU time and memory of running processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

_MIB = 1 << 20


@dataclass(frozen=True)
class Usage:
    """By name of the process: seconds on a processor so far, and bytes resident."""

    cpu_s: Mapping[str, float]
    resident: Mapping[str, int]

    def memory_mib(self) -> dict[str, float]:
        return {name: size / _MIB for name, size in self.resident.items()}

    def cpu_us_since(self, before: Usage, orders: int) -> dict[str, float]:
        """Microseconds an order since `before`."""
        return {name: (cpu - before.cpu_s.get(name, 0.0)) * 1e6 / max(1, orders) for name, cpu in self.cpu_s.items()}


def usage_of(pids: Mapping[str, int]) -> Usage:
    """Raises psutil.NoSuchProcess where one has ended."""
    cpu_s, resident = {}, {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        times = process.cpu_times()
        cpu_s[name] = times.user + times.system
        resident[name] = process.memory_info().rss
    return Usage(cpu_s, resident)
