"""Which months are issued unasked, and that the rule that misses a report means the same months."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from alerts.reading import Reading
from alerts.rules.report_missing import ReportMissing, ReportMissingOptions
from energy.interval import Period
from energy.reading.statement import metered
from reports.due import MonthlyIssue
from reports.monthly import Material
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.board import MemoryBoard
from tests.fakes.figures import SyntheticFigures
from tests.fakes.house import CountedIngest
from tests.unit.reports.sample import OCTOBER, WARSAW

SITES = {"gdansk": WARSAW}
THIRD_OF_NOVEMBER = datetime(2026, 11, 3, 6, tzinfo=UTC)


@dataclass
class NotedDesk:
    """A desk on which nothing stands, that notes what is asked of it; a report index too."""

    asked: list[str] = field(default_factory=list)

    async def issued(self, site: str, period: str) -> bool:
        return False

    async def issue(self, site: str, period: str) -> None:
        self.asked.append(period)

    async def announce_once(self, *asked: Any) -> bool:
        return False

    async def entries(self, site: str | None = None) -> list[Any]:
        return []


async def untold(message: Any) -> None:
    raise AssertionError("nothing was issued that could be announced")


def metered_for(last: timedelta) -> SyntheticFigures:
    """Figures of a site that was first metered so long before October ended."""
    before = Period(OCTOBER.start, OCTOBER.end - last)
    return SyntheticFigures(SITES, THIRD_OF_NOVEMBER, missing=[before])


@pytest.mark.parametrize(
    ("hours", "enough"), [(0, False), (0.25, False), (7.25, False), (7.5, True), (48, True), (745, True)]
)
async def test_a_month_that_was_hardly_metered_is_neither_issued_nor_missed(
    hours: float, enough: bool
) -> None:
    figures, desk = metered_for(timedelta(hours=hours)), NotedDesk()
    material = Material(figures, MemoryBoard(), SITES, ())
    await MonthlyIssue(desk, material, untold, timedelta(hours=6)).issue_due(THIRD_OF_NOVEMBER)  # type: ignore[arg-type]
    read = Reading(
        sites=SITES,
        targets=(),
        figures=figures,
        live=LiveState(SeriesRegistry()),
        ingest=CountedIngest(None),  # type: ignore[arg-type]
        reports=desk,
    )
    (verdict,) = await ReportMissing(ReportMissingOptions()).judge(THIRD_OF_NOVEMBER, read)

    assert await metered(figures, "gdansk", OCTOBER) is enough
    assert desk.asked == (["2026-10"] if enough else [])
    assert (verdict.active, verdict.episode) == (enough, "2026-10")


async def test_why_a_month_is_not_issued_is_logged_once_however_often_it_is_asked() -> None:
    material = Material(metered_for(timedelta(0)), MemoryBoard(), SITES, ())
    job = MonthlyIssue(NotedDesk(), material, untold, timedelta(hours=6))  # type: ignore[arg-type]
    with capture_logs() as told:
        for hour in range(30):
            await job.issue_due(THIRD_OF_NOVEMBER + timedelta(hours=hour))

    assert [(line["event"], line["site"], line["period"]) for line in told] == [
        ("report_without_data", "gdansk", "2026-10")
    ]
