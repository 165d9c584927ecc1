"""The pages around the others: signing in and out, and what is shown when something is wrong."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from dashboards.drawing import draw
from dashboards.gate import LOGIN
from dashboards.login import log_in, log_out
from dashboards.problem import Problem
from dashboards.security import own_path

router = APIRouter(include_in_schema=False)

_WRONG = 401
_TOO_OFTEN = 429


@router.get(LOGIN)
async def login_page(request: Request, next: str = "/") -> Response:
    """The form; whoever is signed in already goes on."""
    if request.state.user is not None:
        return RedirectResponse(own_path(next), 303)
    return draw(request, "login.html", next=own_path(next))


@router.post(LOGIN)
async def login(
    request: Request,
    user: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in and go where one wanted to; the form again, with the reason, when that fails."""
    try:
        opened = await log_in(request, user, password)
    except Problem as problem:
        if problem.status not in (_WRONG, _TOO_OFTEN):
            raise
        told = problem.detail[0].upper() + problem.detail[1:] + "."
        page = draw(request, "login.html", status=problem.status, next=own_path(next), user=user, error=told)
        page.headers.update(problem.headers)
        return page
    response = RedirectResponse(own_path(next), 303)
    opened.set_cookie(response, request)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Sign out, back to the form."""
    response = RedirectResponse(LOGIN, 303)
    await log_out(request, response)
    return response


async def error_page(request: Request, problem: Problem) -> Response:
    """``problem`` for a person; set as ``app.state.error_page``."""
    page = draw(
        request,
        "error.html",
        status=problem.status,
        title=problem.title,
        detail=problem.detail,
        error_id=request.state.request_id if problem.status >= 500 else None,
    )
    page.headers.update(problem.headers)
    return page
