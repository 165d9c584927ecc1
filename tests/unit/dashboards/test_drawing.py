"""What pages say of figures that are still catching up with a past."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.watch import Evaluation
from dashboards.drawing import _ENVIRONMENT, Frame
from dashboards.house import House
from dashboards.view import parse
from tests.fakes.day import AT, day_house

UTC = ZoneInfo("UTC")
WEEKS = timedelta(weeks=3)


class Asked:
    """Rules of which one was asked once."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def evaluations(self) -> Mapping[str, Sequence[Evaluation]]:
        return {"green_target": [Evaluation(self.at, timedelta(0), (), None)]}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


def frame(house: House, loading: float | None = None) -> Frame:
    view = parse({}, house.sites)
    return Frame(house, view, "green", at=AT, tz=UTC, alerts=(), loading=loading, user=None, csrf="")


def unsettled(house: House, settled: datetime | None) -> str:
    marks = _ENVIRONMENT.get_template("marks.html").module
    return str(marks.unsettled("2026-11", settled, frame(house)))  # type: ignore[attr-defined]


def test_a_month_behind_a_backlog_says_up_to_when_the_ledger_is_settled(house: House) -> None:
    late = unsettled(house, AT - WEEKS)
    assert f"settled up to {AT - WEEKS:%Y-%m-%d %H:%M} and catching up." in late.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "shortly after" not in late
    for settled in (None, AT - timedelta(minutes=20)):
        assert unsettled(house, settled).endswith("Quarter-hours are settled shortly after they end.")


def test_only_alarms_about_settled_energy_are_as_of_then_while_rules_catch_up(house: House) -> None:
    behind = replace(house, rules=Asked(AT - WEEKS))
    assert frame(behind).judged_until == AT - WEEKS
    assert frame(replace(house, rules=Asked(AT))).judged_until is None
    page = _ENVIRONMENT.get_template("catching_up.html").render(frame=frame(behind))
    assert "Alarms about settled energy" in page
    assert "All others are live." in page
