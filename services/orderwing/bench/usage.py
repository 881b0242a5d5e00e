"""CPU time and memory of running processes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

_MIB = 1 << 20


@dataclass(frozen=True)
class Usage:
    """By name of the process: seconds on a processor so far, and bytes resident."""

    cpu_s: Mapping[str, float]
    resident: Mapping[str, int]
    own_s: float  # of the bench's own process
    machine_s: float  # of everything that runs
    at_s: float

    def memory_mib(self) -> dict[str, float]:
        return {name: size / _MIB for name, size in self.resident.items()}

    def cpu_us_since(self, before: Usage, orders: int) -> dict[str, float]:
        """Microseconds an order since `before`."""
        return {name: (cpu - before.cpu_s.get(name, 0.0)) * 1e6 / max(1, orders) for name, cpu in self.cpu_s.items()}

    def others_share_since(self, before: Usage) -> float:
        """The part of the machine's processors that went to processes that are none of ours."""
        ours = sum(self.cpu_s.values()) - sum(before.cpu_s.values()) + self.own_s - before.own_s
        room = (self.at_s - before.at_s) * (psutil.cpu_count() or 1)
        return max(0.0, self.machine_s - before.machine_s - ours) / room


def usage_of(pids: Mapping[str, int]) -> Usage:
    """Raises psutil.NoSuchProcess where one has ended."""
    cpu_s, resident = {}, {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        times = process.cpu_times()
        cpu_s[name] = times.user + times.system
        resident[name] = process.memory_info().rss
    own, machine = psutil.Process().cpu_times(), psutil.cpu_times()
    busy_s = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
    return Usage(cpu_s, resident, own.user + own.system, busy_s, time.monotonic())
