"""The page of the EU data set: every item with where it comes from, and a form for officers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.drawing import draw, frame
from dashboards.here import house_of
from dashboards.house import House
from dashboards.problem import Problem
from dashboards.security import Operator
from reports.eu.data_set import Entry
from reports.eu.desk import Act, EuDesk, Refused
from reports.eu.files import CHECK

router = APIRouter(include_in_schema=False)


@router.get("/eu/{site}/{year}")
async def eu_page(request: Request, site: str, year: int) -> HTMLResponse:
    """The set of a site and calendar year."""
    return await _page(request, site, year, {}, ())


@router.post("/eu/{site}/{year}")
async def declare(request: Request, who: Operator, site: str, year: int) -> Response:
    """Declare what was changed in the form; the page again, with what was written, if it cannot be."""
    house = house_of(request)
    desk, form = _desk(house, site, year), await request.form()
    found = await desk.data_set(site, year, house.clock.now())
    written = _written(form, found.entries)
    try:
        await desk.declare(site, year, written, Act(who, house.clock.now()))
    except Refused as refused:
        shown = {key: "" if value is None else str(value) for key, value in written.items()}
        return await _page(request, site, year, shown, refused.problems)
    return RedirectResponse(f"/eu/{site}/{year}", 303)


async def _page(
    request: Request, site: str, year: int, written: Mapping[str, str], refused: Sequence[str]
) -> HTMLResponse:
    shell = await frame(request, "reports")
    found = await _desk(shell.house, site, year).data_set(site, year, shell.at)
    return draw(
        request,
        "eu.html",
        status=400 if refused else 200,
        frame=shell,
        site=site,
        found=found,
        groups=[
            (group, list(entries)) for group, entries in groupby(found.entries, lambda one: one.item.group)
        ],
        fields={entry.item.key: field_of(entry) for entry in found.entries},
        written=written,
        refused=refused,
        check=CHECK,
    )


def field_of(entry: Entry) -> str:
    """The value as it stands in its field of the form and in its line; empty where there is none."""
    value = None if entry.told is None else entry.told.value
    if isinstance(value, list):
        return "; ".join(value)
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) < 1e10 else f"{value:.0f}"
    return value or ""


def _written(form: FormData, entries: Sequence[Entry]) -> dict[str, object]:
    """What differs from what the form was given; an emptied field takes a declaration back."""
    changed: dict[str, object] = {}
    for entry in entries:
        value = form.get(entry.item.key)
        if isinstance(value, str) and value.strip() != field_of(entry):
            changed[entry.item.key] = value.strip() or None
    return changed


def _desk(house: House, site: str, year: int) -> EuDesk:
    if house.eu is None or site not in house.sites or not 2000 <= year < 2200:
        raise Problem(404, f"there is no EU data set of “{site[:40]}” for {year}.")
    return house.eu
