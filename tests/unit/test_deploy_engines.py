"""The routing engines of the compose file and their image, as far as can be said without an engine for containers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import orderwing
from orderwing.commands.distances import serve

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "engines.Dockerfile").read_text("utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]


def words(keyword: str) -> list[str]:
    (found,) = re.findall(rf"^{keyword} (.+)$", DOCKERFILE, re.MULTILINE)
    return list(json.loads(found)) if found.startswith("[") else str(found).split()


@pytest.mark.parametrize("name", ["osrm", "graphhopper"])
def test_an_engine_is_started_only_when_asked_for_and_as_its_command_allows(name: str) -> None:
    service = SERVICES[name]
    assert service["profiles"] == ["engines"]
    assert service["image"] == f"orderwing-engines:{orderwing.__version__}"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    asked = [*words("ENTRYPOINT"), *service["command"]]
    assert asked[:3] == ["orderwing", "distances", "serve"]
    given = {word.removeprefix("--").replace("-", "_") for word in asked if word.startswith("--")}
    assert given <= serve.__annotations__.keys()
    port = service["command"][service["command"].index("--port") + 1]
    assert port in words("EXPOSE")
    assert service["ports"][0].endswith(f":{port}")
    assert f"/{port}" in service["healthcheck"]["test"][-1]
    assert service["command"][service["command"].index("--engine") + 1] == name
    data = asked[asked.index("--data") + 1]
    assert any(volume.endswith(f":{data}") for volume in service["volumes"])


def test_the_image_takes_nothing_without_a_hash_and_runs_without_root() -> None:
    fetches = [line for line in DOCKERFILE.splitlines() if re.search(r"\bpip\S* (install|download)", line)]
    assert len(fetches) == 2
    assert [line for line in fetches if "--require-hashes" not in line and "PIP_NO_INDEX=1" not in line] == []
    assert words("USER") == ["10001:10001"]
    assert not re.search(r"^ADD ", DOCKERFILE, re.MULTILINE)
