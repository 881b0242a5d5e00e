"""Policy files: what is wrong is said with its place; which strategy takes an order, what is tried, what changed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.commands.policy_orders import made_up, moments_of
from orderwing.commands.policy_warnings import warnings
from orderwing.planning.policies.changes import Difference, differences
from orderwing.planning.policies.comparing import compare
from orderwing.planning.policies.compiling import apply, compiled, network_rules, steps
from orderwing.planning.policies.file import PolicyError, parse
from orderwing.planning.policies.replay import Outcome, replay
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.base import Event
from orderwing_schemas.domain import ShelfLevel
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.reservation import DecisionCard, StockMoved
from support.policies import case, items, orders, policy, policy_text, rich_network

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "deploy" / "policies" / "gb.yaml"
HEAD = "policy: p\nversion: 1\ncurrency: GBP\n"
ONE = f"{HEAD}strategies:\n- name: a\n"


def refused(text: str, name: str = "p.yaml") -> str:
    with pytest.raises(PolicyError) as told:
        compiled(parse(name, text), demo_network())
    return str(told.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("policy: [", "it is not YAML at line 1"),
        ("- 1", "the whole: input should be an object"),
        ("policy: p\nversion: 1\n", "currency: field required"),
        (HEAD.replace("GBP", "EUR"), "currency (line 3): is EUR, and the network's is GBP"),
        (HEAD.replace("1", "0"), "version (line 2): input should be greater than or equal to 1"),
        (f"{HEAD}version: 2\n", "version (line 2): is given twice, again on line 4"),
        *(
            (f"policy: p\nversion: !!{value}\n", "version (line 2): ")
            for value in ('int ""', 'int "_"', 'float ""', "bool abc", "timestamp abc")
        ),
        ('currency: GBP\npolicy: "\\UFFFFFFFF"\n', "it is not YAML at line 2: an escape names a character"),
        ('currency: GBP\npolicy: "\\ud800"\n', "policy (line 2): holds half a character"),
        ('currency: GBP\n"\\ud800": p\n', "a field's name on line 2 is no word"),
        (f"{HEAD}policy2: x\n", "policy2 (line 4): there is no such field"),
        (f"{ONE}  filters:\n    max_km: 3\n", "strategies.0.filters.max_km (line 7): there is no such field"),
        (
            f"{ONE}  filters: {{exclude_sites: [rugbi]}}\n",
            "filters.exclude_sites.0 (line 6): the network has no site rugbi",
        ),
        (
            f"{ONE}  filters: {{exclude_carriers: [x]}}\n",
            "filters.exclude_carriers.0 (line 6): the network has no carrier x",
        ),
        (f"{ONE}  filters: {{only_sites: [rugby, rugby]}}\n", "only_sites.1 (line 6): rugby is named twice"),
        (f"{ONE}  filters: {{only_sites: [rugby], exclude_sites: [stoke]}}\n", "both given: say it with one"),
        (f"{ONE}  filters: {{exclude_regions: [north, midlands, south-west, south-east]}}\n", "no site is left"),
        (f"{ONE}  filters: {{home_region_only: true, only_sites: [rugby]}}\n", "no site is left for home region north"),
        (f"{ONE}  when: {{zones: [mars]}}\n", "strategies.0.when.zones.0 (line 6): the network has no zone mars"),
        (f"{ONE}  when: {{zones: [no]}}\n", "strategies.0.when.zones.0 (line 6): input should be a valid string"),
        (f"{ONE}  when: {{zones: []}}\n", "strategies.0.when.zones (line 6): tuple should have at least 1 item"),
        (f"{ONE}  when: {{value_minor: {{at_least: 9, below: 9}}}}\n", "nothing is at least 9 and below 9"),
        (f"{ONE}  when: {{service_levels: [FAST]}}\n", "service_levels.0 (line 6): input should be '2_HOURS', "),
        (
            f"{ONE}  weights: {{site_unit_minor: {{x: 1}}}}\n",
            "weights.site_unit_minor.x (line 6): the network has no site x",
        ),
        (
            f"{ONE}  weights: {{parcel_minor: .inf}}\n",
            "weights.parcel_minor (line 6): '.inf' is neither text nor a number",
        ),
        (
            f"{ONE}  weights: {{parcel_minor: -1}}\n",
            "weights.parcel_minor (line 6): input should be greater than or equal",
        ),
        (f"{ONE}  first: parcels\n  weights: {{parcel_minor: 5}}\n", "weights.parcel_minor would count for nothing"),
        (f"{ONE}  first: sites\n  single_site: always\n", "single_site would count for nothing"),
        (
            f"{ONE}  when: {{service_levels: [SAME_DAY]}}\n  gather: {{threshold_minor: 1, max_delay_minutes: 9}}\n",
            "never",
        ),
        (f"{ONE}  gather: {{threshold_minor: 1}}\n", "strategies.0.gather.max_delay_minutes (line 6): field required"),
        (
            f"{ONE}- name: a\n  when: {{one_box: true}}\n",
            "strategies.1.name (line 6): a is the name of strategies.0 already",
        ),
        (f"{ONE}- name: b\n", "strategies.1.when (line 6): no order gets here: strategies.0 (a) takes all of them"),
        (f"{ONE}  fallbacks: [{{strategy: z}}]\n", "fallbacks.0.strategy (line 6): there is no strategy z"),
        (f"{ONE}  fallbacks: [{{strategy: a}}]\n", "leads back to itself: a → a"),
        (f"{ONE}  fallbacks: [{{relax: [max_sites]}}]\n", "a has no max_sites to relax"),
        (
            f"{ONE}  fallbacks: [{{backorder: {{}}}}, {{strategy: network-rules}}]\n",
            "fallbacks.1 (line 6): is never tried",
        ),
        (f"{ONE}  fallbacks: [{{}}]\n", "exactly one of relax, strategy and backorder"),
        (f"{HEAD}strategies: &s [*s]\n", "nested too deep, or repeats itself"),
        (f"{HEAD}strategies: 2026-05-06\n", "strategies (line 4): '2026-05-06' is neither text nor a number"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    message = refused(text)
    assert message.startswith("p.yaml is no usable policy: ")
    assert told in message


def test_json_is_read_alike_and_every_fault_is_told() -> None:
    text = '{\n\t"policy": "p",\n\t"version": 1,\n\t"currency": "GBP",\n\t"strategies": [{"name": "A"}, {"nam": 1}]\n}'
    message = refused(text, "p.json")
    assert "strategies.0.name (line 5): string should match" in message
    assert "strategies.1.name (line 5): field required" in message
    assert "strategies.1.nam (line 5): there is no such field" in message
    many = policy_text(*({"name": f"s{n}", "when": {"zones": [f"z{n}"]}} for n in range(9)))
    assert refused(many, "p.json").endswith("(and 4 more).")


def test_a_character_that_json_escapes_as_a_pair_is_one() -> None:
    faces = r'{"policy": "p", "version": 1, "currency": "GBP", "strategies": [{"name": "\ud83d\ude00"}]}'
    assert "surrogate" not in refused(faces, "p.json")
    assert "holds half a character" in refused(faces.replace(r"\ude00", ""), "p.json")


def test_the_first_strategy_whose_conditions_hold_is_taken_and_it_says_why() -> None:
    one = case(3)
    level, zone = one.order.service_level, one.order.zone
    chosen = policy(
        {"name": "dear", "when": {"value_minor": {"at_least": 10**9}}},
        {"name": "here", "when": {"zones": [zone], "service_levels": [level], "units": {"below": 10**6}}},
        {"name": "rest"},
    )
    applied = apply(chosen, one.at.facts)
    assert applied.strategy.name == "here"
    units = sum(line.quantity for line in one.order.lines)
    assert applied.because == f"service level {level}, zone {zone}, {units} units"
    assert applied.passed == (("dear", f"value {one.order.total_minor}"),)
    assert apply(policy(), one.at.facts).strategy.name == "network-rules"


def test_fallbacks_are_tried_in_their_order_and_go_on_with_another_strategys() -> None:
    one = case(3)
    first = {
        "name": "near",
        "filters": {"max_distance_km": 50, "keep_units": 2, "only_regions": ["north"]},
        "max_sites": 1,
        "fallbacks": [
            {"relax": ["max_sites"]},
            {"backorder": {"at_most_units": 2}},
            {"relax": ["keep_units", "max_distance_km"]},
            {"strategy": "far"},
        ],
    }
    far = {"name": "far", "when": {"zones": ["north"]}, "filters": {"keep_units": 1}, "fallbacks": [{"backorder": {}}]}
    chosen = policy(first, far)
    told = [(step.said, step.accepts_short) for step in steps(chosen, apply(chosen, one.at.facts))]
    assert told[:4] == [
        ("near", 0),
        ("near without max_sites", 2),
        ("near without max_sites", 0),
        ("near without keep_units, max_distance_km, max_sites", 0),
    ]
    assert [said for said, _ in told[4:]] == ["far", "far"]
    lifted = list(steps(chosen, apply(chosen, one.at.facts)))[3].applied
    assert (lifted.max_sites, lifted.filters.keep_units, lifted.filters.only_regions) == (None, None, ("north",))


def test_rules_reach_the_network_and_a_lower_delay_the_order() -> None:
    one = case(3)
    tight = {"name": "tight", "max_delay_minutes": {one.order.service_level: 7}, "single_site": "when_cheapest"}
    asked = apply(policy(tight), one.at.facts).asked(one.asked)
    assert (asked.max_delay_minutes, asked.network.policies.single_site) == (7, "when_cheapest")
    loose = {"name": "loose", "max_delay_minutes": {one.order.service_level: 10**6}}
    again = apply(policy(loose), one.at.facts).asked(one.asked)
    assert again.max_delay_minutes == one.asked.max_delay_minutes
    assert again.network is one.network


def test_what_two_versions_differ_in() -> None:
    old = parse("p.json", policy_text({"name": "a", "max_sites": 1}, {"name": "b", "when": {"one_box": True}})).policy
    new = parse(
        "p.json", policy_text({"name": "b"}, {"name": "a", "weights": {"parcel_minor": 5}}, {"name": "c"})
    ).policy
    assert differences(old, old) == []
    assert differences(old, new.model_copy(update={"version": 2})) == [
        Difference("version", 1, 2),
        Difference("strategies[a].max_sites", 1, None),
        Difference("strategies[a].weights", None, {"parcel_minor": 5}),
        Difference("strategies[b].when", {"one_box": True}, None),
        Difference("strategies[c]", None, {}),
        Difference("order of strategies", ["a", "b"], ["b", "a"]),
    ]


def told(network_policy: Any, count: int = 60) -> list[Outcome]:
    found = made_up(count, 5)
    return list(replay(network_policy, found.moments, {item.sku: item for item in found.items}.get))


def test_the_example_sources_every_order_and_a_comparison_adds_up() -> None:
    found = made_up(60, 5)
    example = compiled(parse(str(EXAMPLE), EXAMPLE.read_text("utf-8")), found.network)
    before, after = told(network_rules(found.network)), told(example)
    assert [one.order_id for one in after] == [moment.order.order_id for moment in found.moments]
    for one in after:
        assert sum(one.units_by_site.values()) + one.short_units == one.units
        assert bool(one.reason) == bool(one.short_units)
    comparison = compare(before, after)
    assert comparison.changed >= comparison.other_sites > 0
    assert sum(load.after for load in comparison.site_loads) == sum(one.units - one.short_units for one in after)
    assert sum(count for _, count in comparison.strategies) == 60
    total = round(60 * (comparison.after.cost_per_order - comparison.before.cost_per_order))
    assert total == sum(new.cost_minor - old.cost_minor for old, new in zip(before, after, strict=True))
    assert compare(before, before).changed == 0
    with pytest.raises(ValueError, match="not of the same orders"):
        compare(before, after[1:])


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLE.parent.glob("*.yaml")))
def test_examples_keep_the_schema_that_editors_use_and_go_with_the_demo(name: str) -> None:
    schema = json.loads((ROOT / "schemas" / "policy.schema.json").read_text("utf-8"))
    text = (EXAMPLE.parent / name).read_text("utf-8")
    assert compiled(parse(name, text), demo_network()).policy.strategies
    example = yaml.safe_load(text)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(example)
    example["strategies"][0]["filter"] = {}
    assert not validator.is_valid(example)


def test_an_order_that_cannot_be_priced_is_listed_with_its_reason() -> None:
    found = made_up(3, 5)
    lost = found.moments[0].order.lines[0].sku
    known = {item.sku: item for item in found.items if item.sku != lost}
    outcomes = list(replay(network_rules(found.network), found.moments, known.get))
    assert len(outcomes) == 3
    assert outcomes[0].reason.startswith(f"items[{lost}]: is not in the catalogue")
    assert outcomes[0].short_units == outcomes[0].units


def levels(site_id: str, sku: str, on_hand: int, order_id: str | None = None) -> StockMoved:
    shelf = ShelfLevel(site_id=site_id, sku=sku, on_hand=on_hand, reserved=0, safety=1)
    kind = "received" if order_id is None else "held"
    return StockMoved(region="north", kind=kind, order_id=order_id, shelves=(shelf,))


def card(order_id: str, at_ms: int, seen: tuple[tuple[str, str, int], ...]) -> DecisionCard:
    return DecisionCard(
        order_id=order_id,
        part_id=None,
        stage="reservation",
        decision="hold",
        at_ms=at_ms,
        chosen="x",
        candidates=(),
        seen=seen,
    )


def test_orders_of_a_log_meet_the_stock_there_was() -> None:
    first, second, third = orders()[:3]
    sku = first.lines[0].sku
    same = second.model_copy(update={"lines": first.lines})
    accepted = [OrderAccepted(order=one, payment_token="t") for one in (first, same, third)]
    events: list[tuple[int, Event]] = [
        *((10, event) for event in accepted),
        (1, levels("doncaster", sku, 9)),
        (1, levels("rugby", sku, 4)),
        (1, levels("rugby", "OTHER", 4)),
        (20, levels("doncaster", sku, 6, first.order_id)),  # by the card of the same millisecond
        (20, card(first.order_id, 500, (("rugby", sku, 2),))),
        (30, card(same.order_id, 700, ())),
        (40, card(same.order_id, 900, ())),  # a later look
        (50, card("unheard-of", 900, ())),
    ]
    moments = moments_of(events, 5)
    assert [(one.order.order_id, one.at_ms) for one in moments] == [(first.order_id, 500), (same.order_id, 700)]
    assert moments[0].seen == {("doncaster", sku): 8, ("rugby", sku): 2}
    assert moments[1].seen == {("doncaster", sku): 5, ("rugby", sku): 3}
    assert moments_of(events, 1) == moments[1:]
    told = card(first.order_id, 500, (("rugby", sku, 2), ("warrington", sku, 1)))
    told = told.model_copy(update={"decision": "home and others together"})
    (moment,) = moments_of([*events[:6], (20, told)], 5)
    assert moment.seen == {("doncaster", sku): 8, ("rugby", sku): 3, ("warrington", sku): 1}, "what was told may be old"
    outcomes = list(replay(network_rules(rich_network()), moments, items().get))
    assert [one.order_id for one in outcomes] == [first.order_id, same.order_id]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["policy", *arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.stdout, result.stderr


WARNED = {
    "filters": ({"max_load_percent": 90}, "filters.max_load_percent acts where plans are made and changed"),
    "weights": ({"balance_unit_minor": 5}, "weights.balance_unit_minor acts where plans are made and changed"),
    "gather": ({"threshold_minor": 1, "max_delay_minutes": 60}, "gather is weighed within each region"),
}


@pytest.mark.parametrize("field", WARNED)
def test_what_stages_do_not_do_is_told_of_each_field(field: str) -> None:
    value, said = WARNED[field]
    strategies = {"name": "a", "when": {"one_box": True}, field: value}, {"name": "b", "first": "sites"}
    (warning,) = warnings(policy(*strategies).policy)
    assert warning.startswith(f"strategies.a.{said}")
    assert warning.endswith(".")


def test_of_what_stages_do_nothing_is_told() -> None:
    kept = {
        "name": "a",
        "filters": {
            "home_region_only": True,
            "exclude_carriers": ["air-line"],
            "max_distance_km": 300,
            "keep_units": 1,
        },
        "weights": {"parcel_minor": 5, "lateness": {"hour_minor": 9}, "site_unit_minor": {"rugby": 1}},
        "max_sites": 2,
        "single_site": "when_cheapest",
        "home_first": True,
        "gather": "never",
        "max_delay_minutes": {"STANDARD": 60},
        "backorder_unit_minor": 7,
        "fallbacks": [{"relax": ["max_sites"]}],
    }
    assert warnings(policy(kept).policy) == []


def test_the_commands(tmp_path: Path) -> None:
    status, out, _ = run("check", str(EXAMPLE), "--network", "demo")
    assert (status, out) == (
        0,
        "gb v1 can be used; its strategies, in this order: today, one-box, abroad, large, standard.\n",
    )
    network = tmp_path / "network.json"
    network.write_text(demo_network().model_dump_json())
    bad = tmp_path / "bad.yaml"
    bad.write_text(EXAMPLE.read_text("utf-8").replace("rugby", "rugbi"))
    status, _, err = run("check", str(bad), "--network", str(network))
    assert status == 1
    line = next(n for n, text in enumerate(bad.read_text("utf-8").splitlines(), 1) if "rugbi" in text)
    assert f"strategies.3.filters.only_sites.0 (line {line}): the network has no site rugbi" in err
    assert "cannot be read" in run("check", str(tmp_path / "none.yaml"), "--network", "demo")[2]

    status, out, _ = run("diff", str(EXAMPLE), str(bad), "--json")
    assert [one["field"] for one in json.loads(out)] == ["strategies[large].filters.only_sites"]
    assert "They say the same." in run("diff", str(bad), str(bad))[1]

    status, out, _ = run("try", str(EXAMPLE), "--orders", "30", "--json")
    found = json.loads(out)
    assert (status, found["before"]["orders"], found["after"]["policy"]) == (0, 30, "gb v1")
    assert len(found["largest"]) <= 10
    status, out, _ = run("try", str(EXAMPLE), "--against", str(EXAMPLE), "--orders", "10", "--network", str(network))
    assert status == 0
    assert "10 made-up orders of seed 0: 0 change, 0 of them ship from elsewhere." in out
