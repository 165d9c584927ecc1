"""The page behind every figure: its formula with numbers, and the way down to the registers."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dashboards.drawing import Frame, draw, frame
from dashboards.fragments import answering_store
from dashboards.panels import why
from dashboards.problem import Problem
from dashboards.then import time_asked
from energy.interval import Period, floor_quarter, month_of

router = APIRouter(include_in_schema=False)

LONGEST = timedelta(days=732)


@router.get("/why/{kpi}")
async def why_page(request: Request, kpi: str) -> HTMLResponse:
    """One figure from ``from`` to ``to``, else of the running month; ``as_of`` as it was known then."""
    shell = await frame(request, "why")
    what = why.named(kpi)
    if what is None:
        raise Problem(404, f"there is no figure “{kpi[:40]}”; the method tells which there are.")
    as_of = time_asked(request, "as_of", shell.at, shell.tz)
    period = await _period(request, shell)
    with answering_store():
        page = await why.why(shell.house, why.Asked(kpi, shell.view.site, period, as_of), what, shell.tz)
    if page is None:
        raise Problem(404, f"{what.label} is not told of {shell.place}.")
    return draw(request, "why.html", frame=shell, page=page, as_of=as_of)


async def _period(request: Request, shell: Frame) -> Period:
    start, end = (time_asked(request, name, shell.at, shell.tz) for name in ("from", "to"))
    if start is None or end is None:
        month = month_of(shell.at, shell.tz)
        settled = await shell.house.figures.settled_until(shell.view.site)
        start = start or month.start
        end = end or (settled if settled is not None and month.start < settled < month.end else month.end)
    found = Period(floor_quarter(start), floor_quarter(end))
    if not timedelta(0) < found.end - found.start <= LONGEST:
        raise Problem(400, f"to: name a time after from, at most {LONGEST.days} days later.", "to")
    return found
