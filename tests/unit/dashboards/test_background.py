"""What works unseen: how rules, channels, jobs and the data directory are told on the System page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.reading import ChannelStatus
from dashboards.house import House
from dashboards.panels.background import background, disk_use, rule_line
from dashboards.view import View
from tests.fakes.background import ToldChannels, evaluation
from tests.fakes.day import AT, day_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


async def test_rules_that_fail_come_first_and_count_what_they_last_said(house: House) -> None:
    lines = (await background(house, View(), AT)).rules
    assert lines is not None
    assert [(r.name, r.failing, r.conditions, r.active, r.unknown) for r in lines] == [
        ("completeness", True, 0, 0, 0),
        ("green_target", False, 0, 0, 0),
        ("pue_limit", False, 2, 1, 0),
        ("silent_source", False, 2, 1, 1),
    ]
    assert (lines[1].at, lines[1].took) == (None, None)
    assert (lines[2].at, lines[2].took, lines[2].error) == (AT, timedelta(milliseconds=12), None)
    # An error stays listed with its time though the rule runs again.
    assert (lines[3].error, lines[3].error_at) == ("StoreError: busy", AT - timedelta(seconds=10))


def test_a_site_sees_the_conditions_that_concern_it() -> None:
    kept = [evaluation(AT, True, None, True)]
    line = rule_line("pue_limit", kept, View(site="gdansk"))
    assert (line.conditions, line.active, line.unknown) == (2, 2, 0)
    line = rule_line("pue_limit", kept, View(site="kaunas"))
    assert (line.conditions, line.active, line.unknown) == (1, 0, 1)


async def test_channels_that_fail_come_first_and_say_since_when(house: House) -> None:
    lines = (await background(house, View(), AT)).channels
    assert lines is not None
    assert [(c.status.name, c.failing, c.failing_since) for c in lines] == [
        ("pager", True, AT - timedelta(hours=1)),
        ("archive", False, None),
        ("on-call", False, None),
    ]
    lost_before_the_start = ChannelStatus("mail", 0, "550 no such user", timedelta(0), True)
    told = replace(house, deliveries=ToldChannels([lost_before_the_start]))
    lines = (await background(told, View(), AT)).channels
    assert lines is not None
    assert (lines[0].failing, lines[0].failing_since) == (True, None)


async def test_each_job_shows_its_newest_runs(house: House) -> None:
    runs = (await background(house, View(), AT)).runs
    assert runs is not None
    assert [r.run.job for r in runs] == ["green-check"] * 5 + ["monthly-report"]
    assert runs[0].took is None
    assert [r.failed for r in runs] == [False, False, True, False, False, False]
    assert runs[1].took == timedelta(seconds=1.4)


async def test_what_the_house_does_not_hand_out_is_left_out(house: House) -> None:
    bare = replace(house, rules=None, deliveries=None, jobs=None, data_dir=None)
    found = await background(bare, View(), AT)
    assert (found.rules, found.channels, found.runs, found.disk) == (None, None, None, None)


def test_the_data_directory_is_measured_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "hour.parquet").write_bytes(b"x" * 1000)
    (tmp_path / "journal.sqlite").write_bytes(b"x" * 24)
    found = disk_use(tmp_path)
    assert found.used == 1024
    assert found.free > 0
