"""The alarm of a target's day or month ends with that period's own result, whatever the next one is like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.board import Alert, AlertState
from alerts.book import Book
from alerts.compose import Composer
from alerts.desk import Desk
from alerts.options import AlertOptions
from alerts.reading import Reading
from alerts.replay import Replay, Replayed
from alerts.route import Router
from energy.interval import QUARTER, Period
from energy.targets.target import TargetOptions
from runtime.database import Database
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.figures import SyntheticFigures, site

DAY = Period(datetime(2026, 10, 1, 22, tzinfo=UTC), datetime(2026, 10, 2, 22, tzinfo=UTC))
"""2 October in Gdańsk."""

HOUR = timedelta(hours=1)
DARK = Period(DAY.start, DAY.end - HOUR)
NEXT_DARK = Period(DAY.end, DAY.end + 2 * HOUR)
ON_TWO = {"goal": 0.8, "period": "day"}


def reading(settled: datetime, target: dict[str, Any], **story: Any) -> Reading:
    figures = SyntheticFigures({"gdansk": site()}, settled, **story)
    targets = (TargetOptions(name="green", site="gdansk", label="green", **target),)
    return Reading(figures.sites, targets, figures, LiveState(SeriesRegistry()), ingest=None)  # type: ignore[arg-type]


def later(read: Reading, settled: datetime) -> Reading:
    """``read`` at a later check, as the service passes on what it knows from one to the next."""
    figures = read.figures
    assert isinstance(figures, SyntheticFigures)
    return replace(read, figures=figures.until(settled))


class Days:
    """The rule, the book and the desk, asked every quarter-hour."""

    def __init__(self, database: Database) -> None:
        router = Router([], ["mail"], [])
        self.book = Book(database, router, Composer({"gdansk": site()}, "https://dc.example"))
        self.desk = Desk(database)
        self.rule = AlertOptions().rules()["green_target"]

    async def pass_by(self, period: Period, target: dict[str, Any] | None = None, **story: Any) -> None:
        at = period.start
        read = reading(at, target or ON_TWO, **story)
        while at < period.end:
            at += QUARTER
            read = later(read, at)
            await self.book.record("green_target", await self.rule.judge(at, read), at)

    async def missed(self, key: str = "target/green/missed") -> list[Alert]:
        """What the missed target has been, or the condition ``key``, oldest first."""
        found = [a for a in await self.desk.alerts() if a.key == key]
        return sorted(found, key=lambda alert: alert.id)


@pytest.fixture
def days(database: Database) -> Days:
    return Days(database)


async def final_share(**story: Any) -> float:
    (row,) = await SyntheticFigures({"gdansk": site()}, DAY.end, **story).kpi("gdansk", DAY)
    assert row.hourly_matched is not None
    return 100 * row.hourly_matched


@pytest.mark.parametrize("next_day", [[], [NEXT_DARK]], ids=["met", "at risk"])
async def test_a_missed_day_keeps_its_result_when_the_next_begins(days: Days, next_day: list[Period]) -> None:
    windless = [DARK, *next_day]
    await days.pass_by(DAY, windless=windless)
    (before,) = await days.missed()
    await days.pass_by(Period(DAY.end, DAY.end + 4 * HOUR), windless=windless)
    (after,) = await days.missed()
    assert after.value == before.value == pytest.approx(await final_share(windless=windless))
    assert (after.summary, after.link, after.title) == (before.summary, before.link, before.title)
    assert "at the end" in after.summary
    assert after.evidence == before.evidence
    assert after.evidence["end"] == DAY.end.isoformat()
    assert after.evidence["standing"] == "missed"
    lacking = after.evidence["worst_hours"]
    assert len(lacking) == 5
    assert all(DAY.start <= datetime.fromisoformat(hour["start"]) < DAY.end for hour in lacking)
    uncovered = [hour["uncovered_wh"] for hour in lacking]
    assert uncovered == sorted(uncovered, reverse=True)
    assert (after.state, after.ended) == (AlertState.RETURNED, DAY.end + HOUR)
    ended = (await days.desk.timeline(after.id))[-1]
    assert ended.note == "a new period has begun: 2026-10-03"


async def test_a_risk_that_became_a_miss_says_so_and_promises_nothing(days: Days) -> None:
    windless = [Period(DAY.start + 6 * HOUR, DAY.end)]
    await days.pass_by(DAY, windless=windless)
    (missed,) = await days.missed()
    (risk,) = await days.missed("target/green/at-risk")
    assert (risk.state, risk.evidence["standing"]) == (AlertState.RETURNED, "missed")
    assert risk.ended == missed.since
    assert risk.summary.startswith("It became a miss: at most ")
    assert "still" not in risk.advice + missed.advice
    assert risk.advice != missed.advice


async def test_a_miss_that_late_data_mend_asks_for_nothing(days: Days) -> None:
    await days.pass_by(DAY, windless=[DARK])
    (missed,) = await days.missed()
    assert missed.advice.startswith("Nothing can win this period back.")
    await days.pass_by(Period(DAY.end, DAY.end + QUARTER), target={"goal": 0.001, "period": "day"})
    (mended,) = await days.missed()
    assert mended.advice == "The target is met: nothing needs to be done."


async def test_a_day_that_misses_after_a_missed_one_is_an_alarm_of_its_own(days: Days) -> None:
    both = Period(DAY.start, DAY.end + timedelta(days=1))
    await days.pass_by(Period(both.start, both.end - HOUR), windless=[both])
    first, second = await days.missed()
    assert (first.evidence["end"], second.evidence["start"]) == (DAY.end.isoformat(),) * 2
    assert (first.title, second.title) == (
        "Green target missed: green, 2 October 2026",
        "Green target missed: green, 3 October 2026",
    )


async def test_late_data_change_the_result_of_a_day_until_the_next_is_judged(days: Days) -> None:
    hole = Period(DAY.end - 2 * HOUR, DAY.end)
    await days.pass_by(DAY, windless=[DARK], missing=[hole])
    (incomplete,) = await days.missed()
    await days.pass_by(Period(DAY.end, DAY.end + QUARTER), windless=[DARK])
    await days.pass_by(Period(DAY.end + QUARTER, DAY.end + 3 * HOUR), windless=[DARK])
    (told,) = await days.missed()
    assert incomplete.value != pytest.approx(told.value)
    assert told.value == pytest.approx(await final_share(windless=[DARK]))


async def test_late_data_that_mend_a_day_before_the_next_is_judged_end_its_alarm_as_met(days: Days) -> None:
    await days.pass_by(DAY, windless=[DARK])
    await days.pass_by(Period(DAY.end, DAY.end + QUARTER), target={"goal": 0.001, "period": "day"})
    (mended,) = await days.missed()
    assert mended.evidence["standing"] == "met"
    assert (mended.state, mended.evidence["end"]) == (AlertState.RETURNED, DAY.end.isoformat())


async def test_a_month_keeps_its_result_too(days: Days) -> None:
    end = datetime(2026, 10, 31, 23, tzinfo=UTC)
    dark = Period(end - 3 * HOUR, end)
    month = {"goal": 0.999, "period": "month"}
    await days.pass_by(Period(end - HOUR, end + 3 * HOUR), month, windless=[dark])
    (old,) = await days.missed()
    assert (old.title, old.evidence["end"]) == ("Green target missed: green, October 2026", end.isoformat())
    assert old.link == "/green/2026-10?site=gdansk"


async def test_a_replay_tells_the_end_of_a_day_by_its_own_result() -> None:
    read = reading(DAY.end + 4 * HOUR, ON_TWO, windless=[DARK])
    rules = {"green_target": AlertOptions().rules()["green_target"]}
    seen: list[Replayed] = [
        change
        async for change in Replay(rules, read).run(Period(DAY.end - HOUR, DAY.end + 3 * HOUR))
        if change.key == "target/green/missed"
    ]
    assert [change.after for change in seen] == [AlertState.UNACKNOWLEDGED, AlertState.RETURNED]
    assert {change.title for change in seen} == {"Green target missed: green, 2 October 2026"}
    assert "at the end" in seen[1].summary
