"""The allocation engine over HTTP: as it says of itself, whatever is sent."""

import asyncio
import copy
import json
import multiprocessing
import threading
from collections.abc import Iterator, MutableMapping
from multiprocessing.context import ForkServerProcess
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.python.asgi import get_client

from orderwing.api.app import create_app
from orderwing.api.contract import EXAMPLE
from orderwing.api.jobs import Searches
from orderwing.api.problems import MOST_BYTES
from orderwing.planning.fleet.document import FleetProblem
from orderwing.planning.fleet.exchange import prepared
from support.running import wait_until

APP = create_app(processes=1, waiting=1_000)
DEADLINE_S = 120.0
TOKEN = "a-token-of-enough-letters"
SOLVE, JOBS = "http://testserver/v1/allocations/solve", "http://testserver/v1/allocations/jobs"
CONFIG = SchemathesisConfig.from_dict(
    {
        # A duplicate id, say, is beyond any schema.
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "422"]}},
        "phases": {"coverage": {"enabled": False}},  # thousands of cases
    }
)
schema = schemathesis.openapi.from_asgi("/openapi.json", APP, config=CONFIG)


# Not by `schema.parametrize`: its tests share one id, and workers know tests by their ids.
OPERATIONS = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def test_every_operation_is_tried() -> None:
    there = {f"{method.upper()} {path}" for path, methods in APP.openapi()["paths"].items() for method in methods}
    assert {operation.label for operation in OPERATIONS} == there


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_answer_is_as_described(operation: schemathesis.schemas.APIOperation[Any, Any, Any, Any]) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(timeout=DEADLINE_S)

    answers()


def test_who_is_to_send_a_token_is_described_and_so_it_is() -> None:
    guarded: Any = create_app(processes=1, token=TOKEN)
    described = schemathesis.openapi.from_asgi("/openapi.json", guarded, config=CONFIG)
    operations = [found.ok() for found in described.get_all_operations() if isinstance(found, Ok)]
    wants = {operation.label for operation in operations if "security" in operation.definition.raw}
    assert wants == {operation.label for operation in OPERATIONS if "/v1/" in operation.label}

    @given(case=described["/v1/allocations/jobs/{job_id}"]["GET"].as_strategy())
    @settings(max_examples=3, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    def answers(case: schemathesis.Case[Any]) -> None:  # and that without a token, or with another, it is refused
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=DEADLINE_S)
        assert answer.status_code in (404, 422)

    answers()


@pytest.fixture
def client() -> Iterator[requests.Session]:
    app: Any = create_app(processes=1, waiting=0)
    with get_client(app) as session:
        yield session


def changed(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(EXAMPLE), **fields}


def slow_problem() -> Any:
    """So many orders that only time ends the search."""
    orders = [
        {"order_id": f"o{n}", "point": {"latitude": 51.4 + n * 0.003, "longitude": -0.1 + n * 17 % 40 * 0.004}}
        for n in range(40)
    ]
    drivers = [{"driver_id": f"d{n}", "depot_id": "croydon", "capacity": [12]} for n in range(4)]
    return changed(orders=orders, drivers=drivers)


def test_an_allocation_is_solved_at_once(client: requests.Session) -> None:
    answer = client.post(SOLVE, json={"problem": EXAMPLE, "seconds": 1})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["proven"]
    assert told["distances"] == "haversine"
    assert [stop["order_id"] for stop in told["routes"][0]["stops"]] == ["A-100317", "A-100318"]
    assert [(one["order_id"], one["reason"]) for one in told["unserved"]] == [("A-100319", "too_heavy")]
    assert told["score"] == told["bound"]


def test_a_job_tells_how_far_it_is_and_ends_with_the_allocation(client: requests.Session) -> None:
    begun = client.post(JOBS, json={"problem": slow_problem(), "seconds": 0.2})
    assert begun.status_code == 202
    where = "http://testserver" + begun.headers["Location"]
    wait_until(lambda: client.get(where).json()["status"] == "done", "the job is done")
    told = client.get(where).json()
    assert told["best"] == told["allocation"]["score"]
    assert told["best"]["priority_left_out"] == 0
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404


def test_a_job_that_runs_can_be_ended_and_makes_room(client: requests.Session) -> None:
    body: Any = {"problem": slow_problem(), "seconds": 600}
    where = "http://testserver" + client.post(JOBS, json=body).headers["Location"]
    wait_until(lambda: client.get(where).json()["best"] is not None, "the search has begun")
    refused = client.post(JOBS, json=body)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert client.get("http://testserver/readyz").status_code == 503
    assert client.delete(where).status_code == 204
    assert client.get("http://testserver/readyz").status_code == 200


CENTRE = {"latitude": 51.5, "longitude": -0.1}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"orders": [{"order_id": "a", "point": {"latitude": 91, "longitude": 0}}]}, "problem.orders[0].point.latitude"),
    (
        {"orders": [{"order_id": "a", "point": {"latitude": 51.4, "longitude": 0}, "load": [-1]}]},
        "problem.orders[0].load[0]",
    ),
    ({"orders": [{"order_id": "a"}]}, "problem.orders[0].point"),
    ({"drivers": [{"driver_id": "d", "depot_id": "croydon", "capacity": [0]}]}, "problem.drivers[0].capacity"),
    ({"drivers": [{"driver_id": "d", "depot_id": "nowhere", "capacity": [1]}]}, "problem.drivers[0].depot_id"),
    ({"speed": 3}, "problem.speed"),
]


@pytest.mark.parametrize(("fields", "field"), WRONG, ids=[field for _, field in WRONG])
def test_an_error_names_the_field(client: requests.Session, fields: dict[str, Any], field: str) -> None:
    answer = client.post(SOLVE, json={"problem": changed(**fields)})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert [error["field"] for error in told["errors"]] == [field]
    assert told["errors"][0]["pointer"] == "#/" + field.replace("[", "/").replace("]", "").replace(".", "/")
    assert field in told["detail"]


def test_what_is_no_json_or_too_large_is_refused(client: requests.Session) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.post(SOLVE, data="{", headers=headers).status_code == 400
    told_length = client.post(SOLVE, data=b" " * (MOST_BYTES + 1), headers=headers)
    in_parts = client.post(SOLVE, data=(b" " * 2**20 for _ in range(MOST_BYTES // 2**20 + 1)), headers=headers)
    for answer in (told_length, in_parts):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
    too_deep = client.post(SOLVE, data="[" * 100_000, headers=headers)
    assert too_deep.status_code == 400
    assert too_deep.json()["type"].endswith("too-deep")


def test_a_field_given_twice_is_named(client: requests.Session) -> None:
    """The last would win, and orders be lost without a word."""
    body = json.dumps({"problem": EXAMPLE}).replace('"depots"', '"orders": [], "depots"', 1)
    answer = client.post(SOLVE, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "orders is given twice in one object" in answer.json()["detail"]


def test_who_hangs_up_ends_the_search() -> None:
    """Else it would go on for half a minute, and be answered."""
    body = json.dumps({"problem": slow_problem(), "seconds": 30}).encode()
    told: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    received = iter(told)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/allocations/solve",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(received)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        app = create_app(processes=1, waiting=0)
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)
            assert not app.state.searches.busy

    asyncio.run(ask())
    assert sent[0]["status"] == 503


def test_a_search_dropped_while_its_process_starts_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    starting, start = threading.Event(), ForkServerProcess.start

    def told(process: ForkServerProcess) -> None:
        starting.set()
        start(process)

    monkeypatch.setattr(ForkServerProcess, "start", told)

    async def drop() -> None:
        searches = Searches(processes=1)
        before = set(multiprocessing.active_children())
        search = searches.start(prepared(FleetProblem.model_validate(slow_problem())), seconds=600, seed=0)
        await asyncio.to_thread(starting.wait)
        await searches.drop(search)
        assert not searches.busy
        await asyncio.get_running_loop().shutdown_default_executor()
        assert set(multiprocessing.active_children()) <= before

    asyncio.run(drop())


def test_a_search_that_ended_keeps_its_answer_and_not_its_question() -> None:
    async def ended() -> None:
        searches = Searches(processes=1)
        asked = prepared(FleetProblem.model_validate(EXAMPLE))
        search = searches.start(asked, seconds=1, seed=0)
        assert search.task is not None
        await search.task
        assert searches.get(search.search_id) is search
        assert search.plan is not None
        assert search.asked.source == asked.source
        assert search.asked.problem.metres.size == 0
        await searches.close()

    asyncio.run(ended())


def test_examples_are_in_the_description(client: requests.Session) -> None:
    described = client.get("http://testserver/openapi.json").json()
    (example,) = described["components"]["schemas"]["SolveRequest"]["examples"]
    assert client.post(SOLVE, data=json.dumps(example), headers={"Content-Type": "application/json"}).status_code == 200
