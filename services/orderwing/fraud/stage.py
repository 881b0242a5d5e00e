"""The stage fraud: orders whose money is held, and reviewers' verdicts, by customer."""

from __future__ import annotations

from orderwing.fraud import decide
from orderwing.fraud.rows import Review, Sighting
from orderwing.kernel.stage import Stage
from orderwing_schemas.events.payments import OrderAuthorised
from orderwing_schemas.events.public import ReviewVerdict
from orderwing_schemas.topics import ORDERS_AUTHORISED, REVIEW_VERDICTS

STAGE = Stage(
    name="fraud",
    inputs=(ORDERS_AUTHORISED, REVIEW_VERDICTS),
    handlers={OrderAuthorised: decide.on_authorised, ReviewVerdict: decide.on_verdict},
    rows=(Sighting, Review),
    deadlines={Review: decide.on_review_due, Sighting: decide.on_sighting_due},
)
