"""What the alarm pages make of a list: what is going on, what is over, and whether it is a flood."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.board import AlertState
from alerts.flood import BEARABLE, CALM, WITHIN
from alerts.verdict import Severity
from dashboards.panels.alarms import active_alarms, chips, flood, going_on, returned
from dashboards.view import View
from tests.fakes.board import alert
from tests.fakes.day import AT, day_house
from tests.fakes.house import FakeHouse


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    async with day_house(tmp_path) as found:
        yield found


def begin(
    fake: FakeHouse, count: int, every: timedelta = timedelta(seconds=20), site: str = "gdansk"
) -> None:
    """``count`` alarms from id 100 on, the newest this moment; every third is over again."""
    for number in range(count):
        one = alert(100 + number, AT - number * every, site=site, rule="silent_source" if number else "pue")
        over = replace(one, state=AlertState.NORMAL, ended=AT)
        fake.board.put(over if number % 3 == 2 else one)


async def test_what_is_over_stands_apart_and_is_not_counted_as_active(fake: FakeHouse) -> None:
    active = await active_alarms(fake.house, View())
    assert {a.id for a in going_on(active)} == {1, 2, 3, 4}
    assert [a.id for a in returned(active)] == [7, 6]
    medium = next(chip for chip in chips(active) if chip.severity is Severity.MEDIUM)
    assert (medium.active, medium.unseen) == (1, 0)


async def test_as_many_as_one_can_attend_to_are_no_flood(fake: FakeHouse) -> None:
    fake.board.by_id.clear()
    begin(fake, BEARABLE)
    assert await flood(fake.house, View(), AT) is None


async def test_a_flood_names_its_first_alarm_and_its_talkers(fake: FakeHouse) -> None:
    fake.board.by_id.clear()
    begin(fake, BEARABLE + 2)
    found = await flood(fake.house, View(), AT)
    assert found is not None
    assert (found.count, found.first.id) == (BEARABLE + 2, 100 + BEARABLE + 1)
    assert found.talkers == [("silent_source", BEARABLE + 1), ("pue", 1)]
    assert await flood(fake.house, View(site="kaunas"), AT) is None
    assert await flood(fake.house, View(), AT + WITHIN) is None


async def test_a_flood_that_ebbs_is_told_until_it_is_over(fake: FakeHouse) -> None:
    fake.board.by_id.clear()
    begin(fake, BEARABLE + 1)
    for late in range(CALM):
        fake.board.put(alert(200 + late, AT + WITHIN / 2 + late * timedelta(seconds=1)))
    found = await flood(fake.house, View(), AT + WITHIN)
    assert found is not None
    assert (found.count, found.first.id) == (CALM, 100 + BEARABLE)
    assert await flood(fake.house, View(), AT + 1.5 * WITHIN + timedelta(seconds=1)) is None


async def test_an_alarm_counts_from_when_people_were_told(fake: FakeHouse) -> None:
    fake.board.by_id.clear()
    for number in range(BEARABLE + 1):
        began_early = alert(number + 1, AT - timedelta(hours=1), fired_at=AT - timedelta(minutes=1))
        fake.board.put(began_early)
    found = await flood(fake.house, View(), AT)
    assert found is not None
    assert found.count == BEARABLE + 1
    for number in range(BEARABLE + 1):
        fake.board.put(alert(number + 1, AT - timedelta(minutes=1), state=AlertState.PENDING, fired_at=None))
    assert await flood(fake.house, View(), AT) is None
