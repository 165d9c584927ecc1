"""Logging in and out by JSON."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from dashboards.api.asked import Asked
from dashboards.login import log_in, log_out
from dashboards.problem import RESPONSES, Problem

router = APIRouter(prefix="/api/v1", tags=["session"], responses=RESPONSES)


class Credentials(Asked):
    """A user's name and password."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class Session(BaseModel):
    """Who is logged in; ``csrf`` goes into X-CSRF-Token of every change (empty with a bearer token)."""

    name: str
    role: str
    csrf: str


@router.get("/session")
async def who_am_i(request: Request) -> Session:
    """Whose session or token this is."""
    user = request.state.user
    if user is None:
        raise Problem(401, "nobody is logged in", headers={"WWW-Authenticate": "Bearer"})
    return Session(name=user.name, role=user.role, csrf=request.state.csrf)


@router.post("/session", response_model=Session)
async def session_begin(request: Request, credentials: Credentials) -> Response:
    """Log in; the answer sets the session cookie."""
    login = await log_in(request, credentials.name, credentials.password)
    body = Session(name=login.user.name, role=login.user.role, csrf=login.csrf)
    response = JSONResponse(body.model_dump())
    login.set_cookie(response, request)
    return response


@router.delete("/session", status_code=204, response_class=Response)
async def session_end(request: Request) -> Response:
    """Log out."""
    response = Response(status_code=204)
    await log_out(request, response)
    return response
