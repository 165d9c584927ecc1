"""The EU data set of a site and calendar year: as JSON, as CSV, and what officers declare for it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator
from energy.figures import ALL
from reports.eu.data_set import DataSet
from reports.eu.declared import read_csv
from reports.eu.desk import Act, EuDesk, Refused
from reports.eu.files import as_json, csv_file, json_file

router = APIRouter(prefix="/api/v1", tags=["eu"], responses=RESPONSES)

Year = Annotated[int, Path(ge=2000, le=2199, description="a calendar year, for example 2026")]
Site = Annotated[str, Path(description="a site; there is no data set of all of them")]
MOST_TEXT = 100_000


class EuAsked(Asked):
    """What was known at ``as_of``; now without it."""

    as_of: str | None = None


class EuItem(Told):
    """One item. ``annex_note`` tells that its letter is still to be checked."""

    key: str
    symbol: str
    unit: str
    annex: str
    annex_note: str
    group: str
    label: str
    value: float | str | list[str] | None
    source: Literal["measured", "declared", "derived"] | None
    note: str


class EuDataSet(Told):
    """What is measured, declared, derived and missing apart; ``problems`` name what contradicts what."""

    act: str
    site: str
    year: int
    state: Literal["complete", "incomplete", "open"]
    measured: list[EuItem]
    declared: list[EuItem]
    derived: list[EuItem]
    missing: list[EuItem]
    problems: list[str]


class Declaration(BaseModel):
    """``values`` by key, null to take one back; or ``csv``, the exported file filled in."""

    model_config = ConfigDict(extra="forbid")

    values: dict[str, float | str | list[str] | None] | None = None
    csv: str | None = None


@router.get("/eu/{site}/{year}.csv", response_class=Response)
async def eu_csv(house: HouseHere, site: Site, year: Year, query: Annotated[EuAsked, Query()]) -> Response:
    """A line per item in the order of the act."""
    found = await _data_set(house, site, year, query.as_of)
    return _file(csv_file(found), f"eu-{site}-{year}.csv", "text/csv; charset=utf-8")


@router.get("/eu/{site}/{year}.json", response_class=Response)
async def eu_json(house: HouseHere, site: Site, year: Year, query: Annotated[EuAsked, Query()]) -> Response:
    """The same as ``/api/v1/eu/{site}/{year}``, as a file."""
    found = await _data_set(house, site, year, query.as_of)
    return _file(json_file(found), f"eu-{site}-{year}.json", "application/json")


@router.get("/eu/{site}/{year}", response_model=EuDataSet)
async def eu(house: HouseHere, site: Site, year: Year, query: Annotated[EuAsked, Query()]) -> Response:
    """The data set as it stands."""
    return asked.json(as_json(await _data_set(house, site, year, query.as_of)))


@router.post("/eu/{site}/{year}", response_model=EuDataSet)
async def declare(house: HouseHere, who: Operator, site: Site, year: Year, told: Declaration) -> Response:
    """Declare items; all of them are kept, or none with everything that is wrong."""
    desk, values = _desk(house, site), _values(told)
    try:
        found = await desk.declare(site, year, values, Act(who, house.clock.now()))
    except Refused as refused:
        raise Problem(400, "\n".join(refused.problems), "values") from None
    return asked.json(as_json(found))


def _values(told: Declaration) -> dict[str, object]:
    if (told.values is None) == (told.csv is None):
        raise Problem(400, "values: send either values or csv", "values")
    if told.csv is None:
        return dict(told.values or {})
    if len(told.csv) > MOST_TEXT:
        raise Problem(400, f"csv: longer than {MOST_TEXT} characters", "csv")
    try:
        return read_csv(told.csv)
    except ValueError as error:
        raise Problem(400, f"csv: {error}", "csv") from None


async def _data_set(house: House, site: str, year: int, as_of: str | None) -> DataSet:
    at = asked.as_of(house, as_of)
    return await _desk(house, site).data_set(site, year, house.clock.now(), at)


def _desk(house: House, site: str) -> EuDesk:
    if house.eu is None or site == ALL or site not in house.sites:
        known = ", ".join(house.sites)
        raise Problem(404, f"site: there is no data set of {site[:60]!r}; choose from {known}", "site")
    return house.eu


def _file(body: bytes, name: str, kind: str) -> Response:
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
