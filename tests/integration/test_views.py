"""The views on a real broker and Redis: nothing lost or doubled, whatever restarts, and built again from the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from orderwing.cli import app as cli
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.health import Health
from orderwing.runtime.metrics import process_metrics
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partitioning import key_partition
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.settings import Kafka, Redis, Settings, to_environment
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing.views.read import Views
from orderwing.views.store import CURRENT
from orderwing.views.worker import rebuild, run
from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import Candidate, LineQuantity, Order, ShelfLevel
from orderwing_schemas.events.allocation import PartFrozen, ProposalAnswered
from orderwing_schemas.events.dispatch import ShipmentProgressed
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.intake import OrderAccepted, OrderRejected
from orderwing_schemas.events.reoptimizer import WindowClosed
from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, ReservationRecorded, StockMoved
from orderwing_schemas.network import Item
from orderwing_schemas.topics import Topic
from support.allocation_world import AllocationWorld
from support.parts import an_allocated_part, an_order
from support.reservation_world import World, network, order
from support.running import in_thread, wait_until

DEADLINE_S = 120.0
Told = list[tuple[Topic, Event]]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    with EmbeddedBroker(tmp_path / "kafka", heap_mb=384) as server:
        TopicsAdmin(server.bootstrap).apply()
        yield server.bootstrap


@pytest.fixture
def settings(cluster: str, redis_url: str) -> Settings:
    return Settings(kafka=Kafka(bootstrap=cluster), redis=Redis(url=redis_url))


@contextmanager
def worker(settings: Settings) -> Iterator[None]:
    with in_thread(lambda stop: run(settings, stop), DEADLINE_S):
        yield


def accepted(views: Views) -> int:
    return views.stage_counts().get("intake", {}).get("order.accepted.v1", 0)


def exposition() -> str:
    return process_metrics("views").exposition(Health())[1].decode()


def await_told(*lines: str) -> None:
    eventually(lambda: all(line in exposition() for line in lines))


def eventually(holds: Callable[[], bool]) -> None:
    """Topics are read in any order."""

    def true() -> bool:
        try:
            return holds()
        except OperatorError:  # no views yet
            return False

    wait_until(true, "the views say so", DEADLINE_S)


class Writer:
    """Writes as stages do, in transactions."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "test-views"})
        self._producer.init_transactions(DEADLINE_S)
        self._outputs = Outputs("test", "")
        self._at_ms = 1_000_000

    def write(self, events: Told, *, abort: bool = False) -> None:
        self._producer.begin_transaction()
        for topic, event in events:
            self._at_ms += 1_000
            key = topic.key_of(event)
            headers: list[tuple[str, str | bytes | None]] = [*self._outputs.headers(event, "ab" * 16, self._at_ms)]
            self._producer.produce(topic.name, encode(event), key, key_partition(key, 4), headers=headers)
        self._producer.flush(DEADLINE_S)
        (self._producer.abort_transaction if abort else self._producer.commit_transaction)(DEADLINE_S)


def life(order_id: str, until: str) -> Told:
    """An order of two units in one part and one shipment, told up to `until`."""
    part = an_allocated_part(order_id)
    lines = (LineQuantity(line_id="1", sku="tea", quantity=2),)
    told: Told = [
        (topics.ORDERS_ACCEPTED, OrderAccepted(order=an_order(order_id), payment_token="tok")),
        (
            topics.FRAUD_DECIDED,
            FraudDecided(order_id=order_id, customer_key="c", outcome="cleared", rules=(), by="rules"),
        ),
        (
            topics.RESERVATIONS_RECORDED,
            ReservationRecorded(order_id=order_id, version=1, outcome=ReservationOutcome.RESERVED, reserved=lines),
        ),
        (topics.PARTS_PLANNED, part),
        (topics.PARTS_PLANNED, PartFrozen(region=part.region, part_id=part.part_id, order_id=order_id, version=1)),
    ]
    for status in ("released", "picked", "packed", "shipped", "in_transit", "delivered"):
        progress = {
            "order_id": order_id,
            "order_version": 1,
            "part_id": part.part_id,
            "shipment_id": part.shipments[0].shipment_id,
            "site_id": "s1",
            "status": status,
            "lines": [line.model_dump() for line in lines],
            "at_ms": 1,
            "promise_at_ms": 2,
        }
        told.append((topics.SHIPMENTS_PROGRESS, ShipmentProgressed.model_validate(progress, strict=False)))
        if status == until:
            break
    return told[:4] if until == "allocated" else told


def test_orders_and_counts_survive_restarts_lost_redis_and_a_rebuild(settings: Settings) -> None:
    writer = Writer(settings.kafka.bootstrap)
    rejected = OrderRejected(order_id="bad", reasons=("unknown_sku",), detail="lines.0.sku")
    before = {"allocated": 1, "rejected": 1, "shipped": 1}
    with Views(settings.redis.url) as views:
        with worker(settings):
            writer.write([(topics.INTAKE_OUTCOMES, rejected), *life("one", "shipped"), *life("two", "allocated")])
            writer.write(life("never", "delivered"), abort=True)
            eventually(lambda: views.orders_by_state() == {"rejected": 1, "allocated": 1, "shipped": 1})
            assert views.pool("south") == 1
            eventually(lambda: views.lag() is not None)
        counts = views.stage_counts()
        assert counts["dispatch"]["shipment.progressed.v1"] == 4

        with worker(settings):  # goes on where it stood
            writer.write(life("three", "released"))
            eventually(lambda: views.orders_by_state() == before | {"released": 1} and accepted(views) == 3)
        assert accepted(views) == 3

        with redis.Redis.from_url(settings.redis.url) as client:
            for key in client.scan_iter("orderwing:*"):
                client.delete(key)
        with worker(settings):  # from the beginning
            eventually(lambda: views.orders_by_state() == before | {"released": 1} and accepted(views) == 3)
            with redis.Redis.from_url(settings.redis.url) as client:
                former = client.get(CURRENT)
                assert isinstance(former, bytes)
                told: list[tuple[int, int]] = []
                assert rebuild(settings, lambda done, size: told.append((done, size))) == 20
                assert (told[-2][0], told[-1][0]) == (20, told[-1][1])
                assert client.get(CURRENT) != former
                assert (views.orders_by_state(), accepted(views)) == (before | {"released": 1}, 3)
                writer.write(life("four", "delivered"))  # the running service moves to the new generation
                eventually(lambda: views.orders_by_state() == before | {"released": 1, "delivered": 1})
                eventually(lambda: accepted(views) == 4)
                eventually(lambda: not list(client.scan_iter(f"{former.decode()}:*")))
        assert accepted(views) == 4


def require_metrics(writer: Writer) -> None:
    """What Prometheus is told of the delivered order, and of one that is late and one that waits."""
    await_told(
        'orderwing_orders{service="views",state="delivered"} 1.0',
        'orderwing_orders{service="views",state="allocated"} 0.0',
        'orderwing_stock_units{level="on_hand",region="south",service="views"} 9.0',
        'orderwing_stock_units{level="reserved",region="south",service="views"} 2.0',
        'orderwing_proposals_saved_minor{service="views"} 40.0',
        'orderwing_brokers{service="views"} 1.0',
        'orderwing_partitions_leaderless{service="views"} 0.0',
    )

    missing = (LineQuantity(line_id="1", sku="tea", quantity=2),)
    waits = ReservationRecorded(order_id="two", version=1, outcome=ReservationOutcome.BACKORDERED, waiting=missing)
    accepts = OrderAccepted(order=an_order("two"), payment_token="tok")
    writer.write([*life("late", "picked"), (topics.ORDERS_ACCEPTED, accepts), (topics.RESERVATIONS_RECORDED, waits)])
    await_told(
        'orderwing_orders_stuck{service="views",state="picked"} 1.0',
        'orderwing_orders_stuck{service="views",state="backordered"} 0.0',
        'orderwing_promises_at_risk{reason="overdue",service="views"} 1.0',
        'orderwing_backordered_units{region="south",service="views"} 2.0',
        'orderwing_clock_factor{service="views"} 2.0',
    )
    writer.write(life("late", "delivered")[-4:])
    await_told(
        'orderwing_orders_stuck{service="views",state="picked"} 0.0',
        'orderwing_promises_at_risk{reason="overdue",service="views"} 0.0',
        'orderwing_orders{service="views",state="delivered"} 2.0',
    )


def test_an_order_tells_its_life_and_why(settings: Settings, tmp_path: Path) -> None:
    writer = Writer(settings.kafka.bootstrap)
    part = an_allocated_part("one")
    card = DecisionCard(
        order_id="one",
        part_id=part.part_id,
        stage="allocation",
        decision="plan",
        at_ms=5,
        chosen="s1",
        candidates=(Candidate(label="s1", cost_minor=5, terms=(("parcel", 5),)),),
    )
    shelf = ShelfLevel(site_id="s1", sku="tea", on_hand=9, reserved=2, safety=1)
    answered = ProposalAnswered(
        region="south", proposal_id="w:1", accepted=True, reason="better", part_ids=(part.part_id,), gain_minor=40
    )
    window = WindowClosed(
        region="south",
        window_id="w",
        at_ms=9,
        pool=1,
        looked=1,
        proposed=1,
        expected_gain_minor=40,
        solve_wall_ms=3,
        part_ids=(part.part_id,),
    )
    fix_clock(settings.kafka.bootstrap, 2.0, time.time_ns() // 1_000_000, 1_780_000_000_000)
    with Views(settings.redis.url) as views, worker(settings):
        writer.write(
            [
                *life("one", "delivered"),
                (topics.ALLOCATION_CARDS, card),
                (topics.STOCK_MOVED, StockMoved(region="south", kind="held", order_id="one", shelves=(shelf,))),
                (topics.PARTS_PLANNED, answered),
                (topics.WINDOWS, window),
            ]
        )
        eventually(lambda: views.windows().windows == 1 and views.parcels().delivered == 1)
        eventually(lambda: views.windows().accepted == 1 and views.atp("south", "s1", "tea") == 6)
        eventually(lambda: views.orders_by_state() == {"delivered": 1})
        eventually(lambda: (told := views.order("one")) is not None and len(told.facts) == 11)  # whichever came last
        order = views.order("one")
        assert order is not None
        assert order.state == "delivered"
        assert [fact.what.partition(":")[0] for fact in order.facts][:4] == [
            "accepted",
            "fraud",
            "reservation",
            "planned",
        ]
        assert order.part_states == {part.part_id: "delivered"}
        assert order.order is not None
        assert order.order["lines"][0]["sku"] == "tea"
        assert views.windows().saved_minor == 40
        eventually(lambda: len(views.explain("one").cards) == 1)
        assert views.order("unheard-of") is None
        require_metrics(writer)

        run_cli = partial(CliRunner().invoke, cli, env=to_environment(settings) | {"COLUMNS": "200"})
        shown = run_cli(["order", "show", "one"])
        assert shown.exit_code == 0, shown.output
        assert "Order one: delivered" in shown.output
        assert f"plan v1 of {part.part_id} is final" in shown.output
        why = run_cli(["explain", "one"])
        assert "Chosen: s1; nothing else was possible." in why.output
        assert run_cli(["order", "show", "unheard-of"]).exit_code == 1
        assert json.loads(run_cli(["order", "show", "one", "--json"]).output)["state"] == "delivered"
        require_explained(views, writer, settings, run_cli, tmp_path / "policy.yaml")


def decided(region: World, placed: Order) -> Told:
    """An order accepted, and the cards of what reservation and allocation make of it."""
    held = [event for event in region.request(placed) if isinstance(event, DecisionCard)]
    region.clear(placed)
    (part,) = region.reserved(placed.order_id)
    allocation = AllocationWorld(region.network)
    allocation.now_ms = region.now_ms
    (plan,) = [event for event in allocation.put(part) if isinstance(event, DecisionCard)]
    accepts = OrderAccepted(order=placed, payment_token="tok")
    cards: Told = [(topics.RESERVATION_CARDS, card) for card in held]
    return [(topics.ORDERS_ACCEPTED, accepts), *cards, (topics.ALLOCATION_CARDS, plan)]


def require_explained(
    views: Views, writer: Writer, settings: Settings, run_cli: Callable[[list[str]], Result], policy: Path
) -> None:
    """Decisions about stock are made again, as they were and as if something else had been so."""
    region = World(network(regions=("north",)))
    tea = Item(sku="A", weight_g=0, volume_cm3=1, capacity=1, list_price_minor=1)
    for site_id, units in (("N1", 5), ("N2", 2)):
        region.receive(site_id, "A", units)
    publish_reference(settings.kafka.bootstrap, region.network, (tea,))
    for order_id, units in (("why", 3), ("small", 1)):
        events = decided(region, order(order_id, {"A": units}))
        writer.write(events)
        cards = len(events) - 1
        eventually(lambda o=order_id, n=cards: len(views.explain(o).cards) == n and views.order(o) is not None)  # type: ignore[misc]
    require_explained_by_policy(run_cli, policy)
    assert "N2 would win if N2 had 1 more of A (3 instead of 2)" in run_cli(["explain", "why"]).output
    told = json.loads(run_cli(["explain", "why", "--json"]).output)["cards"][0]["again"]
    assert told["reproduced"] is True
    moved = run_cli(["explain", "why", "--without", "N1", "--with-stock", "A=N2:3"])
    first, plans = moved.output.split("allocation, part why/north/1: planned on the stock held")
    for told in (first, plans):
        assert "without N1, with 3 of A at N2: It would be N2: 0.01 dearer." in told
    dearer = ["--with-stock", "A=N2:9", "--json"]  # more stock changes no plan that is cheaper where it is
    card = json.loads(run_cli(["explain", "why", *dearer]).output)["cards"][-1]
    assert card["what_if"][0]["after"]["chosen"] == "N1"
    assert [one["label"] for one in card["what_if"][0]["after"]["candidates"]] == ["N1", "N2"]
    assert {one["winner"] for one in card["again"]["break_evens"]} == {"N2"}
    for wrong in (["--without", "N9"], ["--with-stock", "B=N1:5"], ["--with-stock", "A=N1"], ["--at", "noon"]):
        assert run_cli(["explain", "why", *wrong]).exit_code == 1
    assert run_cli(["explain", "unheard-of"]).exit_code == 1


def require_explained_by_policy(run_cli: Callable[[list[str]], Result], policy: Path) -> None:
    """The plan on what was held at N1 is decided again by a file in which units from there count 50 each."""
    file = ["policy: dear-north", "version: 1", "currency: GBP", "strategies:"]
    strategy = ["- name: one", "  weights: {site_unit_minor: {N1: 50}}"]
    policy.write_text("\n".join([*file, *strategy]))
    words = ["explain", "small", "--policy", str(policy)]
    told = run_cli(words)
    assert told.exit_code == 0, told.output
    _, plan = told.output.split("allocation, part small/north/1: planned on the stock held")
    assert f"by {policy}: It would be N2: 0.01 dearer." in " ".join(plan.split())
    card = json.loads(run_cli([*words, "--json"]).output)["cards"][-1]
    (by_policy,) = card["what_if"]
    assert (card["again"]["reproduced"], by_policy["before"]["chosen"]) == (True, "N1")
    assert (by_policy["after"]["chosen"], by_policy["after"]["cost_minor"]) == ("N2", 331)
    policy.write_text("\n".join([*file, "- name: one", "  weights: {site_unit_minor: {N9: 50}}"]))
    wrong = run_cli(words)
    assert (wrong.exit_code, "N9" in wrong.output) == (1, True)
