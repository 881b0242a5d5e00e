"""Whatever order keeps the contract, intake answers it once, the same each time, and never raises."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from orderwing.intake.stage import STAGE
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import PROMOTIONS
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.events.intake import OrderAccepted, OrderConflicted, OrderDuplicated, OrderRejected
from orderwing_schemas.events.public import OrderPlaced
from support.orders import demo_view, order_document

ZONES = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MINOR = st.integers(0, 10**12) | st.integers(0, 5_000)
LINE = st.fixed_dictionaries(
    {
        "sku": st.sampled_from([*(item.sku for item in demo_catalogue()[:3]), "GONE"]),
        "quantity": st.integers(1, 1_000_000) | st.integers(1, 3),
        "unit_price_minor": MINOR,
        "tax_minor": st.just(0) | MINOR,
        "discount_minor": st.just(0) | MINOR,
        "capacity": st.integers(0, 1_000_000),
    }
)
DOCUMENTS = st.builds(
    lambda lines, **changes: order_document(
        lines=[line | {"line_id": str(number)} for number, line in enumerate(lines)], **changes
    ),
    lines=st.lists(LINE, min_size=1, max_size=4),
    customer_id=st.none() | st.just("C1"),
    currency=st.sampled_from(["GBP", "EUR"]),
    promotion_codes=st.lists(st.sampled_from([*(promotion.code for promotion in PROMOTIONS), "NONE"]), max_size=3),
    payment_token=st.just("tok_ok_1") | st.text(min_size=1, max_size=200),
    service_level=st.sampled_from(["2_HOURS", "SAME_DAY", "EXPRESS", "STANDARD"]),
    placed_at=st.datetimes(timezones=ZONES).map(lambda moment: moment.isoformat()),
    personal=st.fixed_dictionaries(
        {
            "name": st.text(min_size=1, max_size=200),
            "address": st.text(min_size=1, max_size=200),
            "city": st.just("Leeds") | st.text(min_size=1, max_size=200),
            "postcode": st.text(max_size=20),
            "country": st.sampled_from(["GB", "FR", "ZZ"]),
        }
    ),
)


@given(document=DOCUMENTS, again=DOCUMENTS)
def test_an_order_is_answered_once_and_for_all(document: dict[str, object], again: dict[str, object]) -> None:
    view = demo_view()
    one, other = (OrderPlaced.model_validate_json(json.dumps(d)) for d in (document, again))
    first = view.apply(STAGE.decide(view, one, 1)).emits[0].event
    assert isinstance(first, OrderAccepted | OrderRejected)
    assert decode(encode(first), first.EVENT_TYPE) == first
    if isinstance(first, OrderAccepted):
        assert 0 < first.order.total_minor <= 10**12
    (repeated,) = view.apply(STAGE.decide(view, one, 2)).emits
    accepted = isinstance(first, OrderAccepted)
    assert repeated.event == (OrderDuplicated(order_id=one.order_id) if accepted else first)
    if other != one:
        (differed,) = view.apply(STAGE.decide(view, other, 3)).emits
        assert isinstance(differed.event, OrderConflicted)
        assert differed.event.differs_in
