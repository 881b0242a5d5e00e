"""Errors as problem details (RFC 9457), which name the fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orderwing.api.contract import FieldError, Problem
from orderwing.api.jobs import BusyError, EndingError
from orderwing.planning.fleet.checks import BadProblemError, Issue
from orderwing.planning.fleet.exchange import once, told

MOST_BYTES = 32 * 2**20  # a matrix of the most places, with room
_MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:orderwing:problem:"


def response(
    status: int, kind: str, detail: str, issues: Sequence[Issue] = (), headers: dict[str, str] | None = None
) -> JSONResponse:
    """`kind` ends the problem's type."""
    problem = Problem(
        type=_PREFIX + kind,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=tuple(FieldError(pointer=one.pointer, field=one.field, detail=one.detail) for one in issues),
    )
    return JSONResponse(problem.model_dump(mode="json"), status, headers, _MEDIA_TYPE)


def handle(app: FastAPI) -> None:
    """Answer every error so."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        issues = [Issue(issue.path[1:], issue.detail) for issue in told(error.errors())]
        if any(one["type"] == "json_invalid" for one in error.errors()):
            return response(400, "not-json", "The body is not JSON.")
        return response(422, "invalid", _summary(issues), issues)

    @app.exception_handler(BadProblemError)
    async def impossible(request: Request, error: BadProblemError) -> JSONResponse:
        issues = [Issue(("problem", *issue.path), issue.detail) for issue in error.issues]
        return response(422, "invalid", _summary(issues), issues)

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> JSONResponse:
        return response(503, "busy", "As many searches wait as may: try again.", headers={"Retry-After": "5"})

    @app.exception_handler(EndingError)
    async def ending(request: Request, error: EndingError) -> JSONResponse:
        return response(503, "ending", "The server ends: send it again.", headers={"Retry-After": "5"})

    @app.exception_handler(TooLargeError)
    async def too_large(request: Request, error: TooLargeError) -> JSONResponse:
        return response(413, "too-large", error.detail)

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        cause = error.__cause__  # of what happened while the body was read
        if isinstance(cause, RecursionError):
            return response(400, "too-deep", "The body's lists and objects are nested too deeply.")
        if isinstance(cause, BadProblemError):
            return response(400, "given-twice", _summary(cause.issues), cause.issues)
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_methods(app, request)))  # of all routes of this path
        return response(error.status_code, "http", str(error.detail), headers=headers)


def _methods(app: FastAPI, request: Request) -> set[str]:
    routes = [route for route in app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in routes for method in getattr(route, "methods", None) or ()}


def _summary(issues: Sequence[Issue]) -> str:
    more = f" and {len(issues) - 1} more" if len(issues) > 1 else ""
    return f"{issues[0].field or 'body'}: {issues[0].detail}{more}." if issues else "The request is not valid."


class FieldsOnce(APIRoute):
    """Refuses objects of which a field is given twice: the last would silently win."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            return await answer(_Strict(request.scope, request.receive))

        return answered


class _Strict(Request):
    async def json(self) -> Any:
        return json.loads(await self.body(), object_pairs_hook=once)


class TooLargeError(HTTPException):
    """More bytes than a body may have. FastAPI lets no other kind of error pass while it reads a body."""

    def __init__(self, most: int) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have {most} bytes.")


class LimitBody:
    """Refuses bodies of more than `most` bytes, told or not, before they are all read."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > self._most:
            await response(413, "too-large", TooLargeError(self._most).detail)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise TooLargeError(self._most)
            return message

        await self._app(scope, counted, send)
