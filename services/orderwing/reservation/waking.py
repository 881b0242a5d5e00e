"""Orders that wait are sought anew: by new rules, or since they have waited for a price for long enough."""

from __future__ import annotations

from itertools import islice

from msgspec.structs import replace

from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.reservation.answers import takes_all_or_nothing
from orderwing.reservation.rows import Hold, HoldState, hold_key
from orderwing.reservation.rules import AT_ONCE_MS, BUCKETS, Rules, Waiting, current, patient_until_ms
from orderwing.reservation.seeking import advance, in_global_order, order_of, retry

MOST = 20  # orders sought in one decision


def on_rules_due(view: View, row: Rules, now_ms: int) -> Decision:
    """Some of those who wait; the next ones at once in a decision of their own."""
    draft = Draft(view)
    rules = current(draft)
    bucket, stale = row.bucket if row.rules == rules else 0, list[Waiting]()
    while bucket < BUCKETS and not stale:
        waiting = draft.scan(Waiting, Waiting.group_of(row.region, bucket))
        stale = list(islice((one for one in waiting if one.rules != rules), MOST))
        bucket += not stale
    for one in stale:
        _seek(draft, one, now_ms)
    draft.put(replace(row, rules=rules, bucket=bucket, wake_at_ms=AT_ONCE_MS if stale else None))
    return draft.decision()


def on_waiting_due(view: View, row: Waiting, now_ms: int) -> Decision:
    draft = Draft(view)
    _seek(draft, row, now_ms)
    return draft.decision()


def _seek(draft: Draft, row: Waiting, now_ms: int) -> None:
    hold = draft.get(Hold, hold_key(row.order_id, row.version))
    if hold is None or not hold.open or hold.state not in (HoldState.FIRM, HoldState.FIRM_ASKING):
        draft.drop(Waiting, row.key)
        return
    order, rules = order_of(hold), current(draft)
    draft.put(replace(row, rules=rules, wake_at_ms=patient_until_ms(draft, order, now_ms)))
    hold = replace(hold, sought_by=rules)
    everywhere = in_global_order(draft, hold)
    if hold.state is HoldState.FIRM_ASKING:  # once the slip that is away is back
        draft.put(replace(hold, offers=everywhere))
    elif takes_all_or_nothing(order):
        retry(draft, hold, order, everywhere, now_ms)
    else:
        advance(draft, replace(hold, asked=()), order, now_ms)
