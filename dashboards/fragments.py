"""Pieces of pages and the data of their charts, fetched again while a page stays open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from dashboards.api.alerts import AlertId
from dashboards.download import csv_file
from dashboards.drawing import draw, frame
from dashboards.here import house_of, now_of
from dashboards.panels import alarms, green
from dashboards.panels.flow import flow
from dashboards.panels.power import PowerHistory, power_history
from dashboards.problem import Problem
from dashboards.then import as_known, time_asked
from dashboards.view import View, month_named, parse, zone_of
from energy.figures import KpiRow
from energy.interval import Period, Step
from runtime.clock import to_ms
from runtime.errors import StoreError

router = APIRouter(include_in_schema=False)
DAY = timedelta(hours=24)
_HOURLY = (
    "edc_wh", "load_wh", "eit_wh", "green_wh", "other_wh", "unknown_wh", "hourly_matched", "ref", "cfe_score",
    "pue", "completeness", "estimated", "state", "revision",
)  # fmt: skip


@router.get("/panels/flow")
async def flow_fragment(request: Request) -> HTMLResponse:
    """The flow bars of this moment."""
    shell = await frame(request, "overview")
    everything = now_of(request).everything(to_ms(shell.at))
    keys = shell.view.keys(shell.house.sites)
    panel = flow([(shell.house.sites[key], everything[key]) for key in keys])
    return draw(request, "flow.html", frame=shell, flow=panel)


@router.get("/panels/power.json")
async def power_json(request: Request) -> JSONResponse:
    """Site, IT and GPU power of the last 24 hours."""
    history, _view = await last_day(request)
    return JSONResponse(history.as_json())


@router.get("/panels/power.csv")
async def power_csv(request: Request) -> Response:
    """The same as a file."""
    history, view = await last_day(request)
    rows = ([at.isoformat(), *values] for at, values in history.rows())
    return csv_file(f"power-{view.site}.csv", ("start", "power_w", "it_w", "gpu_w"), rows)


@router.get("/alarms/{alert_id}/series.json")
async def alarm_series(request: Request, alert_id: AlertId) -> JSONResponse:
    """The figure that an alarm is about, an hour before and after it began."""
    house = house_of(request)
    page = await alarms.alarm_page(house, alert_id)
    if page is None or page.chart is None:
        raise Problem(404, "this alarm has no figure over time")
    at = house.clock.now()
    if page.chart == "pue":
        rows = await alarms.pue_around(house, page.alert, at)
        return JSONResponse(
            {"step_s": 900, "t": [to_ms(row.start) for row in rows], "pue": [row.pue for row in rows]}
        )
    with answering_store():
        return JSONResponse((await alarms.power_around(house, page.alert, at)).as_json())


async def last_day(request: Request) -> tuple[PowerHistory, View]:
    """Power of the sites that the URL names, over the last 24 hours. Raises Problem 503."""
    house = house_of(request)
    view = parse(request.query_params, house.sites)
    with answering_store():
        return await power_history(house, view.site, house.clock.now(), DAY), view


@contextmanager
def answering_store() -> Iterator[None]:
    """Tell a person that the store does not answer, instead of failing."""
    try:
        yield
    except StoreError as broken:
        raise Problem(503, f"the store does not answer: {broken}") from broken


@router.get("/green/{month}/hour")
async def hour_fragment(request: Request, month: str) -> HTMLResponse:
    """One hour in full, for the panel beside the map."""
    shell = await frame(request, "green")
    if shell.view.hour is None:
        raise Problem(404, "Name the hour as ?hour= in milliseconds since 1970.")
    house = as_known(shell.house, time_asked(request, "as_of", shell.at, shell.tz))
    detail = await green.hour_detail(house, shell.view.site, shell.view.hour)
    return draw(request, "hour.html", frame=shell, detail=detail, hour=shell.view.hour)


@router.get("/green/{month}/hours.csv")
async def green_csv(request: Request, month: str) -> Response:
    """Every settled hour of the month."""
    house = house_of(request)
    view = parse(request.query_params, house.sites)
    tz = zone_of(view.site, house.sites)
    house = as_known(house, time_asked(request, "as_of", house.clock.now(), tz))
    period = month_named(month, tz)
    settled = await house.figures.settled_until(view.site)
    if period is None or settled is None or settled <= period.start:
        raise Problem(404, f"Nothing of {month[:20]} is settled.")
    rows = await house.figures.kpi(view.site, Period(period.start, min(settled, period.end)), Step.HOUR)
    return csv_file(f"green-{view.site}-{month}.csv", ("start", *_HOURLY), (_hourly(row) for row in rows))


def _hourly(row: KpiRow) -> list[Any]:
    return [row.start.astimezone(UTC).isoformat(), *(getattr(row, name) for name in _HOURLY)]
