"""The Ledger page of each month, and what an operator does there: lock it, restate it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.drawing import Frame, draw, frame
from dashboards.here import house_of
from dashboards.panels.ledger import ledger_month
from dashboards.problem import Problem
from dashboards.security import Operator
from dashboards.view import month_name, month_named
from energy.proof.act import Act
from energy.proof.desk import ProofDesk

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.get("/ledger")
async def ledger_now(request: Request) -> HTMLResponse:
    """The running month."""
    shell = await frame(request, "ledger")
    return await _page(request, shell, month_name(shell.at, shell.tz))


@router.get("/ledger/{month}")
async def ledger_of(request: Request, month: str) -> HTMLResponse:
    """One month, ``2026-10``."""
    return await _page(request, await frame(request, "ledger"), month)


@router.post("/ledger/{month}/{site}/lock")
async def lock(request: Request, who: Operator, month: str, site: str) -> Response:
    """Lock the month of one site."""
    try:
        await _desk(request).lock(site, month, Act(who, house_of(request).clock.now()))
    except ValueError as error:
        return await _page(request, await frame(request, "green"), month, str(error))
    return RedirectResponse(f"/ledger/{month}?site={site}", 303)


@router.post("/ledger/{month}/{site}/restate")
async def restate(request: Request, who: Operator, month: str, site: str, reason: Text = "") -> Response:
    """Apply what waits for the locked month of one site."""
    try:
        act = Act(who, house_of(request).clock.now(), reason.strip())
        await _desk(request).restate(site, month, act)
    except ValueError as error:
        return await _page(request, await frame(request, "green"), month, str(error))
    return RedirectResponse(f"/ledger/{month}?site={site}", 303)


async def _page(request: Request, shell: Frame, name: str, wrong: str | None = None) -> HTMLResponse:
    period = month_named(name, shell.tz)
    if period is None:
        raise Problem(404, f"there is no month “{name[:20]}”; write it as 2026-10.")
    when = (period, shell.tz, shell.at)
    page = await ledger_month(shell.house, _desk(request), shell.view.site, when)
    status = 200 if wrong is None else 400
    settled = await shell.house.figures.settled_until(shell.view.site)
    return draw(request, "ledger.html", status=status, frame=shell, page=page, wrong=wrong, settled=settled)


def _desk(request: Request) -> ProofDesk:
    found = house_of(request).proof
    if found is None:
        raise Problem(404, "no proof of the ledger is kept here.")
    return found
