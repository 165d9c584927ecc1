"""How complete the telemetry is: rows per source and hour, held against what was to be expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from energy.figures import ALL
from energy.interval import Period
from runtime.clock import from_ms
from telemetry.catalogue import GPU, GRID, MEASUREMENTS, Measurement
from telemetry.store import AT, SeriesQuery, WindowQuery

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
    """``expected`` and ``missing`` are null for sources whose period is not configured.

    ``late``, ``duplicate`` and ``rejected`` are null: they are counted for the whole service (/ingest), not
    by source and hour.
    """

    source: str
    hour: str
    expected: int | None
    received: int
    late: int | None
    duplicate: int | None
    rejected: int | None
    missing: int | None


class Completeness(BaseModel):
    """By source and hour (UTC)."""

    rows: list[CompletenessLine]


@dataclass(frozen=True)
class _Hours:
    """Whole hours that touch a period, and the time up to which anything can have arrived."""

    period: Period
    now: datetime

    def __iter__(self) -> Iterator[datetime]:
        at = self.period.start
        while at < self.period.end:
            yield at
            at += HOUR

    def expected(self, hour: datetime, every: timedelta) -> int:
        """Rows that a source reporting ``every`` so often has had time to send in ``hour``."""
        passed = min(HOUR, max(timedelta(0), self.now - hour))
        return passed // every


@router.get("/completeness", response_model=Completeness)
async def completeness(house: HouseHere, query: Annotated[CompletenessAsked, Query()]) -> Response:
    """Every configured meter and supply, and whoever else spoke, in the hours that touch [from, to)."""
    asked_for = asked.period(house, query.from_, query.to, LONGEST)
    hours = _Hours(_whole_hours(asked_for), house.clock.now())
    sites = asked.sites(house, query.site)
    every = _configured(house, sites, query.measurement)
    received: dict[tuple[str, datetime], int] = {}
    for measurement in _measurements(query.measurement, query.site):
        received |= await _received(house, measurement, sites, hours.period)
        if len(received) > MOST_ROWS:
            raise Problem(
                400, f"from: more than {MOST_ROWS} rows; ask for a shorter time or one measurement", "from"
            )
    return asked.json({"rows": list(_lines(hours, every, received))})


def _lines(
    hours: _Hours, every: Mapping[str, timedelta], received: Mapping[tuple[str, datetime], int]
) -> Iterator[dict[str, object]]:
    for source in sorted({source for source, _ in received} | every.keys()):
        period = every.get(source)
        for hour in hours:
            count = received.get((source, hour), 0)
            expected = None if period is None else hours.expected(hour, period)
            if expected is None and not count:
                continue  # nobody knows whether it should have spoken
            yield {
                "source": source,
                "hour": hour.isoformat(),
                "expected": expected,
                "received": count,
                "late": None,
                "duplicate": None,
                "rejected": None,
                "missing": None if expected is None else max(0, expected - count),
            }


def _whole_hours(period: Period) -> Period:
    start = period.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = period.end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Period(start, end if end == period.end else end + HOUR)


def _configured(house: House, sites: Iterable[str], only: str | None) -> dict[str, timedelta]:
    found: dict[str, timedelta] = {}
    for key in sites:
        site = house.sites[key]
        if only in (None, "meter"):
            found |= {f"{key}/meter/{meter.id}": meter.period for meter in site.meter}
        if only in (None, "supply"):
            found |= {f"{key}/supply/{supply.id}": supply.period for supply in site.supply}
    return found


def _measurements(only: str | None, site: str) -> list[Measurement]:
    if only is not None and only not in MEASUREMENTS:
        known = ", ".join(MEASUREMENTS)
        raise Problem(400, f"measurement: there is no {only[:60]!r}; choose from {known}", "measurement")
    chosen = [m for m in MEASUREMENTS.values() if only in (None, m.name)]
    # The grid belongs to a zone, not to a site.
    return [m for m in chosen if m is not GRID or site == ALL]


async def _received(
    house: House, measurement: Measurement, sites: list[str], period: Period
) -> dict[tuple[str, datetime], int]:
    where = {} if measurement is GRID else {"site": sites}
    # The source of a GPU's rows is its node: counts of additive fields add up over its GPUs.
    group = measurement.labels[:-1] if measurement is GPU else None
    query = SeriesQuery(measurement, period.start, period.end, where)
    table = await house.store.window(WindowQuery(query, HOUR, "count", group))
    found = {}
    for row in table.to_pylist():
        # A row may lack a field, so the fullest column counts the rows.
        count = max((row[name] or 0 for name in measurement.field_names), default=0)
        found[_source(measurement, row), from_ms(row[AT])] = round(count)
    return found


def _source(measurement: Measurement, row: Mapping[str, str]) -> str:
    if measurement is GPU:
        return "/".join([*(row[label] for label in measurement.labels[:-1]), "gpu"])
    if measurement is GRID:
        return f"grid/{row['zone']}"
    first, device = measurement.labels
    return f"{row[first]}/{measurement.name}/{row[device]}"
