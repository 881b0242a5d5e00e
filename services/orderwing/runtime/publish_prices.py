"""Publishes steering prices to every partition, once they make sense for the network that is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace
from pydantic import ValidationError

from orderwing.kernel.ports import Outgoing, Record
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.publish import Published, PublishError, published, read_file, told
from orderwing.runtime.skipping import event_in
from orderwing_schemas.codec import header_map
from orderwing_schemas.events.reference import SteeringPriced
from orderwing_schemas.network import Network
from orderwing_schemas.steering import MAX_PRICES, PriceList
from orderwing_schemas.topics import REFERENCE

# No stock is worth more than the parcels that it spares; a price of a hundred of the dearest is in another unit.
_ABSURD_PARCELS = 100
_WRITER = "reference"
_NAMED = 5  # faults that an error names


def read_price_file(path: Path) -> PriceList:
    """Raises PublishError naming the fields that are wrong."""
    try:
        return PriceList.model_validate_json(read_file(path))
    except ValidationError as error:
        raise PublishError(told(path, error)) from None


def faults(prices: PriceList, reference: Published) -> list[str]:
    """What is wrong with a list for the network and catalogue published, in words that name the field."""
    network = reference.network
    if network is None:
        return ["no network is published: run `orderwing network load` first"]
    wrong: list[str] = []
    if prices.currency != network.currency:
        wrong.append(f"currency: {prices.currency}, but the network's is {network.currency}")
    skus = {item.sku for item in reference.items}
    most = _ABSURD_PARCELS * _dearest_parcel_minor(network)
    for place, price in enumerate(prices.prices):
        if price.site_id not in network.site_by_id:
            wrong.append(f"prices.{place}.site_id: the network has no site {price.site_id}")
        if price.sku not in skus:
            wrong.append(f"prices.{place}.sku: the catalogue has no {price.sku}")
        if price.price_minor > most:
            wrong.append(
                f"prices.{place}.price_minor: {price.price_minor} is above {most}, "
                f"{_ABSURD_PARCELS} times the network's dearest parcel; is it in minor units?"
            )
    return wrong


def publish_prices(bootstrap: Cluster, prices: PriceList, *, renumber: bool = False) -> bool:
    """Write the list into every partition in one transaction; False if just this is published already.

    `renumber` gives it the version after the last. Raises PublishError where it makes no sense or its version is not
    above the last, OperatorError from the cluster.
    """
    with OperatorLog(bootstrap, _WRITER) as log:
        records = list(log.read(REFERENCE.name, 0))
        if wrong := faults(prices, published(records)):
            more = f" (and {len(wrong) - _NAMED} more)" if len(wrong) > _NAMED else ""
            raise PublishError(f"The steering prices are not valid: {'; '.join(wrong[:_NAMED])}{more}.")
        before = _held(records)
        last = max((chunk.version for chunk in before.values()), default=0)
        if renumber:
            prices = prices.model_copy(update={"version": last + 1})
        after = chunks(prices)
        if before == after:
            return False
        if prices.version <= last:
            raise PublishError(f"Version {last} of the steering prices is published: give these one above it.")
        changes = list(_changes(before, after))
        partitions = range(log.partitions(REFERENCE.name))
        log.write([replace(change, partition=partition) for partition in partitions for change in changes])
    return True


def _dearest_parcel_minor(network: Network) -> int:
    lanes = [lane.parcel_minor + network.site_by_id[lane.site_id].handling_parcel_minor for lane in network.lanes]
    return max([1, *lanes, *[card.breaks[-1].parcel_minor for card in network.rate_cards]])


def _held(records: Iterable[Record]) -> dict[str, SteeringPriced]:
    """The chunks of the list that is published, by key."""
    held: dict[str, SteeringPriced] = {}
    for record in records:
        key = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            held.pop(key, None)
            continue
        event_type = header_map(record.headers).get("ce_type")
        event = event_in(record) if event_type == SteeringPriced.EVENT_TYPE else None
        if isinstance(event, SteeringPriced):
            held[key] = event
    return held


def chunks(prices: PriceList) -> dict[str, SteeringPriced]:
    """The records of a list, by key: one at least, so that an empty list is a version too."""
    starts = range(0, max(1, len(prices.prices)), MAX_PRICES)
    events = (
        SteeringPriced(
            key=f"steering-{start // MAX_PRICES}",
            version=prices.version,
            valid_from_ms=prices.valid_from_ms,
            valid_until_ms=prices.valid_until_ms,
            prices=prices.prices[start : start + MAX_PRICES],
        )
        for start in starts
    )
    return {event.key: event for event in events}


def _changes(before: dict[str, SteeringPriced], after: dict[str, SteeringPriced]) -> Iterator[Outgoing]:
    for key in before.keys() - after.keys():
        yield outgoing(REFERENCE.name, 0, key, None)
    for key, event in after.items():
        yield outgoing(REFERENCE.name, 0, key, event)
