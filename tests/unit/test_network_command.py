import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.commands.network import not_used_yet, require_prices
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.publish import PublishError
from orderwing.runtime.publish_prices import read_price_file
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from support.policies import rich_network


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"valid_until_ms": 1_000}, "valid_until_ms: must be after valid_from_ms."),
        ({"valid_from_ms": "soon"}, "valid_from_ms: Input should be a valid integer"),
        ({"prices": [{"site_id": "A", "sku": "B", "price_minor": 4}] * 2}, "prices: site A has two for SKU B."),
    ],
)
def test_a_price_file_that_is_wrong_names_the_field(tmp_path: Path, change: dict[str, object], told: str) -> None:
    file = tmp_path / "prices.json"
    good = {"version": 1, "currency": "GBP", "valid_from_ms": 1_000, "valid_until_ms": 2_000, "prices": []}
    file.write_text(json.dumps({**good, **change}))
    with pytest.raises(PublishError) as refused:
        read_price_file(file)
    assert str(refused.value).startswith(f"{file} is not valid: {told}")


def test_what_no_stage_uses_is_told() -> None:
    assert not_used_yet(demo_network()) == []
    assert not_used_yet(rich_network()) == []
    patient = rich_network().policies.model_copy(update={"backorder_unit_minor": 5})
    told = not_used_yet(rich_network().model_copy(update={"policies": patient}))
    assert told == ["policies.backorder_unit_minor"]


def test_a_network_that_cannot_be_priced_is_refused_by_field() -> None:
    network, catalogue = demo_network(), demo_catalogue()
    require_prices(network, catalogue)
    free = network.lanes[0].model_copy(update={"carrier": "nobody", "parcel_minor": 0, "kilogram_minor": 0})
    with pytest.raises(OperatorError) as refused:
        require_prices(network.model_copy(update={"lanes": (free, *network.lanes[1:])}), catalogue)
    told = f"Not every order could be priced and planned: lanes[{free.lane_id}].parcel_minor: is 0, kilogram_minor too,"
    assert str(refused.value).startswith(told)


def test_a_policy_is_not_tried_on_a_network_that_cannot_be_planned_with(tmp_path: Path) -> None:
    network, policy = demo_network(), tmp_path / "policy.yaml"
    policy.write_text("{policy: p, version: 1, currency: GBP}")
    site = network.sites[0].model_copy(update={"pick_minutes": 10**18})
    file = tmp_path / "network.json"
    file.write_text(network.model_copy(update={"sites": (site, *network.sites[1:])}).model_dump_json())
    result = CliRunner().invoke(app, ["policy", "try", str(policy), "--orders", "1", "--network", str(file)])
    assert result.exit_code == 1
    told = f"orderwing: Not every order could be priced and planned: sites[{site.site_id}].pick_minutes: is 1000000"
    assert result.output.startswith(told)
