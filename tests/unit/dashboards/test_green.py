"""The green month's view-models."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import dashboards
from dashboards.drawing import _ENVIRONMENT
from dashboards.house import House
from dashboards.panels.green import day_bars, day_lines, green_month, hour_detail, indicators
from energy.figures import ALL
from energy.interval import Period, Step, month
from energy.kpi import KPIS, KpiOptions
from energy.targets.shortfall import uncovered_wh
from runtime.registry import Plugin
from tests.fakes.day import AT, SETTLED, SITES, day_house
from tests.fakes.figures import SyntheticFigures

GDANSK = SITES["gdansk"].tz
STYLES = "".join(sheet.read_text() for sheet in Path(dashboards.__file__).parent.glob("web/*.css"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


async def test_a_day_is_the_sum_of_its_hours_and_the_month_of_its_days(house: House) -> None:
    page = await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    assert page.total is not None
    known = [day for day in page.days if day.load_wh is not None]
    assert sum(day.load_wh or 0 for day in known) == pytest.approx(page.total.load_wh)
    assert sum(sum(day.green.values()) for day in known) == pytest.approx(page.total.green_wh)
    for day in known:
        assert sum(day.green.values()) + day.other_wh + day.unknown_wh == pytest.approx(day.load_wh)


async def test_hours_without_a_figure_have_a_reason_and_hours_to_come_are_not_there(house: House) -> None:
    page = await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    hole = page.lines[13].hours[12][0]
    assert hole.share is None
    assert "below the floor" in (hole.reason or "")
    assert page.lines[20].hours == [[] for _ in range(24)]
    assert page.days[13].missing_hours == 6
    cells = [cell for line in page.lines for hour in line.hours for cell in hour]
    assert page.figureless == sum(cell.share is None for cell in cells) > 0
    assert page.state == "open"
    assert page.after is None
    assert page.before == "2026-09"


async def test_the_worst_hours_are_those_with_most_uncovered_energy(house: House) -> None:
    page = await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    uncovered = [uncovered_wh(row) for row in page.worst]
    assert uncovered == sorted(uncovered, reverse=True)
    assert {row.start.astimezone(GDANSK).day for row in page.worst} <= {3, 4, 11, 12}


async def test_a_month_of_which_nothing_is_settled_has_no_total(house: House) -> None:
    page = await green_month(house, "gdansk", month("2026-11", GDANSK), GDANSK, AT)
    assert (page.total, page.through, list(page.worst)) == (None, None, [])
    assert page.state == "open"
    ended = await green_month(house, "gdansk", month("2026-09", GDANSK), GDANSK, AT)
    assert (ended.state, ended.after) == ("provisional", "2026-10")


@pytest.mark.parametrize(
    ("name", "day", "hour", "cells"), [("2026-10", 25, 2, 2), ("2026-03", 29, 2, 0), ("2026-03", 29, 3, 1)]
)
async def test_clock_changes_have_two_hours_or_none(name: str, day: int, hour: int, cells: int) -> None:
    period = month(name, GDANSK)
    figures = SyntheticFigures(SITES, settled=period.end)
    lines = day_lines(period, await figures.kpi("gdansk", period, Step.HOUR), GDANSK)
    assert len(lines[day - 1].hours[hour]) == cells
    assert sum(len(cell) for line in lines for cell in line.hours) == period.quarters // 4


async def test_an_hour_tells_its_meters_and_its_mix(house: House) -> None:
    detail = await hour_detail(house, "gdansk", datetime(2026, 10, 8, 6, tzinfo=UTC))
    assert detail is not None
    assert detail.sources[0].energy_wh == pytest.approx(detail.kpi.edc_wh)
    assert detail.sources[0].quality == "ok"
    missing = await hour_detail(house, "gdansk", datetime(2026, 10, 14, 10, tzinfo=UTC))
    assert missing is not None
    assert missing.sources[0].energy_wh is None
    assert missing.sources[0].reason == "no reading arrived"


async def test_bars_end_below_a_round_top(house: House) -> None:
    page = await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    assert [label for label, _ in page.bars.ticks] == ["0", "80", "160", "240", "320"]
    for _day, pieces in page.bars.bars:
        assert sum(piece.share for piece in pieces) <= 1.05
    assert day_bars([], []).bars == []
    assert page.days[0].day == date(2026, 10, 1)
    assert len(page.days) == (AT - page.period.start) // timedelta(days=1) + 1


async def test_each_of_many_supplies_has_one_mark_that_bars_and_legend_share(house: House) -> None:
    page = await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    names = [f"site-{place}/plant" for place in range(60)]
    days = [replace(day, green=dict.fromkeys(names, 1e6)) for day in page.days]
    many = replace(page, days=days, supplies=names, bars=day_bars(days, names))
    assert len(set(many.marks)) == len(names)
    drawn = _ENVIRONMENT.get_template("source_days.html").render(month=many, t=many.total)
    told = re.findall(
        r'<pattern id="(supply-\d+)" (class="hue-\d+") .*?(?:patternTransform="(.*?)")?>(.*)</pattern>', drawn
    )
    assert [one[0] for one in told] == [f"supply-{place}" for place in range(60)]
    assert len({one[1:] for one in told}) == len(names), "two supplies look alike"
    bars, legend = drawn.split('<ul class="legend">')
    marks = [f"supply-{place}" for place in range(60)]
    assert list(dict.fromkeys(re.findall(r"url\(#(.*?)\)", bars))) == marks
    assert re.findall(r"url\(#(.*?)\)", legend) == marks
    used = {name for one in re.findall(r'class="(.*?)"', drawn) for name in one.split()}
    assert used - set(re.findall(r"\.([a-z][\w-]*)", STYLES)) == set()


@pytest.mark.parametrize(
    ("known", "covered"),
    [(0, "No hour has a figure yet."), (24, "Every hour with a figure is fully covered.")],
)
async def test_a_month_before_the_first_reading_draws_and_claims_nothing(
    house: House, known: int, covered: str
) -> None:
    begun = SETTLED - timedelta(hours=known)
    new = SyntheticFigures(SITES, SETTLED, missing=[Period(AT - timedelta(days=40), begun)])
    page = await green_month(replace(house, figures=new), "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    assert page.covered == covered
    assert bool(page.bars.bars) is bool(page.bars.ticks) is bool(known)
    settled = replace(page, figureless=0)
    assert settled.covered == "Every settled hour is fully covered."


async def test_every_registered_kpi_has_its_place_on_the_page(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Another:
        name, label, unit, form, method, needs_mix = "another", "Another", "kg", "ratio", "Told.", False

    page = await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)
    assert page.total is not None
    labels = [one.label for one in page.indicators]
    assert labels[0] == "PUE"
    assert page.indicators[0].value == page.total.pue
    assert "Water usage effectiveness (WUE)" in labels
    monkeypatch.setitem(KPIS._plugins, "another", Plugin("another", KpiOptions, Another))
    found = {one.label: one for one in indicators(replace(page.total, more={"another": 4.5}))}
    assert (found["Another"].value, found["Another"].unit) == (4.5, "kg")
    assert found.keys() - set(labels) == {"Another"}


async def test_only_all_sites_say_that_they_are_no_sum_of_the_sites_months(house: House) -> None:
    utc = ZoneInfo("UTC")
    assert "not the sum" in (await green_month(house, ALL, month("2026-10", utc), utc, AT)).apart
    assert (await green_month(house, "gdansk", month("2026-10", GDANSK), GDANSK, AT)).apart == ""
