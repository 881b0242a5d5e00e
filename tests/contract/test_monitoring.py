"""Dashboards and alerts: current, of Grafana's own types, about metrics that exist, each alert tried and explained."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from orderwing.composition import SERVICES
from orderwing.dashboards.build import SOURCE_UID, generated, stale, write
from orderwing.dashboards.contents import boards
from orderwing.dashboards.panels import DIRECTORY
from orderwing.runtime.metric_defs import ALL_METRICS, Metric
from orderwing_schemas.topics import STAGES
from support.monitoring import ROOT, program

PROMETHEUS = ROOT / "deploy" / "prometheus"
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
GIVEN_LABELS = {"app", "job", "instance", "service", "le"}


def rules(kind: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = rules("alert")


def shown() -> Iterator[str]:
    yield from (query.expr for board in boards() for panel in board.panels for query in panel.queries)


def queries() -> Iterator[str]:
    yield from shown()
    yield from (rule["expr"] for rule in (*rules("record"), *ALERTS))


def test_the_committed_dashboards_are_those_of_the_code(tmp_path: Path) -> None:
    assert stale(ROOT) == [], "run `orderwing dashboards generate`"
    write(tmp_path)
    assert stale(tmp_path) == []
    forgotten, changed = tmp_path / DIRECTORY / "forgotten.json", tmp_path / DIRECTORY / "overview.json"
    forgotten.write_text("{}")
    changed.write_text(changed.read_text().replace("Throughput", "Output"))
    assert stale(tmp_path) == [forgotten.relative_to(tmp_path), changed.relative_to(tmp_path)]
    write(tmp_path)
    assert not forgotten.exists()
    assert stale(tmp_path) == []


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.stem)
def test_a_dashboard_is_what_grafana_reads(path: Path) -> None:
    """Through Grafana's own types and back: a field that they do not know would be lost."""
    register_default_plugins()
    told = json.loads((ROOT / path).read_text("utf-8"))
    assert json.loads(json.dumps(Dashboard.from_json(told), cls=JSONEncoder)) == told
    assert {target["datasource"]["uid"] for panel in told["panels"] for target in panel["targets"]} == {SOURCE_UID}
    assert len({panel["id"] for panel in told["panels"]}) == len(told["panels"])
    places = [panel["gridPos"] for panel in told["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_there_is_a_page_for_each_stage_and_each_has_a_title_of_its_own() -> None:
    assert {f"Stage: {stage}" for stage in STAGES} <= {board.title for board in boards()}
    for board in boards():
        titles = [panel.title for panel in board.panels]
        assert len(set(titles)) == len(titles), board.title


def test_the_documented_answers_are_those_of_all_pages() -> None:
    told = (ROOT / "docs" / "dashboards.md").read_text("utf-8")
    for board in boards():
        (page,) = re.findall(rf"^## {re.escape(board.title)}$(.*?)(?:^## |\Z)", told, re.MULTILINE | re.DOTALL)
        assert {panel.title for panel in board.panels} == set(re.findall(r"^\| ([^|]+) \| ", page, re.MULTILINE)) - {
            "panel",
            "---",
        }, board.title
    assert "no data" not in told


def test_grafana_finds_source_and_dashboards() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"]
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "orderwing.yml").read_text("utf-8"))["providers"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    mounts = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert source["uid"] == SOURCE_UID
    assert source["url"] == "http://prometheus:9090"
    assert mounts[f"./{DIRECTORY}"] == provider["options"]["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"


def test_prometheus_knows_every_service() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    (names,) = [job["dns_sd_configs"][0]["names"] for job in config["scrape_configs"] if "dns_sd_configs" in job]
    assert set(names) == set(SERVICES)


def test_queries_ask_for_metrics_and_labels_that_there_are() -> None:
    by_name = {metric.name: metric for metric in ALL_METRICS}
    recorded = {rule["record"] for rule in rules("record")}
    for query in queries():
        for name, selector in re.findall(r"\b(orderwing_[a-z_]+)(\{[^}]*\})?", query):
            metric = by_name.get(name) or _histogram(by_name, name)
            labels = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector))
            assert labels <= {*metric.labels, *GIVEN_LABELS}, query
        assert set(re.findall(r"\borderwing:[a-z_0-9]+", query)) <= recorded, query


def test_a_page_shows_each_metric() -> None:
    by_name = {metric.name: metric for metric in ALL_METRICS}
    names = {name for query in shown() for name in re.findall(r"\borderwing_[a-z_]+", query)}
    assert {(by_name.get(name) or _histogram(by_name, name)).name for name in names} == by_name.keys()


def _histogram(by_name: dict[str, Metric], name: str) -> Metric:
    metric = by_name[re.sub("_(bucket|sum|count)$", "", name)]
    assert metric.kind == "histogram", name
    return metric


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    told = alert["annotations"]
    assert told["summary"]
    assert told["description"].endswith(".")
    file, _, anchor = told["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_is_tried_firing_and_quiet() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text("utf-8"))["tests"]
    tried = {(case["alertname"], bool(case.get("exp_alerts"))) for test in tests for case in test["alert_rule_test"]}
    assert tried == {(alert["alert"], fires) for alert in ALERTS for fires in (True, False)}


@pytest.mark.parametrize(
    "words",
    [("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")],
    ids=["configuration", "alerts"],
)
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    done = subprocess.run([program("promtool"), *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
