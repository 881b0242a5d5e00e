"""The real file, whole: every invoice is accounted for, and intake accepts what is an order."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from orderwing.gate.stage import STAGE as GATE
from orderwing.intake.stage import STAGE as INTAKE
from orderwing.kernel.stage import RawRecord
from orderwing.shop.online_retail import retail_feed
from orderwing_schemas import topics
from orderwing_schemas.events.intake import OrderAccepted, OrderRejected
from orderwing_schemas.events.public import OrderPlaced
from support.memory_view import MemoryReference, MemoryView

# The data sets, which the project does not ship, are looked for beside it.
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
FILE = Path(os.environ.get("ORDERWING_BENCH_DATA") or BESIDE) / "online_retail" / "online_retail.parquet"


@pytest.mark.slow
@pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE.name}: set ORDERWING_BENCH_DATA")
def test_every_invoice_of_the_year_ends_somewhere(tmp_path: Path) -> None:
    feed = retail_feed(FILE, None, rate=100.0, factor=60.0, report=tmp_path / "imported.jsonl")
    view = MemoryView(MemoryReference(feed.network, feed.items))
    ended: Counter[str] = Counter()
    for offset, record in enumerate(feed.records):
        if record.topic != topics.ORDERS_INBOUND.name:
            continue
        raw = RawRecord(record.topic, 0, offset, record.key, record.value, tuple(record.headers))
        (emit,) = GATE.decide(view, raw, 0).emits
        if not isinstance(emit.event, OrderPlaced):
            ended["gate_rejected"] += 1
            continue
        answer = view.apply(INTAKE.decide(view, emit.event, 0)).emits[0].event
        assert isinstance(answer, OrderAccepted | OrderRejected)
        ended["accepted" if isinstance(answer, OrderAccepted) else f"rejected_{answer.reasons[0]}"] += 1
    report = [json.loads(line) for line in (tmp_path / "imported.jsonl").read_text().splitlines()]
    outcomes = Counter(line["outcome"] for line in report)
    print(dict(ended), dict(feed.counts), dict(outcomes))
    assert len(report) == len({line["invoice"] for line in report}) == 25_900
    assert outcomes["cancellation"] == 3_836
    assert sum(ended.values()) == outcomes["order"] == feed.counts["orders"]
    assert ended["accepted"] >= 0.95 * 20_728  # the invoices with goods, by the data's own account
