"""The ladder of a month: its lines are all of the load, each told from somewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboards.panels.ladder import Ladder, ladder
from energy.figures import KpiRow, MixRow
from energy.interval import Period
from tests.fakes.figures import SyntheticFigures, site

START = datetime(2026, 10, 20, tzinfo=UTC)
DAY = Period(START, START + timedelta(days=1))
SITES = {"gdansk": site(battery=True)}


async def rows() -> tuple[KpiRow, MixRow]:
    figures = SyntheticFigures(SITES, DAY.end)
    (total,), (mix,) = await figures.kpi("gdansk", DAY), await figures.mix("gdansk", DAY)
    return total, mix


def found(total: KpiRow, mix: MixRow) -> Ladder:
    made = ladder(total, [mix], SITES)
    assert made is not None
    return made


async def test_its_lines_are_all_of_the_load_and_their_shares_add_up() -> None:
    total, mix = await rows()
    made = found(total, mix)
    assert [line.rung for line in made.lines] == ["onsite", "storage", "ppa", "other", "unknown"]
    assert sum(line.wh for line in made.lines) == pytest.approx(made.load_wh)
    assert sum(line.share for line in made.lines) == pytest.approx(1.0)
    assert {line.rung: [name for name, _ in line.parts] for line in made.lines} == {
        "onsite": ["pv-roof"], "storage": [], "ppa": ["ppa-wind-1"], "other": [], "unknown": [],
    }  # fmt: skip
    assert {line.rung: line.page for line in made.lines}["unknown"] == "map"


async def test_what_went_through_batteries_closes_to_the_inlet() -> None:
    total, mix = await rows()
    load = total.load_wh or 0.0
    stored = replace(
        mix,
        green={**mix.green, "battery-1": 85.0, "certificates:ee": 7.0},
        rungs={**mix.rungs, "storage": 85.0, "timed": 7.0},
        stored_wh={"ppa-wind-1": 100.0},
        charged_wh=150.0,
        withdrawn_wh=100.0,
        lost_wh=15.0,
    )
    made = found(replace(total, edc_wh=load + 50.0, hourly_matched_upper=0.99), stored)
    assert (made.charged_wh, made.withdrawn_wh, made.lost_wh, made.kept_wh) == (150, 100, 15, 100)
    assert made.apart_wh == pytest.approx(0.0, abs=1e-3)
    assert made.high == 0.99
    parts = {line.rung: list(line.parts) for line in made.lines}
    assert parts["storage"] == [("battery-1", 85.0)]
    assert parts["timed"] == [("certificates:ee", 7.0)]


async def test_without_a_load_there_is_no_ladder() -> None:
    total, mix = await rows()
    assert ladder(replace(total, load_wh=None), [mix], SITES) is None
