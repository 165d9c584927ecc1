"""What went wrong with a request, as ``application/problem+json`` (RFC 9457): what, where, and the fix."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from runtime.database import is_away
from runtime.errors import StoreError

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 10
"""Seconds after which it is worth asking again what a store or the database could not answer."""


class Problem(Exception):
    """Ends a request with ``status``; ``parameter`` names what to mend, ``detail`` says how."""

    def __init__(
        self, status: int, detail: str, parameter: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.parameter = status, detail, parameter
        self.headers = headers or {}

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


class ProblemBody(BaseModel):
    """The fields of every error answer; ``request_id`` is found in the service's log."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    parameter: str | None = None
    request_id: str | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong, the parameter at fault and how to mend it",
        "content": {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}},
    }
}
"""For the OpenAPI description of every operation."""


def response(problem: Problem, request_id: str | None) -> Response:
    """The answer that tells ``problem``."""
    body = ProblemBody(
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        parameter=problem.parameter,
        request_id=request_id,
    )
    return JSONResponse(body.model_dump(), problem.status, problem.headers, media_type=MEDIA_TYPE)


def outage(error: Exception) -> Problem | None:
    """503 when ``error`` tells that a store or the database does not answer; None for a failure of ours."""
    if isinstance(error, StoreError):
        detail = f"the store does not answer: {error}"
    elif is_away(error):
        # Only the first line: the others are the statement and what was asked of it.
        detail = f"the database does not answer: {str(error).partition(chr(10))[0]}"
    else:
        return None
    return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def add_handlers(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem; pages get ``app.state.error_page`` when it is set."""
    for kind, handler in (
        (Problem, _told),
        (HTTPException, _http),
        (RequestValidationError, _invalid),
    ):
        app.add_exception_handler(kind, handler)


async def tell(request: Request, problem: Problem) -> Response:
    """The answer in the form that the caller reads: a page for a browser, JSON for a program."""
    page = getattr(request.app.state, "error_page", None)
    if page is not None and wants_page(request):
        return cast(Response, await page(request, problem))
    return response(problem, getattr(request.state, "request_id", None))


def wants_page(request: Request) -> bool:
    """Whether a person with a browser asked, outside the API."""
    path = request.url.path
    return not path.startswith("/api/v1/") and "text/html" in request.headers.get("accept", "")


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return await tell(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"there is nothing at {request.url.path}; the API is described at /api/docs"
    return await tell(request, Problem(error.status_code, str(detail), headers=dict(error.headers or {})))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *inside = (str(part) for part in first["loc"])
    # Below a parameter's name pydantic tells which alternative did not fit, which helps nobody.
    place = inside if where == "body" else inside[:1]
    more = len(error.errors()) - 1
    detail = _words(first, place) + (f" (and {more} more)" if more else "")
    return await tell(request, Problem(400, detail, ".".join(place) or where))


def _words(error: dict[str, Any], place: Sequence[str]) -> str:
    name = ".".join(place)
    if error["type"] == "missing":
        return f"{name or 'the body'} is missing"
    if error["type"] == "extra_forbidden":
        return f"there is no parameter {name!r}; /api/docs lists what there is"
    if error["type"] == "json_invalid":
        return f"the body is no JSON: {error.get('ctx', {}).get('error', '')}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
