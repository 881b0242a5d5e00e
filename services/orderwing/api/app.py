"""The allocation engine as a FastAPI app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline

import orderwing
from orderwing.api.contract import Health, Job, JobRequest, Problem, SolveRequest
from orderwing.api.jobs import EndingError, Search, Searches
from orderwing.api.problems import FieldsOnce, LimitBody, handle
from orderwing.api.tokens import RequireToken
from orderwing.planning.distances import Distances
from orderwing.planning.fleet.document import Allocation, ScoreOut
from orderwing.planning.fleet.exchange import allocation, prepared

_ABOUT = """\
Orders onto drivers, and each driver's route. EXPRESS is served first, then as many others as possible by priority,
then the distance is least; a driver's minimum load binds those who leave, and yields to EXPRESS.
"""
_PREFIX = "/v1/"
_JOBS = f"{_PREFIX}allocations/jobs"


def _errors(**told: str) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {int(status[1:]): {"description": text, "content": content} for status, text in told.items()}


_BODY = _errors(
    _400="The body is not JSON, or has a field twice in one object.",
    _413="The body is too large.",
    _422="A field is wrong; `errors` name each.",
    _503="Too many searches wait, or the server ends; try again after `Retry-After` seconds.",
)
_MISSING = _errors(_404="There is no such job, or no more.", _422="The id is none.")
_UNAUTHORIZED = _errors(_401="The token is missing or another one.")
Exposition = Callable[[], tuple[str, bytes]]
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As told when it was started.")]


def create_app(
    processes: int = 2,
    waiting: int = 16,
    distances: Distances | None = None,
    metrics: Exposition | None = None,
    token: str | None = None,
) -> FastAPI:
    """At most `processes` searches run at a time, and `waiting` more wait for their turn.

    `distances` is asked where a problem has points and no matrix; without it, straight lines. `metrics` gives the
    media type and text of /metrics. With a `token` only those who send it are answered, but for health, metrics and
    documentation, whose page needs no network.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.searches = Searches(processes, waiting)
        app.state.distances = distances
        yield
        await app.state.searches.close()

    app = FastAPIOffline(
        title="orderwing allocation",
        description=_ABOUT,
        version=orderwing.__version__,
        lifespan=lifespan,
        redoc_url=None,
        static_url="/docs/static",
        swagger_ui_parameters={"validatorUrl": None},  # nobody elsewhere hears of it
    )
    app.add_middleware(LimitBody)
    handle(app)
    if token is None:
        app.include_router(_allocations())
    else:
        app.add_middleware(RequireToken, token=token, prefix=_PREFIX)
        told = [Depends(HTTPBearer(auto_error=False, description="As in the setting `api.token`."))]
        app.include_router(_allocations(), dependencies=told, responses=_UNAUTHORIZED)
    _health(app)
    if metrics is not None:
        _metrics(app, metrics)
    return app


def _searches(request: Request) -> Searches:
    searches: Searches = request.app.state.searches
    return searches


Running = Annotated[Searches, Depends(_searches)]


async def _search(request: Request, body: SolveRequest | JobRequest) -> Search:
    """Begun in a thread: an engine may take its time over the distances."""
    asked = await asyncio.to_thread(prepared, body.problem, request.app.state.distances)
    return _searches(request).start(asked, body.seconds, body.seed)


async def _end_of(search: Search, request: Request) -> None:
    """Or of the client's patience."""
    assert search.task is not None
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait([search.task, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _allocations() -> APIRouter:
    router = APIRouter(tags=["allocations"], route_class=FieldsOnce)

    @router.post(f"{_PREFIX}allocations/solve", responses=_BODY)
    async def solve(body: SolveRequest, searches: Running, request: Request) -> Allocation:
        """Allocate within `seconds`, and wait for it."""
        search = await _search(request, body)
        try:
            await _end_of(search, request)
        finally:
            await searches.drop(search)
        found = _allocation(search)
        if found is not None:
            return found
        if search.dropped:
            raise EndingError  # or nobody listens
        raise HTTPException(500, search.detail)

    @router.post(_JOBS, status_code=202, responses=_BODY)
    async def start(body: JobRequest, request: Request, reply: Response) -> Job:
        """Begin an allocation; `Location` is where to ask for it."""
        search = await _search(request, body)
        reply.headers["Location"] = f"{_JOBS}/{search.search_id}"
        return _job(search)

    @router.get(_JOBS + "/{job_id}", responses=_MISSING)
    async def job(job_id: JobId, searches: Running) -> Job:
        """How far it is, and the allocation once it is done."""
        return _job(_known(searches, job_id))

    @router.delete(_JOBS + "/{job_id}", status_code=204, responses=_MISSING)
    async def cancel(job_id: JobId, searches: Running) -> None:
        """End it if it runs, and forget it."""
        await searches.drop(_known(searches, job_id))

    return router


def _known(searches: Searches, job_id: str) -> Search:
    search = searches.get(job_id)
    if search is None:
        raise HTTPException(404, "There is no such job, or no more.")
    return search


def _allocation(search: Search) -> Allocation | None:
    if search.plan is None or search.bound is None:
        return None
    return allocation(search.plan, search.bound, search.asked)


def _job(search: Search) -> Job:
    return Job(
        job_id=search.search_id,
        status=search.status,
        seconds_spent=round(search.seconds_spent(), 3),
        seconds_given=search.seconds,
        best=None if search.best is None else ScoreOut(**search.best._asdict()),
        allocation=_allocation(search),
        detail=search.detail,
    )


def _metrics(app: FastAPI, metrics: Exposition) -> None:
    @app.get("/metrics", include_in_schema=False)
    def exposed() -> Response:
        media_type, text = metrics()
        return Response(text, media_type=media_type)


def _health(app: FastAPI) -> None:
    @app.get("/livez", tags=["health"])
    async def livez() -> Health:
        """The process answers."""
        return Health(status="ok")

    @app.get("/readyz", responses={503: {"model": Health, "description": "Too many searches wait."}}, tags=["health"])
    async def readyz(searches: Running) -> JSONResponse:
        """Another search would be taken."""
        health = Health(status="busy" if searches.busy else "ok")
        return JSONResponse(health.model_dump(), 503 if searches.busy else 200)
