"""Reference data: written into every partition of a compacted topic, read before anything else is resumed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import EpochMs, Event
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy
from orderwing_schemas.steering import MAX_PRICES, ShelfPrice


class NetworkPublished(Event):
    type: Literal["network.published.v1"] = "network.published.v1"
    key: Literal["network"] = "network"
    network: Network


class CataloguePublished(Event):
    """One chunk of the catalogue; chunks together are the whole. `key` = `catalogue-<chunk>`."""

    type: Literal["catalogue.published.v1"] = "catalogue.published.v1"
    key: str
    items: Annotated[tuple[Item, ...], Field(max_length=2000)]


class PolicyPublished(Event):
    """The sourcing policy; `in_force` False once it is taken back. It is kept then, as decisions were made by it."""

    type: Literal["policy.published.v1"] = "policy.published.v1"
    key: Literal["policy"] = "policy"
    policy: Policy
    in_force: bool = True


class SteeringPriced(Event):
    """One chunk of a list of steering prices; chunks together are the whole. `key` = `steering-<chunk>`."""

    type: Literal["steering.priced.v1"] = "steering.priced.v1"
    key: str
    version: Annotated[int, Field(ge=1)]
    valid_from_ms: EpochMs
    valid_until_ms: EpochMs
    prices: Annotated[tuple[ShelfPrice, ...], Field(max_length=MAX_PRICES)]


class ClockFixed(Event):
    """Domain time = `start_ms` + (wall - `wall0_ms`) * `factor`, fixed once per cluster."""

    type: Literal["clock.fixed.v1"] = "clock.fixed.v1"
    key: Literal["clock"] = "clock"
    start_ms: int
    wall0_ms: int
    factor: Annotated[float, Field(gt=0)]
