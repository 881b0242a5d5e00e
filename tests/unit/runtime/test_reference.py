"""The catalogue as a stage sees it while chunks change."""

from orderwing.commands.explaining.cards import reference_of
from orderwing.commands.policy_log import policies_of
from orderwing.kernel.ports import Record
from orderwing.planning.policies.checking import unusable
from orderwing.reoptimizer.news import News
from orderwing.runtime import publish_prices
from orderwing.runtime.observer import SilentObserver
from orderwing.runtime.operator_log import outgoing
from orderwing.runtime.policy_watch import PolicyWatch
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.settings import Kafka
from orderwing_schemas.base import Event
from orderwing_schemas.events.reference import CataloguePublished, NetworkPublished, PolicyPublished, SteeringPriced
from orderwing_schemas.network import Item
from orderwing_schemas.policy import Filters, Policy, Strategy
from orderwing_schemas.steering import ShelfPrice
from support.reservation_world import network

GARBAGE = [
    Record("reference", 0, number, b"\xff", value, (("ce_type", f"{name}.v1".encode()),), 0)
    for number, (name, value) in enumerate(
        [("nobody.knows", b"{}"), ("network.published", b"{}"), ("steering.priced", b"\xff"),
         ("policy.published", b"[1,"), ("network.published", None)]
    )
]  # fmt: skip


def item(sku: str) -> Item:
    return Item(sku=sku, weight_g=1, volume_cm3=1, capacity=1, list_price_minor=1)


def record(key: str, event: Event | None) -> Record:
    made = outgoing("reference", 0, key, event)
    return Record("reference", 0, 0, made.key, made.value, tuple(made.headers), 0)


def chunk(number: int, *skus: str) -> Record:
    key = f"catalogue-{number}"
    return record(key, CataloguePublished(key=key, items=tuple(item(sku) for sku in skus)))


def known(table: ReferenceTable, *skus: str) -> list[str]:
    return [sku for sku in skus if table.item(sku) is not None]


def test_an_item_that_moves_to_another_chunk_stays() -> None:
    table = ReferenceTable()
    for written in (chunk(0, "A", "B"), chunk(1, "C", "D"), chunk(0, "A", "C"), chunk(1, "D", "B")):
        table.apply(written)
    assert known(table, "A", "B", "C", "D") == ["A", "B", "C", "D"]


def test_what_a_stranger_takes_back_is_nothing_of_ours() -> None:
    table = ReferenceTable()
    for written in (chunk(0, "A"), Record("reference", 0, 1, b"\xff", None, (), 0)):
        table.apply(written)
    assert known(table, "A") == ["A"]


def test_what_is_no_reference_data_leaves_the_reoptimizer_what_it_knows() -> None:
    news = News(Kafka(bootstrap="nowhere:1"))
    for written in (record("network", NetworkPublished(network=network())), *GARBAGE):
        news._learn("reference", written)
    assert news.reference.network == network()


def test_what_is_no_list_of_prices_and_no_policy_counts_for_nothing() -> None:
    written = [priced(0, 3, A=1), *GARBAGE]
    assert [held.version for held in publish_prices._held(written).values()] == [3]
    assert policies_of(written) == []


def test_what_is_no_network_is_not_explained_by() -> None:
    written = [record("network", NetworkPublished(network=network())), *GARBAGE]
    assert list(reference_of(written).networks) == [network().version]


def test_what_its_chunk_lacks_now_is_gone() -> None:
    table = ReferenceTable()
    for written in (chunk(0, "A", "B"), chunk(1, "C"), chunk(0, "A")):
        table.apply(written)
    assert known(table, "A", "B", "C") == ["A", "C"]
    table.apply(record("catalogue-1", None))
    assert known(table, "A", "B", "C") == ["A"]


def priced(number: int, version: int, **minor: int) -> Record:
    key = f"steering-{number}"
    prices = tuple(ShelfPrice(site_id="S", sku=sku, price_minor=price) for sku, price in minor.items())
    return record(key, SteeringPriced(key=key, version=version, valid_from_ms=10, valid_until_ms=20, prices=prices))


def test_a_price_steers_while_its_list_is_in_force_and_moves_between_chunks() -> None:
    table = ReferenceTable()
    for written in (priced(0, 1, A=1, B=2), priced(1, 1, C=3, D=4), priced(0, 2, A=5, C=6), priced(1, 2, D=7)):
        table.apply(written)
    assert [table.steering_minor("S", sku, 10) for sku in "ABCD"] == [5, 0, 6, 7]
    assert [table.steering_minor("S", "A", now_ms) for now_ms in (9, 19, 20)] == [0, 5, 0]
    assert table.steering_minor("T", "A", 10) == 0
    table.apply(record("steering-0", None))
    assert [table.steering_minor("S", sku, 10) for sku in "ABCD"] == [0, 0, 0, 7]
    table.apply(record("steering-1", None))
    assert not table.steers(10)


def test_a_list_steers_while_it_is_in_force_and_prices_anything() -> None:
    table = ReferenceTable()
    assert not table.steers(10)
    table.apply(priced(0, 1))
    assert not table.steers(10), "an empty list steers nothing"
    table.apply(priced(0, 2, A=1))
    assert [table.steers(now_ms) for now_ms in (9, 10, 19, 20)] == [False, True, True, False]
    table.apply(priced(0, 3))
    assert not table.steers(10)


def policy(version: int, *only_sites: str) -> Policy:
    strategy = Strategy(name="some", filters=Filters(only_sites=only_sites or None))
    return Policy(policy="p", version=version, currency="GBP", strategies=(strategy,))


def policed(one: Policy, in_force: bool = True) -> Record:
    return record("policy", PolicyPublished(policy=one, in_force=in_force))


def test_a_policy_is_in_force_until_it_is_taken_back() -> None:
    table = ReferenceTable()
    assert table.policy is None
    for version in (1, 2):
        table.apply(policed(policy(version)))
        assert table.policy == policy(version)
    table.apply(policed(policy(2), in_force=False))
    assert table.policy is None
    table.apply(policed(policy(3)))
    table.apply(record("policy", None))
    assert table.policy is None


class Heard(SilentObserver):
    def __init__(self) -> None:
        self.told: list[str] = []

    def policy(self, unusable: str) -> None:
        self.told.append(unusable)


def test_a_policy_that_no_longer_goes_with_the_network_is_told_once_and_so_is_its_end() -> None:
    table, observer = ReferenceTable(), Heard()
    watch, other = PolicyWatch(observer, unusable), PolicyWatch(observer, None)

    def changed(written: Record) -> None:
        table.apply(written)
        for _ in range(2):
            watch.look([ReferenceTable(), table])
            other.look([table])

    whole = network()
    changed(policed(policy(1, "W1")))
    changed(record("network", NetworkPublished(network=whole)))
    assert observer.told == []
    fewer = network(regions=("north", "south")).model_copy(update={"version": 2})
    changed(record("network", NetworkPublished(network=fewer)))
    assert len(observer.told) == 1
    assert "strategies.0.filters.only_sites.0: the network has no site W1" in observer.told[0]
    assert observer.told[0].endswith("(on version 2 of the network)")
    changed(policed(policy(2, "N1")))
    assert observer.told[1:] == [""]
    changed(policed(policy(3, "W1")))
    changed(policed(policy(3, "W1"), in_force=False))
    assert len(observer.told) == 4
    assert observer.told[3] == ""
