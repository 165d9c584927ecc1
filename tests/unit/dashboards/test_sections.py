"""The System page in a few words: what needs a look first, and nothing that the house does not have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.house import House
from dashboards.panels.background import Background
from dashboards.panels.sections import sections
from dashboards.panels.system import system_page
from dashboards.view import View
from telemetry.status import IngestStatus, JournalStatus, StoreStatus
from tests.fakes.day import AT, day_house

WELL = IngestStatus(
    1, 1, 1, 0, 0, {"late": 2}, JournalStatus(0, 10, 100, 5), [StoreStatus("duckdb", 5, 0.0)], connected=True
)
NOTHING = Background(None, None, None, None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


async def test_what_needs_a_look_comes_first_with_how_much_of_it(house: House) -> None:
    found = (await system_page(house, View(), AT)).sections
    bad = {section.key: section.bad for section in found}
    assert (bad["ingest"], bad["sources"], bad["channels"], bad["rules"], bad["jobs"]) == (1, 3, 1, 1, 0)
    worst = [section.key for section in found if section.bad]
    assert [section.key for section in found][: len(worst)] == worst
    assert [section.key for section in found][-2:] == ["rejects", "versions"]


async def test_a_job_is_judged_by_its_newest_run(house: House) -> None:
    told = (await system_page(house, View(), AT)).background
    assert [line.run.job for line in told.newest] == ["green-check", "monthly-report"]
    assert not any(line.failed for line in told.newest)
    assert any(line.failed for line in told.earlier)
    assert len(told.newest) + len(told.earlier) == len(told.runs or ())


def test_a_house_where_all_is_well_has_nothing_to_look_at() -> None:
    found = sections(WELL, (), (3, 0), NOTHING)
    assert [(s.key, s.told, s.bad) for s in found] == [
        ("ingest", "connected, journal 10.00 % full, 1 follower", 0),
        ("sources", "3 in all", 0),
        ("rejects", "2 in all", 0),
        ("versions", "", 0),
    ]


@pytest.mark.parametrize(
    "trouble",
    [
        {"connected": False},
        {"journal": JournalStatus(0, 80, 100, 5)},
        {"stores": [StoreStatus("influx", 5, 0.0, "HTTP 500")]},
        {"stores": [StoreStatus("influx", 5, 0.0, missed=9)]},
    ],
)
def test_ingest_needs_a_look_when_anything_of_it_is_wrong(trouble: dict[str, object]) -> None:
    ingest = replace(WELL, **trouble)  # type: ignore[arg-type]
    assert [section.key for section in sections(ingest, (), (3, 0), NOTHING) if section.bad == 1] == [
        "ingest"
    ]
