"""How complete the telemetry is: what each source sent in each hour, held against what was to be expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere
from dashboards.problem import RESPONSES, Problem
from energy.figures import ALL
from energy.interval import Period
from telemetry.catalogue import MEASUREMENTS
from telemetry.completeness_lines import SourceHour
from telemetry.series import measurement_of

router = APIRouter(prefix="/api/v1", tags=["completeness"], responses=RESPONSES)

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=35)
MOST_ROWS = 200_000


class CompletenessAsked(Asked):
    """``measurement`` narrows it to one kind of device."""

    site: str = ALL
    measurement: str | None = Field(None, description=", ".join(MEASUREMENTS))
    from_: str = Field("now-24h", alias="from")
    to: str = "now"


class CompletenessLine(BaseModel):
    """Messages: ``expected`` by the source's cadence, ``received``, ``missed`` by the publisher's counter,
    ``kept`` those that told something new (neither refused whole nor sent before), ``missing`` (expected and
    not kept, or missed, whichever is more), ``unstamped`` without a time of their own. ``expected`` is
    null where no cadence is known, ``missing`` where nothing could show a loss. Rows, a device at a time:
    ``late`` came after newer ones, ``duplicate`` had been stored before. ``rejected`` counts whole messages,
    and single rows where only those were at fault, ``rejected_by`` the same by reason. ``session_gaps`` is
    how often the broker had forgotten our session. The source ``""`` is what no known device told.
    """

    source: str
    hour: str
    expected: int | None
    received: int
    late: int
    duplicate: int
    rejected: int
    missing: int | None
    rejected_by: dict[str, int]
    rows: int
    missed: int
    unstamped: int
    session_gaps: int
    kept: int


class Completeness(BaseModel):
    """By source and hour (UTC) of the messages' own times; that of arrival where they tell none."""

    rows: list[CompletenessLine]


@router.get("/completeness", response_model=Completeness)
async def completeness(house: HouseHere, query: Annotated[CompletenessAsked, Query()]) -> Response:
    """Who spoke or should have, in the hours that touch [from, to)."""
    if house.completeness is None:
        raise Problem(503, "this service keeps no account of its sources")
    hours = _whole_hours(asked.period(house, query.from_, query.to, LONGEST))
    wanted = _wanted(asked.sites(house, query.site), query)
    lines = await house.completeness.lines(hours.start, hours.end, wanted)
    if len(lines) > MOST_ROWS:
        raise Problem(
            400, f"from: more than {MOST_ROWS} rows; ask for a shorter time or one measurement", "from"
        )
    return asked.json({"rows": list(map(_told, lines))})


def _told(line: SourceHour) -> dict[str, object]:
    return {
        "source": line.source,
        "hour": line.hour.isoformat(),
        "expected": line.expected,
        "received": line.received,
        "late": line.late,
        "duplicate": line.duplicate,
        "rejected": sum(line.rejected.values()),
        "missing": line.missing,
        "rejected_by": line.rejected,
        "rows": line.rows,
        "missed": line.missed,
        "unstamped": line.unstamped,
        "session_gaps": line.session_gaps,
        "kept": line.kept,
    }


def _whole_hours(period: Period) -> Period:
    start = period.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = period.end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Period(start, end if end == period.end else end + HOUR)


def _wanted(sites: list[str], query: CompletenessAsked) -> Callable[[str], bool]:
    """Of all sites: everybody, also who bears the name of none. Of one: its devices, without the grid."""
    only = query.measurement
    if only is not None and only not in MEASUREMENTS:
        known = ", ".join(MEASUREMENTS)
        raise Problem(400, f"measurement: there is no {only[:60]!r}; choose from {known}", "measurement")
    named = tuple(f"{site}/" for site in sites)

    def wanted(source: str) -> bool:
        of_site = query.site == ALL or source.startswith(named)
        return of_site and only in (None, measurement_of(source))

    return wanted
