"""Which months can be issued for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboards.panels.reports import RECENT_MONTHS, ReportLine, report_page
from dashboards.view import View
from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import Period
from tests.fakes.day import AT, SITES, day_house
from tests.fakes.desk import FolderDesk
from tests.fakes.figures import SyntheticFigures
from tests.fakes.house import FakeHouse


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    async with day_house(tmp_path) as found:
        yield found


async def lines_of(fake: FakeHouse, view: View) -> Sequence[ReportLine]:
    return (await report_page(fake.house, view, AT)).lines


async def test_all_sites_come_first_in_each_month(fake: FakeHouse) -> None:
    lines = await lines_of(fake, View())
    assert len(lines) == 3 * RECENT_MONTHS
    october, september = lines[:3], lines[3:6]
    assert [(line.month, line.site) for line in october] == [
        ("2026-10", ALL),
        ("2026-10", "gdansk"),
        ("2026-10", "kaunas"),
    ]
    assert [line.name for line in october] == ["All sites", "Gdańsk", "Kaunas"]
    assert [line.entry is not None for line in september] == [False, True, True]


async def test_one_site_has_its_own_months_only(fake: FakeHouse) -> None:
    lines = await lines_of(fake, View(site="kaunas"))
    assert {line.site for line in lines} == {"kaunas"}
    fake.sites = {"gdansk": SITES["gdansk"]}
    alone = await lines_of(fake, View(site="gdansk"))
    assert {line.site for line in alone} == {"gdansk"}


async def test_an_older_report_keeps_its_line_under_the_name_of_then(fake: FakeHouse) -> None:
    await fake.desk.issue("gdansk", "2026-01")
    fake.sites = {"kaunas": SITES["kaunas"], "riga": SITES["kaunas"]}
    fake.figures = SyntheticFigures(fake.sites, AT)
    last = (await lines_of(fake, View()))[-1]
    assert (last.month, last.name) == ("2026-01", "gdansk")


class Left(SyntheticFigures):
    """Figures of a house that kaunas has left."""

    async def departed(self) -> Mapping[str, SiteOptions]:
        return {"kaunas": SITES["kaunas"]}


async def test_a_site_that_has_left_keeps_its_reports_under_its_name(fake: FakeHouse) -> None:
    fake.sites = {"gdansk": SITES["gdansk"], "riga": SITES["gdansk"]}
    fake.figures = Left(fake.sites, AT)
    lines = {line.site: line for line in await lines_of(fake, View()) if line.entry is not None}
    assert (lines["kaunas"].name, lines["kaunas"].shown, lines["gdansk"].shown) == ("Kaunas", False, True)


async def test_months_without_readings_are_not_offered(fake: FakeHouse) -> None:
    fake.desk = FolderDesk(fake.folder / "none", SITES, AT)
    began = datetime(2026, 9, 30, 20, tzinfo=UTC)
    fake.figures = SyntheticFigures(
        SITES, AT, missing=[Period(AT - timedelta(days=400), began)], begins=began
    )
    page = await report_page(fake.house, View(site="gdansk"), AT)
    assert [line.month for line in page.lines] == ["2026-10"]
    assert [(told.name, told.at) for told in page.beginnings] == [("Gdańsk", began)]
    longer = began - timedelta(days=2)
    fake.figures = SyntheticFigures(
        SITES, AT, missing=[Period(AT - timedelta(days=400), longer)], begins=longer
    )
    page = await report_page(fake.house, View(site="gdansk"), AT)
    assert [line.month for line in page.lines] == ["2026-10", "2026-09"]


async def test_before_the_first_reading_there_is_nothing_to_issue(fake: FakeHouse) -> None:
    class Silent(SyntheticFigures):
        async def began(self, site: str) -> datetime | None:
            return None

    fake.desk = FolderDesk(fake.folder / "none", SITES, AT)
    fake.figures = Silent(SITES, AT)
    page = await report_page(fake.house, View(), AT)
    assert page.lines == []
    assert [told.at for told in page.beginnings] == [None, None]
