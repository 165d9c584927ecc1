"""Which months can be issued for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dashboards.panels.reports import RECENT_MONTHS, report_lines
from dashboards.view import View
from energy.figures import ALL
from tests.fakes.day import AT, SITES, day_house
from tests.fakes.house import FakeHouse


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    async with day_house(tmp_path) as found:
        yield found


async def test_all_sites_come_first_in_each_month(fake: FakeHouse) -> None:
    lines = await report_lines(fake.house, View(), AT)
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
    lines = await report_lines(fake.house, View(site="kaunas"), AT)
    assert {line.site for line in lines} == {"kaunas"}
    fake.sites = {"gdansk": SITES["gdansk"]}
    alone = await report_lines(fake.house, View(site="gdansk"), AT)
    assert {line.site for line in alone} == {"gdansk"}


async def test_an_older_report_keeps_its_line_under_the_name_of_then(fake: FakeHouse) -> None:
    await fake.desk.issue("gdansk", "2026-01")
    fake.sites = {"kaunas": SITES["kaunas"], "riga": SITES["kaunas"]}
    last = (await report_lines(fake.house, View(), AT))[-1]
    assert (last.month, last.name) == ("2026-01", "gdansk")
