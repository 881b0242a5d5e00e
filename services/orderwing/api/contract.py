"""What the allocation engine is asked and answers, besides the problem and the allocation themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from orderwing.planning.fleet.document import Allocation, FleetProblem, Many, ScoreOut
from orderwing_schemas.base import Model

MOST_SECONDS, MOST_SECONDS_OF_JOB = 30, 600
EXAMPLE: dict[str, Any] = {
    "dimensions": ["crates"],
    "depots": [{"depot_id": "croydon", "point": {"latitude": 51.3714, "longitude": -0.0977}}],
    "orders": [
        {
            "order_id": "A-100317",
            "point": {"latitude": 51.4613, "longitude": -0.1156},
            "load": [4],
            "service_level": "EXPRESS",
            "windows": [{"start_s": 32_400, "end_s": 36_000}],
            "service_s": 180,
        },
        {"order_id": "A-100318", "point": {"latitude": 51.4279, "longitude": -0.1255}, "load": [12]},
        {"order_id": "A-100319", "point": {"latitude": 51.4098, "longitude": -0.1925}, "load": [60]},
    ],
    "drivers": [
        {
            "driver_id": "van-1",
            "depot_id": "croydon",
            "capacity": [40],
            "minimum_load": [10],
            "max_stops": 80,
            "shift": {"start_s": 28_800, "end_s": 61_200},
            "breaks": [{"duration_s": 1_800, "earliest_s": 41_400, "latest_s": 46_800}],
        }
    ],
}


class SolveRequest(Model):
    """`seconds` bounds the search; the same `seed` begins it alike."""

    problem: FleetProblem
    seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False)] = 5.0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    model_config = ConfigDict(json_schema_extra={"examples": [{"problem": EXAMPLE, "seconds": 2, "seed": 0}]})


class JobRequest(SolveRequest):
    """As for the synchronous variant, with more time."""

    seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS_OF_JOB, allow_inf_nan=False)] = 60.0


class Job(Model):
    """`best`: the best score so far. `allocation` once it is done; `problem` if it failed."""

    job_id: str
    status: Literal["queued", "running", "done", "failed"]
    seconds_spent: float
    seconds_given: float
    best: ScoreOut | None = None
    allocation: Allocation | None = None
    detail: str | None = None


class FieldError(Model):
    """`pointer` is a JSON pointer into what was sent; `field` the same, easier to read."""

    pointer: str
    field: str
    detail: str


class Problem(Model):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: Many[FieldError] = ()


class Health(Model):
    status: Literal["ok", "busy"]
