"""What can be said of image and compose files without an engine. They run in `docs/deployment.md`'s trials."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import orderwing
from orderwing.cli import app
from orderwing.composition import SERVICES
from orderwing.runtime.settings import CommandLine, options, resolve

ROOT = Path(__file__).resolve().parents[2]
MAIN, BROKERS = ROOT / "docker-compose.yml", ROOT / "deploy" / "compose.brokers.yml"
OURS = f"orderwing:{orderwing.__version__}"
VARIABLES = {option.variable for option in options().values()}


def compose(path: Path = MAIN) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def services(path: Path = MAIN) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(path)["services"]
    return found


def instructions() -> list[tuple[str, str]]:
    """Keyword and arguments, continued lines joined, comments left out."""
    lines = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def test_every_service_runs_under_its_own_name() -> None:
    run = {name: s["command"] for name, s in services().items() if s["image"] == OURS and s["command"][0] == "service"}
    assert run == {name: ["service", name] for name in SERVICES}


@pytest.mark.parametrize("name", [name for name, service in services().items() if service["image"] == OURS])
def test_ours_is_confined_and_checked(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "container_name" not in service, "there may be several"
    assert "ports" not in service, "there may be several"
    books = "books:/run/orderwing" in service.get("volumes", ())
    assert books or any(entry.startswith("/run/orderwing:") for entry in service["tmpfs"]), "it may write there"
    group, command = service["command"][0], {command.name or "" for command in app.registered_commands}
    named = {*command, *(c.callback.__name__ for c in app.registered_commands if c.callback)}
    assert group in named | {group.name for group in app.registered_groups}


@pytest.mark.parametrize("path", [MAIN, BROKERS], ids=lambda path: path.name)
def test_every_variable_is_one_that_is_read(path: Path) -> None:
    told = {name for service in services(path).values() for name in service.get("environment", {})}
    given = {name for name in told if name.startswith("ORDERWING_")}
    assert given
    assert given <= VARIABLES


@pytest.mark.parametrize("path", [MAIN, BROKERS], ids=lambda path: path.name)
def test_images_are_pinned_to_a_version(path: Path) -> None:
    tags = {image: image.partition(":")[2] for s in services(path).values() if (image := s.get("image"))}
    assert tags
    assert not [image for image, tag in tags.items() if not re.fullmatch(r"v?\d+\.\d+\.\d+", tag)]


def test_all_brokers_are_of_one_version_with_a_volume_and_time_to_stop() -> None:
    one, others = services()["kafka"], [services(BROKERS)[name] for name in ("kafka2", "kafka3")]
    for broker in (one, *others):
        assert broker["image"] == one["image"]
        assert broker["stop_grace_period"] == "120s"
        logs = broker["environment"]["KAFKA_LOG_DIRS"]
        assert any(volume.endswith(f":{logs}") for volume in broker["volumes"])
        assert broker["environment"]["KAFKA_OFFSETS_RETENTION_MINUTES"] > 10 * 365 * 1440  # as in docs/deployment.md
    nodes = [services(BROKERS)[name]["environment"] for name in ("kafka", "kafka2", "kafka3")]
    assert [node["KAFKA_NODE_ID"] for node in nodes] == [1, 2, 3]
    assert len({node["KAFKA_BROKER_RACK"] for node in nodes}) == 3
    for node in nodes:
        assert {value for key, value in node.items() if key.endswith("REPLICATION_FACTOR")} == {3}
        assert {value for key, value in node.items() if key.endswith(("MIN_ISR", "INSYNC_REPLICAS"))} == {2}
    assert services(BROKERS)["market"]["environment"]["ORDERWING_REPLICATION_FACTOR"] == 3


def waits() -> Iterator[tuple[str, str, str]]:
    for name, service in services().items():
        for other, how in service.get("depends_on", {}).items():
            yield name, other, how["condition"]


def test_what_is_waited_for_says_when_it_is_ready() -> None:
    assert {other for _, other, _ in waits()} >= {"kafka", "redis", "market", "psp", "prometheus"}
    for name, other, condition in waits():
        target = services()[other]
        if condition == "service_healthy":
            # Ours have the check of the image.
            assert target["image"] == OURS or "test" in target["healthcheck"], f"{name} waits for {other}"
        else:
            assert condition == "service_completed_successfully"
            assert re.fullmatch(r"on-failure:\d+", target["restart"]), "what cannot be mended ends"


def test_an_audit_starts_nobody_else() -> None:
    assert not services()["audit"]["depends_on"]


def test_files_that_are_mounted_are_there() -> None:
    bound = [v.split(":")[0] for s in services().values() for v in s.get("volumes", ()) if v.startswith("./")]
    named = {v.split(":")[0] for s in services().values() for v in s.get("volumes", ()) if not v.startswith("./")}
    assert bound
    assert [path for path in bound if not (ROOT / path).exists()] == []
    assert named == set(compose()["volumes"])


def test_what_may_be_set_is_in_the_file_of_settings() -> None:
    wanted = {name for path in (MAIN, BROKERS) for name in re.findall(r"\$\{(\w+):-", path.read_text("utf-8"))}
    given = set(re.findall(r"^(\w+)=", (ROOT / ".env").read_text("utf-8"), re.MULTILINE))
    assert wanted | {"COMPOSE_PROFILES"} == given


def test_the_broker_is_started_by_a_script_that_can_be_run() -> None:
    script = ROOT / "deploy" / "kafka.sh"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert f"{'/opt/orderwing/kafka.sh'}" in services()["kafka"]["command"]


def test_the_image_takes_nothing_without_a_hash() -> None:
    fetches = [
        part for _, rest in stages()[0] for part in rest.split("&&") if re.search(r"\bpip\b.* (install|download)", part)
    ]
    assert len(fetches) == 3
    assert [part for part in fetches if "--require-hashes" not in part and "PIP_NO_INDEX=1" not in part] == []
    for lock in (ROOT / "requirements.lock", ROOT / "deploy" / "sbom.lock"):
        assert "--hash=sha256:" in lock.read_text("utf-8")


def test_the_final_image_has_no_builder_and_no_root() -> None:
    first, last = stages()
    assert first[0][1].endswith(" AS build")
    assert not [rest for word, rest in last if word == "RUN" and re.search(r"\b(apt-get|pip install|gcc|curl)\b", rest)]
    assert [rest for word, rest in last if word in ("COPY", "ADD")] == ["--from=build /opt/orderwing /opt/orderwing"]
    words = dict(last)
    assert words["USER"] == "10001:10001"
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert words["ENTRYPOINT"] == '["orderwing"]'
    assert "/readyz" in words["HEALTHCHECK"]


@pytest.mark.parametrize("name", ["Dockerfile", "engines.Dockerfile"])
def test_an_image_is_labelled_with_this_version(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text("utf-8")
    assert f"ARG VERSION={orderwing.__version__}\n" in text
    given = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', text))
    assert given.keys() == {"title", "description", "licenses", "version", "revision", "created"}
    assert [given[name] for name in ("version", "revision", "created")] == ["${VERSION}", "${REVISION}", "${CREATED}"]


def test_the_image_sets_what_is_read_and_checks_the_port_that_it_sets() -> None:
    words = dict(stages()[-1])
    given = dict(re.findall(r"(ORDERWING_\w+)=(\S+)", words["ENV"]))
    assert set(given) <= VARIABLES
    assert resolve(given, CommandLine()).settings.http.port == int(words["EXPOSE"])
    assert f",{words['EXPOSE']}," in words["HEALTHCHECK"]


def test_the_image_is_built_from_what_is_sent_to_its_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [path for word, rest in stages()[0] if word == "COPY" for path in rest.split()[:-1]]
    assert "*" in lines
    assert [path for path in copied if not any(s == path or s.startswith(f"{path}/") for s in sent)] == []
