"""Feeding orders and timing when they come out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orderwing.bench.log import Arrivals, stamps_of
from orderwing.bench.market import paced
from orderwing.bench.options import Phase
from orderwing.bench.usage import usage_of
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.errors import OperatorError
from orderwing.shop.feed import TimedRecord
from orderwing.shop.produce import ShopProducer

PATIENCE_S = 30.0  # without any arrival; what has not come by then counts as not arrived


@dataclass
class Road:
    """Where orders go in and come out. `pids` are the processes between."""

    bootstrap: str
    source: str
    arrivals: Arrivals
    pids: Callable[[], Mapping[str, int]]
    progress: Progress

    def feed(self, task: str, records: Sequence[TimedRecord], rate: float | None) -> Phase:
        """Feed all (at once without a `rate`) and wait until they have arrived. Raises OperatorError if none does."""
        wanted = [record.key.decode() for record in records]
        before, began_s = usage_of(self.pids()), time.monotonic()
        shop = ShopProducer(self.bootstrap)
        sender = threading.Thread(target=_send, args=(shop, records, rate), daemon=True)
        sender.start()
        self._await(task, len(self.arrivals.stamps_ms), len(wanted), sender)
        sender.join()
        seconds = time.monotonic() - began_s
        after = usage_of(self.pids())
        out = {order: stamp for order in wanted if (stamp := self.arrivals.stamps_ms.get(order)) is not None}
        if not out:
            raise OperatorError(f"{task}: no order came out; see the services' logs.")
        placed = stamps_of(self.bootstrap, self.source)
        latencies = sorted(stamp - placed[order] for order, stamp in out.items())
        span_s = (max(out.values()) - min(placed[order] for order in out)) / 1000
        return Phase(
            fed=len(wanted),
            arrived=len(out),
            orders_per_s=len(out) / span_s if span_s else float(len(out)),
            p50_ms=quantile(latencies, 0.50),
            p99_ms=quantile(latencies, 0.99),
            cpu_us=after.cpu_us_since(before, len(wanted)),
            seconds=seconds,
            others_share=after.others_share_since(before),
        )

    def _await(self, task: str, before: int, wanted: int, sender: threading.Thread) -> None:
        heard_s = time.monotonic()
        while (arrived := len(self.arrivals.stamps_ms) - before) < wanted:
            self.progress(task, arrived, wanted)
            if self.arrivals.look(0.25) or sender.is_alive():
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > PATIENCE_S:
                break
        self.progress(task, arrived, wanted)


def _send(shop: ShopProducer, records: Sequence[TimedRecord], rate: float | None) -> None:
    if rate is None:
        shop.send_all(records)
    else:
        shop.play(paced(records, rate), threading.Event())


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank."""
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)] if ordered else 0.0
