"""The issued reports and their files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, Field
from starlette.responses import FileResponse

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator
from energy.figures import ALL
from reports.report import CONTENT_TYPES, FORMATS, Format, ReportEntry

router = APIRouter(prefix="/api/v1", tags=["reports"], responses=RESPONSES)

short = APIRouter(include_in_schema=False)
"""The same files under the path that people type."""


def _known(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"there is no format {name[:20]!r}; choose from {', '.join(FORMATS)}")
    return name


Chosen = Annotated[Format, AfterValidator(_known), Field(json_schema_extra={"enum": list(FORMATS)})]
"""One of the formats that there are, whichever they may be."""


class ReportsAsked(Asked):
    """Which reports; ``all`` asks for those of all sites as one. With ``as_of`` those issued by then: of
    drafts only the newest is kept.
    """

    site: str | None = None
    as_of: str | None = None


class FileAsked(Asked):
    """Which revision; the newest without."""

    revision: int | None = Field(None, ge=1, le=1_000_000)


class IssueAsked(Asked):
    """Which formats to make."""

    formats: list[Chosen] = Field(default=list(FORMATS), min_length=1)


class Reports(Told):
    """Newest month first."""

    reports: list[ReportEntry]


Site = Annotated[
    str, Path(description="a site, also one that has left the configuration, or all of them as one: all")
]
Month = Annotated[str, Path(description="for example 2026-10")]


@router.get("/reports")
async def reports(house: HouseHere, query: Annotated[ReportsAsked, Query()]) -> Reports:
    """The newest revision of each site and month."""
    departed = await house.figures.departed()
    if query.site is not None and query.site not in departed:
        asked.site(house, query.site)
    as_of = asked.as_of(house, query.as_of)
    return Reports(reports=list(await house.reports.entries(query.site, as_of)))


@short.get("/reports/{site}/{period}.{format}")
@router.get(
    "/reports/{site}/{period}.{format}",
    response_class=FileResponse,
    responses={200: {"content": {kind.split(";")[0]: {} for kind in CONTENT_TYPES.values()}}},
)
async def report_file(
    house: HouseHere, site: Site, period: Month, format: Chosen, query: Annotated[FileAsked, Query()]
) -> FileResponse:
    """The file as it was issued."""
    found = await house.reports.file(site, period, format, query.revision)
    if found is None:
        raise Problem(
            404, f"no such {format} report of {site[:60]!r} for {period[:20]!r}; /api/v1/reports lists them"
        )
    name = f"{site}-{period}.{format}"
    return FileResponse(found, media_type=CONTENT_TYPES[format], filename=name)


@router.post("/reports/{site}/{period}")
async def issue_report(
    house: HouseHere, who: Operator, site: Site, period: Month, wanted: IssueAsked | None = None
) -> ReportEntry:
    """Issue it now; the same figures give the same revision."""
    sites = (*house.sites, *await house.figures.departed(), ALL)
    if site not in sites:
        raise Problem(404, f"there is no site {site[:60]!r}; choose from {', '.join(sites)}", "site")
    try:
        return await house.reports.issue(site, period, formats=(wanted or IssueAsked()).formats)
    except ValueError as error:
        raise Problem(400, str(error), "period") from None
