"""The settings of all processes: one typed tree, read from a file, the environment and the command line."""

from orderwing.runtime.settings.options import Option, masked, options, to_environment
from orderwing.runtime.settings.sources import CommandLine, Resolved, SettingsError, load, resolve, use_command_line
from orderwing.runtime.settings.tree import (
    Bench,
    Embedded,
    Http,
    Kafka,
    Log,
    Payments,
    PaymentSimulator,
    Redis,
    Runtime,
    Settings,
    Steering,
    Telemetry,
    Topics,
    WarehouseSimulator,
)

__all__ = [
    "Bench",
    "CommandLine",
    "Embedded",
    "Http",
    "Kafka",
    "Log",
    "Option",
    "PaymentSimulator",
    "Payments",
    "Redis",
    "Resolved",
    "Runtime",
    "Settings",
    "SettingsError",
    "Steering",
    "Telemetry",
    "Topics",
    "WarehouseSimulator",
    "load",
    "masked",
    "options",
    "resolve",
    "to_environment",
    "use_command_line",
]
