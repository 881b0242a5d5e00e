from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from contract.probe_stage import Probe
from contract.worlds import Cast, KafkaWorld, SimulatedWorld, World


@pytest.fixture(params=["simulated", "kafka"])
def cast(request: pytest.FixtureRequest) -> Iterator[Cast]:
    """Both buses: every test of the contract runs on each."""
    simulated = request.param == "simulated"
    world: World = SimulatedWorld() if simulated else KafkaWorld(request.getfixturevalue("broker"))
    made = Cast(world)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def probe(request: pytest.FixtureRequest, cast: Cast) -> Probe:
    """A stage with topics and a network of its own."""
    made = Probe(re.sub(r"[^a-z_]+", "-", request.node.name.lower()).strip("-"))
    cast.prepare(made)
    return made
