"""Reference data and clock on a real broker: whole in every partition, once, and never taken back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace
from typer.testing import CliRunner

from orderwing.commands.explaining.cards import reference_of
from orderwing.commands.network import app
from orderwing.commands.policy import app as policy_app
from orderwing.kernel.ports import Record
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.publish import (
    CHUNK_ITEMS,
    PublishError,
    find_clock,
    fix_clock,
    publish_reference,
    read_catalogue_file,
    read_network_file,
)
from orderwing.runtime.publish_prices import publish_prices, read_price_file
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.events.reference import ClockFixed
from orderwing_schemas.network import Item, Lane, Network, Region, Site
from orderwing_schemas.steering import MAX_PRICES, PriceList, ShelfPrice
from orderwing_schemas.topics import CLOCK, PARTITIONS, REFERENCE
from support.running import wait_until

DEADLINE_S = 120.0
LONDON = Point(latitude=51.5, longitude=-0.12)


def network(version: int, *regions: str) -> Network:
    return Network(
        version=version,
        currency="GBP",
        regions=tuple(Region(region_id=region, centre=LONDON) for region in regions),
        sites=(
            Site(
                site_id="LON1",
                region_id=regions[0],
                location=LONDON,
                timezone="Europe/London",
                pick_minutes=30,
                units_per_hour=100,
                handling_line_minor=10,
                handling_parcel_minor=50,
            ),
        ),
        lanes=(
            Lane(
                lane_id="LON1-south",
                site_id="LON1",
                zone=regions[0],
                carrier="van",
                services=(ServiceLevel.STANDARD,),
                every_minutes=60,
                transit_minutes=120,
                parcels_per_departure=40,
                parcel_minor=300,
                kilogram_minor=20,
            ),
        ),
    )


def items(count: int, price_minor: int = 100) -> tuple[Item, ...]:
    return tuple(
        Item(sku=f"SKU-{n}", weight_g=100, volume_cm3=50, capacity=1, list_price_minor=price_minor)
        for n in range(count)
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of this module's own, since reference data and clock are the cluster's."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), heap_mb=384) as server:
        yield server.bootstrap


@pytest.fixture
def bootstrap(cluster: str) -> Iterator[str]:
    """The cluster with nothing published."""
    TopicsAdmin(cluster, [REFERENCE, CLOCK]).apply()
    yield cluster
    admin = AdminClient({"bootstrap.servers": cluster})
    for future in admin.delete_topics([REFERENCE.name, CLOCK.name]).values():
        future.result(DEADLINE_S)
    both = {REFERENCE.name, CLOCK.name}
    wait_until(lambda: not both & set(admin.list_topics(timeout=DEADLINE_S).topics), "both are gone", DEADLINE_S)


def records(bootstrap: str) -> list[list[Record]]:
    """By partition."""
    with OperatorLog(bootstrap, "test") as log:
        return [log.read(REFERENCE.name, partition) for partition in range(PARTITIONS)]


def tables(bootstrap: str) -> list[ReferenceTable]:
    """As stages see it, by partition."""
    found: list[ReferenceTable] = []
    for written in records(bootstrap):
        found.append(ReferenceTable())
        for record in written:
            found[-1].apply(record)
    return found


def test_every_partition_gets_everything_once(bootstrap: str) -> None:
    first, catalogue = network(1, "south"), items(2 * CHUNK_ITEMS + 1)
    assert publish_reference(bootstrap, first, catalogue)
    assert not publish_reference(bootstrap, first, catalogue), "the same again is no change"
    keys = [[record.key for record in written] for written in records(bootstrap)]
    assert keys == [[b"catalogue-0", b"catalogue-1", b"catalogue-2", b"network"]] * PARTITIONS
    for seen in tables(bootstrap):
        assert seen.network == first
        assert seen.item(f"SKU-{2 * CHUNK_ITEMS}") is not None

    second = network(2, "south", "north")
    assert publish_reference(bootstrap, second, items(3, price_minor=200))
    for seen in tables(bootstrap):
        assert seen.network == second
        assert seen.item("SKU-2") == items(3, price_minor=200)[2]
        assert seen.item("SKU-3") is None, "what the new catalogue lacks is gone"
        assert seen.item(f"SKU-{2 * CHUNK_ITEMS}") is None

    for refused in (network(3, "north", "south"), network(3, "north"), network(3, "west", "south", "north")):
        with pytest.raises(PublishError, match="south, north, in this order for ever"):
            publish_reference(bootstrap, refused, items(3))
    with pytest.raises(PublishError, match="give this one a version above 2"):
        publish_reference(bootstrap, network(2, "south", "north", "west"), items(3))
    assert tables(bootstrap)[0].network == second


def test_the_clock_is_fixed_once(bootstrap: str) -> None:
    assert find_clock(bootstrap, 60.0) is None
    clock = fix_clock(bootstrap, 60.0, wall_ms=1_000_000, start_ms=5_000)
    assert clock == DomainClock(start_ms=5_000, wall0_ms=1_000_000, factor=60.0)
    assert fix_clock(bootstrap, 60.0, wall_ms=2_000_000) == clock
    assert fix_clock(bootstrap, None, wall_ms=2_000_000) == clock
    assert find_clock(bootstrap, 60.0) == clock
    with pytest.raises(PublishError, match=r"runs at 60 ×, not 10 ×.*--speed 60"):
        find_clock(bootstrap, 10.0)
    with pytest.raises(PublishError, match=r"runs at 60 ×, not 10 ×.*--speed 60"):
        fix_clock(bootstrap, 10.0, wall_ms=2_000_000)
    with OperatorLog(bootstrap, "test") as log:
        assert len(log.read(CLOCK.name, 0)) == 1


def test_real_time_is_the_default(bootstrap: str) -> None:
    clock = fix_clock(bootstrap, None, wall_ms=1_000)
    assert clock.domain_ms(123_456) == 123_456


def test_a_second_writer_fences_the_first(bootstrap: str) -> None:
    event = ClockFixed(start_ms=0, wall0_ms=0, factor=1.0)
    with OperatorLog(bootstrap, "reference") as first, OperatorLog(bootstrap, "reference") as second:
        with pytest.raises(OperatorError, match="nothing was written"):
            first.write([outgoing(CLOCK.name, 0, "clock", event)])
        second.write([outgoing(CLOCK.name, 0, "clock", event)])
        assert len(second.read(CLOCK.name, 0)) == 1


def test_a_record_that_is_too_large_leaves_nothing(bootstrap: str) -> None:
    small = outgoing(CLOCK.name, 0, "clock", ClockFixed(start_ms=0, wall0_ms=0, factor=1.0))
    with OperatorLog(bootstrap, "test") as log:
        with pytest.raises(OperatorError, match="nothing was written"):
            log.write([small, replace(small, value=b"x" * (17 << 20))])
        assert log.read(CLOCK.name, 0) == []
        log.write([small])  # the writer is still of use
        assert len(log.read(CLOCK.name, 0)) == 1


def test_files_that_are_wrong_name_the_fields(tmp_path: Path) -> None:
    good = network(1, "south")
    file = tmp_path / "network.json"
    file.write_bytes(good.model_dump_json().encode())
    assert read_network_file(file) == good
    broken = json.loads(file.read_text())
    broken["sites"][0]["units_per_hour"] = 0
    file.write_text(json.dumps(broken))
    with pytest.raises(PublishError, match=r"network\.json is not valid: sites\.0\.units_per_hour: .*greater than 0"):
        read_network_file(file)
    with pytest.raises(PublishError, match=r"missing\.json cannot be read: No such file"):
        read_network_file(tmp_path / "missing.json")

    catalogue = tmp_path / "catalogue.json"
    entries = [json.loads(item.model_dump_json()) for item in items(2)]
    catalogue.write_text(json.dumps(entries))
    assert read_catalogue_file(catalogue) == items(2)
    catalogue.write_text(json.dumps([entries[0], entries[0]]))
    with pytest.raises(PublishError, match="names a SKU twice"):
        read_catalogue_file(catalogue)


def test_the_command_loads_files(bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", bootstrap)
    file, catalogue = tmp_path / "network.json", tmp_path / "catalogue.json"
    file.write_text(network(1, "south").model_dump_json())
    catalogue.write_text(json.dumps([item.model_dump() for item in items(3)]))
    arguments = ["load", str(file), "--catalogue", str(catalogue), "--speed", "60"]
    first = CliRunner().invoke(app, arguments)
    assert first.output == "Published: version 1, 1 regions, 1 sites, 3 items. The clock runs at 60 x.\n"
    assert CliRunner().invoke(app, arguments).output.startswith("Already published: version 1")
    refused = CliRunner().invoke(app, [*arguments[:-1], "10"])
    assert refused.exit_code == 1
    assert "runs at 60 ×, not 10 ×" in refused.output
    assert tables(bootstrap)[3].network == network(1, "south")


def price_list(version: int, count: int, price_minor: int = 40) -> PriceList:
    prices = tuple(ShelfPrice(site_id="LON1", sku=f"SKU-{n}", price_minor=price_minor) for n in range(count))
    return PriceList(version=version, currency="GBP", valid_from_ms=1_000, valid_until_ms=2_000, prices=prices)


def test_prices_reach_every_partition_and_the_newer_list_replaces_the_older(bootstrap: str) -> None:
    with pytest.raises(PublishError, match="orderwing network load"):
        publish_prices(bootstrap, price_list(1, 1))
    publish_reference(bootstrap, network(1, "south"), items(MAX_PRICES + 1))
    assert publish_prices(bootstrap, price_list(1, MAX_PRICES + 1))
    assert not publish_prices(bootstrap, price_list(1, MAX_PRICES + 1))
    last = f"SKU-{MAX_PRICES}"
    for table in tables(bootstrap):
        assert [table.steering_minor("LON1", last, now_ms) for now_ms in (999, 1_000, 1_999, 2_000)] == [0, 40, 40, 0]
        assert table.item(last) is not None
    with pytest.raises(PublishError, match="Version 1 of the steering prices is published"):
        publish_prices(bootstrap, price_list(1, 1))
    assert publish_prices(bootstrap, price_list(2, 1, price_minor=70))
    for table in tables(bootstrap):
        assert [table.steering_minor("LON1", sku, 1_500) for sku in ("SKU-0", "SKU-1", last)] == [70, 0, 0]


def test_prices_that_make_no_sense_are_refused_in_words(
    bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_reference(bootstrap, network(1, "south"), items(2))
    good = json.loads(price_list(1, 2).model_dump_json())
    wrong = (
        ({"currency": "EUR"}, "currency: EUR, but the network's is GBP"),
        ({"prices": [{**good["prices"][0], "site_id": "LON9"}]}, "prices.0.site_id: the network has no site LON9"),
        ({"prices": [{**good["prices"][1], "sku": "SKU-7"}]}, "prices.0.sku: the catalogue has no SKU-7"),
        ({"prices": [{**good["prices"][0], "price_minor": 35_001}]}, "prices.0.price_minor: 35001 is above 35000"),
        ({"prices": [{**good["prices"][0], "price_minor": -1}]}, "prices.0.price_minor: "),
        ({"prices": [good["prices"][0]] * 2}, "prices: site LON1 has two for SKU SKU-0"),
        ({"valid_until_ms": 1_000}, "valid_until_ms: must be after valid_from_ms"),
        ({"version": 0}, "version: "),
    )
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", bootstrap)
    file = tmp_path / "prices.json"
    for change, says in wrong:
        file.write_text(json.dumps({**good, **change}))
        result = CliRunner().invoke(app, ["price", str(file)])
        assert result.exit_code == 1
        assert says in " ".join(result.output.split())
    file.write_text(json.dumps(good))
    assert read_price_file(file) == price_list(1, 2)
    assert CliRunner().invoke(app, ["price", str(file)]).output == "Published: version 1, 2 prices.\n"


def policy_file(folder: Path, version: int, only_sites: str, gather: str = "never") -> Path:
    file = folder / f"policy-{version}.yaml"
    rules = f"- name: one\n  gather: {gather}\n  filters:\n    only_sites: [{only_sites}]\n"
    file.write_text(f"policy: p\nversion: {version}\ncurrency: GBP\nstrategies:\n{rules}", "utf-8")
    return file


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(policy_app, list(arguments))
    return result.exit_code, " ".join(result.output.split())


def test_a_policy_is_put_in_force_and_taken_back_in_every_partition(
    bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", bootstrap)
    first = str(policy_file(tmp_path, 1, "LON1"))
    assert said("load", first)[1].endswith("run `orderwing network load`.")
    assert said("show") == (0, "No policy is in force: the network's rules decide.")
    publish_reference(bootstrap, network(1, "south"), items(1))
    assert said("withdraw") == (0, "No policy is in force.")
    assert said("load", first) == (0, "p v1 is in force.")
    assert said("load", first) == (0, "p v1 is in force already.")
    assert [table.policy.version if table.policy else None for table in tables(bootstrap)] == [1] * PARTITIONS
    assert said("show") == (0, "p v1 is in force; its strategies, in this order: one.")
    assert json.loads(CliRunner().invoke(policy_app, ["show", "--json"]).output)["strategies"][0]["name"] == "one"

    status, refused = said("load", str(policy_file(tmp_path, 2, "LON1, LON7, LON8")))
    assert status == 1
    assert "strategies.0.filters.only_sites.1 (line 8): the network has no site LON7" in refused
    assert "the network has no site LON8" in refused
    same_version = policy_file(tmp_path, 1, "LON1", gather="{threshold_minor: 1, max_delay_minutes: 5}")
    assert said("load", str(same_version))[1].endswith(
        "Version 1 is published, of the policy p: give this one a version above it."
    )
    later = policy_file(tmp_path, 3, "LON1", gather="{threshold_minor: 1, max_delay_minutes: 5}")
    warned = "for goods held at sites that transfers join: no others are moved. p v3 is in force."
    assert said("load", str(later))[1].endswith(warned)

    assert said("withdraw") == (0, "p v3 is taken back: the network's rules decide.")
    assert [table.policy for table in tables(bootstrap)] == [None] * PARTITIONS
    assert said("show")[1].endswith("the network's rules decide. p v3 was taken back.")
    assert said("load", str(policy_file(tmp_path, 2, "LON1")))[0] == 1, "a version rises, also above one taken back"
    assert said("load", str(later))[1].endswith("p v3 is in force.")
    found = reference_of(records(bootstrap)[0])
    assert set(found.policies) == {("p", 1), ("p", 3)}


def test_a_network_that_the_policy_does_not_go_with_is_published_and_that_is_told(
    bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", bootstrap)
    publish_reference(bootstrap, network(1, "south"), items(1))
    assert said("load", str(policy_file(tmp_path, 1, "LON1")))[0] == 0
    renamed = json.loads(network(2, "south").model_dump_json().replace("LON1", "LON2"))
    file, catalogue = tmp_path / "network.json", tmp_path / "catalogue.json"
    file.write_text(json.dumps(renamed))
    catalogue.write_text(json.dumps([item.model_dump() for item in items(1)]))
    told = CliRunner().invoke(app, ["load", str(file), "--catalogue", str(catalogue)])
    assert told.exit_code == 0
    assert "p v1 is no usable policy: strategies.0.filters.only_sites.0: the network has no site LON1" in told.output
    status, shown = said("show")
    assert status == 1
    assert "the network's rules decide all the same" in shown.lower()
