"""Structured logs: one JSON object a line on standard output, with the order's and the trace's id where known.

Log ids, codes and counts only. What strangers send (names, addresses, contacts, payment tokens, messages that quote
them) may be about a person and does not belong here.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.typing import EventDict

from orderwing.runtime.trace_context import trace_id_of

Logger = structlog.stdlib.BoundLogger

# Values of local variables would show whole orders.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def _without_input(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Pydantic's messages quote the input, so only their type is told."""
    for exception in line.get("exception", ()):
        if exception["exc_type"] == "ValidationError":
            exception["exc_value"] = "(not shown: it quotes its input)"
    return line


def configure(service: str, instance: str, level: str) -> None:
    """Send every log line of this process, also those of libraries, to standard output as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tracebacks,
        _without_input,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, instance=instance)


def get_logger(name: str) -> Logger:
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def concerning(order_id: str | None, trace_id: str | None = None) -> Iterator[None]:
    """Within the block, every line names the order and the trace: an order's follows from its id."""
    if order_id is not None:
        trace_id = trace_id_of(order_id)
    bound = {name: value for name, value in (("order_id", order_id), ("trace_id", trace_id)) if value}
    with structlog.contextvars.bound_contextvars(**bound):
        yield
