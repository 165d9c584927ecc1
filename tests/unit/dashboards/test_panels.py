"""Overview, flow, power, alarms and system: what they show of a house."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from alerts.verdict import Severity
from dashboards.house import House
from dashboards.now import Gauge, Now
from dashboards.panels.alarms import active_alarms, chart_of, chips, filtered, past_alarms
from dashboards.panels.flow import flow
from dashboards.panels.overview import overview
from dashboards.panels.power import power_history
from dashboards.panels.system import source_line, system_page, worst_first
from dashboards.view import View
from energy.configuration.metering import Role
from energy.figures import ALL
from energy.quantity import in_percent
from runtime.clock import to_ms
from telemetry.catalogue import METER
from telemetry.completeness_book import FULL, NOTHING, SPOKE
from telemetry.completeness_lines import SourceHour
from telemetry.frame import Frame
from telemetry.rollup import ROLLUPS
from telemetry.status import SourceStatus
from tests.fakes.board import MemoryBoard
from tests.fakes.day import AT, SITES, day_house
from tests.fakes.house import CountedIngest, FakeHouse, ToldHours


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


async def test_tiles_stand_beside_limit_and_trend(house: House) -> None:
    page = await overview(house, Now(house), View(site="gdansk"), AT)
    tiles = {tile.title: tile for tile in page.tiles}
    assert tiles["PUE"].gauge.v == pytest.approx(1.2)
    assert tiles["PUE"].limit == "limit 1.400"
    assert len(tiles["PUE"].spark) == 24
    assert tiles["Headroom"].key == "gdansk.headroom_w"
    assert tiles["Headroom"].over is False
    assert tiles["Month matched"].key is None
    assert page.lines == ()


async def test_all_sites_show_the_tightest_contract_and_a_line_each(house: House) -> None:
    page = await overview(house, Now(house), View(), AT)
    headroom = next(tile for tile in page.tiles if tile.title == "Headroom")
    assert headroom.limit == "to contract 16.00 MW at Gdańsk"
    assert [line.name for line in page.lines] == ["Gdańsk", "Kaunas"]


async def test_figures_of_a_silent_house_are_unknown_and_say_why(house: House) -> None:
    late = AT + timedelta(hours=1)
    page = await overview(house, Now(house), View(site="gdansk"), late)
    live = [tile for tile in page.tiles if tile.key]
    assert [tile.gauge.v for tile in live] == [None] * len(live)
    assert all(tile.gauge.reason for tile in live)
    assert page.flow.total_w is None


async def test_both_bars_of_the_flow_are_equally_long(house: House) -> None:
    now = Now(house).site("gdansk", to_ms(AT))
    found = flow([(SITES["gdansk"], now)])
    assert sum(s.share for s in found.sources) == pytest.approx(1)
    assert sum(s.share for s in found.uses) == pytest.approx(1)
    assert sum(s.watts for s in found.sources) == pytest.approx(found.total_w)
    for bar in (found.sources, found.uses):
        assert sum(in_percent(s.written) for s in bar) == 100
        assert all(s.written == pytest.approx(s.share, abs=1e-4) for s in bar)
    assert all(s.written <= s.share for s in found.sources if s.name != "grid")
    assert [s.name for s in found.sources] == ["solar", "battery", "ppa", "grid"]
    assert found.missing == []


async def test_the_flow_says_what_it_does_not_know(house: House) -> None:
    now = Now(house).site("gdansk", to_ms(AT))
    silent = replace(now, it_w=Gauge(None, None, "meter ups-a is silent"))
    assert flow([(SITES["gdansk"], silent)]).missing == ["Gdańsk: meter ups-a is silent"]


async def test_power_history_has_a_hole_where_one_meter_was_silent(house: House) -> None:
    whole = await power_history(house, "gdansk", AT, timedelta(hours=24))
    assert len(whole.t) == 289
    assert np.isfinite(whole.site[1:-1]).all()
    assert whole.limit_w == 16e6
    before = await power_history(house, "gdansk", AT - timedelta(hours=24), timedelta(hours=2))
    assert np.isnan(before.site[0])
    assert before.as_json()["power_w"][0] is None


@pytest.mark.parametrize("silent", [True, False])
async def test_a_step_keeps_its_least_and_its_greatest_minute(tmp_path: Path, silent: bool) -> None:
    fake = FakeHouse(tmp_path, now=AT, sites=SITES)
    end = AT - timedelta(minutes=AT.minute % 5, seconds=AT.second, microseconds=AT.microsecond)
    times = [end - timedelta(minutes=60 - minute) for minute in range(60)]
    for minute, at in enumerate(times):
        for meter in SITES["gdansk"].meter:
            if meter.role is Role.IT:
                await fake.read(METER, ("gdansk", meter.id), at, power_w=1000.0 + minute)
    for minute, at in enumerate(times):
        watts, members = (5000.0 + minute, 2.0) if minute % 5 or not silent else (1.0, 1.0)
        await fake.store.append([_minute(fake, at, power_w=watts, members=members)], 10_000 + minute)
    found = await power_history(fake.house, "gdansk", end, timedelta(hours=1))
    loads = sum(meter.role is Role.IT for meter in SITES["gdansk"].meter)
    told = found.as_json()
    np.testing.assert_allclose(told["it_w"], [loads * (1002.0 + 5 * k) for k in range(12)])
    np.testing.assert_allclose(told["it_w_min"], [loads * (1000.0 + 5 * k) for k in range(12)])
    np.testing.assert_allclose(told["it_w_max"], [loads * (1004.0 + 5 * k) for k in range(12)])
    assert told["gpu_w_max"] == [5004.0 + 5 * k for k in range(12)]
    # A minute that lacks a GPU is no dip: it is left out, and the mean is asked of the readings.
    assert told["gpu_w_min"] == [5000.0 + silent + 5 * k for k in range(12)]
    assert told["gpu_w"] == [None if silent else 5002.0 + 5 * k for k in range(12)]
    assert told["power_w_max"] == [None] * 12
    await fake.close()


def _minute(fake: FakeHouse, at: datetime, *hall: str, **values: float) -> Frame:
    rollup = ROLLUPS["hall_1m" if hall else "site_1m"]
    series = np.array([fake.registry.id(rollup, ("gdansk", *hall))], dtype=np.int32)
    columns = {name: np.array([value]) for name, value in values.items()}
    return Frame(rollup, series, np.array([to_ms(at)], dtype=np.int64), columns)


async def test_the_power_of_a_site_that_nobody_adds_up_is_that_of_its_halls(tmp_path: Path) -> None:
    fake = FakeHouse(tmp_path, now=AT, sites=SITES)
    end = AT - timedelta(minutes=AT.minute % 5, seconds=AT.second, microseconds=AT.microsecond)
    for minute in range(60):
        at = end - timedelta(minutes=60 - minute)
        halls = {"a": (1000.0 + minute, 3.0), "b": (500.0, 2.0 if minute % 5 else 1.0)}
        frames = [_minute(fake, at, name, power_w=w, members=m) for name, (w, m) in halls.items()]
        if minute < 20:  # as long as one process took everything
            frames = [_minute(fake, at, power_w=7.0, members=5.0)]
        await fake.store.append(frames, 10_000 + minute)
    found = await power_history(fake.house, "gdansk", end, timedelta(hours=1))
    told = found.as_json()
    # A minute that lacks a GPU is left out here too.
    assert told["gpu_w_max"] == [7.0] * 4 + [1500.0 + minute + 4 for minute in range(20, 60, 5)]
    assert told["gpu_w_min"] == [7.0] * 4 + [1500.0 + minute + 1 for minute in range(20, 60, 5)]
    await fake.close()


async def test_a_long_chart_has_no_more_than_a_thousand_points(house: House) -> None:
    for days, step_s in ((1, 300), (5, 900), (30, 3600), (200, 21_600), (900, 86_400)):
        found = await power_history(house, "gdansk", AT, timedelta(days=days))
        assert (found.step_s, len(found.t) <= 1_001) == (step_s, True)


async def test_power_of_all_sites_is_their_sum(house: House) -> None:
    day = timedelta(hours=24)
    parts = [await power_history(house, key, AT, day) for key in SITES]
    together = await power_history(house, ALL, AT, day)
    np.testing.assert_allclose(together.site, parts[0].site + parts[1].site)
    assert together.limit_w is None


async def test_alarms_are_counted_by_severity_and_by_who_saw_them(house: House) -> None:
    active = await active_alarms(house, View())
    counted = {chip.severity: (chip.active, chip.unseen) for chip in chips(active)}
    assert counted == {
        Severity.CRITICAL: (1, 1),
        Severity.HIGH: (1, 1),
        Severity.MEDIUM: (1, 0),
        Severity.LOW: (1, 1),
    }
    assert [a.id for a in filtered(active, Severity.HIGH)] == [2]
    assert [a.id for a in await past_alarms(house, View(), AT)] == [5]


async def test_an_alarm_has_a_chart_only_when_it_has_a_figure(house: House) -> None:
    board = house.alerts
    assert isinstance(board, MemoryBoard)
    assert [chart_of(board.by_id[i]) for i in (1, 2, 3, 4)] == ["power", "pue", None, None]


async def test_sources_are_listed_worst_first(house: House) -> None:
    page = await system_page(house, View(), AT)
    assert [line.standing for line in page.sources] == [
        "never heard",
        "offline",
        "silent",
        "reporting",
        "reporting",
    ]
    assert (page.total, page.silent) == (5, 3)
    assert page.journal_share == pytest.approx(0.118)
    assert [line.status.site for line in (await system_page(house, View(site="kaunas"), AT)).sources] == [
        "kaunas",
        "kaunas",
    ]


def test_what_is_not_configured_is_not_silent_and_not_well() -> None:
    at = datetime(2026, 10, 20, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    strange = SourceStatus("berlin/meter/m", "meter", "berlin", at - hour, 1, configured=False)
    never = SourceStatus("berlin/meter/n", "meter", "berlin", None, 0, False, configured=False)
    well = SourceStatus("a/meter/m", "meter", "a", at, 1)
    lines = [source_line(one, hour, at) for one in (well, strange, never)]
    assert [line.standing for line in worst_first(lines)] == ["not configured", "not configured", "reporting"]


async def test_each_source_shows_its_day_and_who_lacks_most_comes_first_of_those_that_speak(
    house: House,
) -> None:
    hour = AT.replace(minute=0)
    meter, node = "gdansk/meter/main-1", "gdansk/a/r1/n01/gpu"
    told = [
        SourceHour(meter, hour - timedelta(hours=n), 60, 50, 50, 0, 0, {}, 10, 0, 0, 0, 50) for n in range(30)
    ]
    told.append(SourceHour(node, hour, None, 5, 40, 0, 0, {}, None, 0, 0, 0, 5))
    full = {meter: [FULL] * 23 + [166], node: [NOTHING] * 23 + [SPOKE]}
    page = await system_page(replace(house, completeness=ToldHours(told, full)), View(), AT)
    lines = {line.status.source: line for line in page.sources}
    assert (lines[meter].expected, lines[meter].missing, lines[meter].lacking) == (24 * 60, 240, 34)
    assert (lines[node].expected, lines[node].missing, lines[node].lacking) == (None, None, 0)
    assert [line.status.source for line in page.sources][-2:] == [meter, node]
    assert list(lines[node].hours) == full[node]


async def test_what_bears_the_name_of_no_site_is_shown_in_every_view(house: House) -> None:
    strange = SourceStatus("berlin/meter/m", "meter", "berlin", AT, 1, configured=False)
    seen = replace(
        house, ingest=CountedIngest(await house.ingest.status(), [*house.ingest.sources(), strange])
    )
    for view in (View(), View(site="kaunas")):
        page = await system_page(seen, view, AT)
        assert page.unconfigured == 1
        assert "berlin/meter/m" in [line.status.source for line in page.sources]


def test_a_source_is_silent_after_three_of_its_own_periods() -> None:
    at = datetime(2026, 10, 20, 12, tzinfo=UTC)
    slow = SourceStatus("a/meter/m", "meter", "a", at - timedelta(minutes=40), 1)
    assert source_line(slow, timedelta(minutes=15), at).standing == "reporting"
    assert source_line(slow, timedelta(minutes=1), at).standing == "silent"
    assert worst_first([]) == []
