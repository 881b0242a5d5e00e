"""Where a run's orders come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orderwing.demo.options import Options
from orderwing.shop.feed import Feed
from orderwing.shop.generator import generated_feed
from orderwing.shop.online_retail import retail_feed


def feed_for(options: Options, start_ms: int, sequences: Mapping[str, int], import_report: Path) -> Feed:
    """The market, and the records of a stream that begins at domain time `start_ms`. Raises OperatorError."""
    rate, orders, factor = options.orders_a_second, options.orders_wanted, options.speed
    if options.retail is not None:
        return retail_feed(options.retail, orders, rate, factor, import_report, sequences)
    return generated_feed(orders or 0, options.seed, rate, start_ms, factor, sequences=sequences)
