"""Which distances an allocation was made with is told, also when the road engine that was wanted is down."""

import socket
from typing import Any

import pytest
from schemathesis.python.asgi import get_client

from orderwing.api.app import create_app
from orderwing.api.contract import EXAMPLE
from orderwing.commands.road import road_distances
from orderwing.runtime.health import process_health
from orderwing.runtime.metrics import Metrics, process_metrics
from orderwing.runtime.settings.tree import Distances


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return process_metrics("solver")


def test_an_engine_that_is_down_is_replaced_by_estimates_and_that_is_told(metrics: Metrics) -> None:
    with socket.socket() as taken:  # bound and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        wanted = Distances(engine="osrm", url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        app: Any = create_app(1, 1, road_distances(wanted, metrics), lambda: metrics.exposition(process_health()))
        with get_client(app) as client:
            answer = client.post("http://testserver/v1/allocations/solve", json={"problem": EXAMPLE, "seconds": 1})
            told = client.get("http://testserver/metrics").text
    assert answer.status_code == 200, answer.text
    assert (answer.json()["distances"], answer.json()["estimated"]) == ("haversine", True)
    assert 'orderwing_distances_estimated_total{engine="osrm",service="solver"}' in told
