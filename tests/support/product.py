"""The whole product, for tests that meet it from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from orderwing.demo.product import Product
from orderwing.demo.rundir import RunDirectory
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.network import Item, Network, Policies

SPEED = 480.0  # an hour in seven and a half seconds
READY_S = 300.0  # several times what a slow and busy machine takes
START_MS = 1_780_300_800_000 + 8 * 3_600_000  # eight in the morning


@contextmanager
def running_product(
    directory: Path,
    items: Sequence[Item],
    *,
    network: Network | None = None,
    speed: float = SPEED,
    without: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Product]:
    """A product that is ready for orders of `items`; `without` names services that do not run, `environment` adds to
    that of the others."""
    run = RunDirectory(directory, kept=True)
    run.services.mkdir(parents=True)
    with Product(run, without=without, environment=environment) as product:
        assert product.fix_clock(speed, START_MS).factor == speed
        product.publish(network or demo_network(policies=Policies(window_minutes=60)), items)
        product.start_services().wait_ready(READY_S)
        yield product
