"""Alarms before a target or a quarter-hour is lost."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from alerts.board import AlertState
from alerts.options import AlertOptions
from alerts.reading import Reading
from alerts.replay import Replay
from alerts.verdict import Severity, Verdict
from energy.interval import QUARTER, Period
from energy.targets.target import TargetOptions
from runtime.clock import to_ms
from telemetry.catalogue import METER
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.figures import SyntheticFigures, site

DAY = Period(datetime(2026, 10, 1, 22, tzinfo=UTC), datetime(2026, 10, 2, 22, tzinfo=UTC))
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)
GOAL = {"name": "green", "site": "gdansk", "label": "green"}


def reading(settled: datetime, target: dict[str, Any], **story: Any) -> Reading:
    figures = SyntheticFigures({"gdansk": site()}, settled, **story)
    targets = (TargetOptions.model_validate({**GOAL, **target}),)
    return Reading(figures.sites, targets, figures, LiveState(SeriesRegistry()), ingest=None)  # type: ignore[arg-type]


async def burn(read: Reading, at: datetime, **options: Any) -> Verdict:
    tables = AlertOptions.model_validate({"rule": [{"type": "burn_rate", **options}]})
    (verdict,) = await tables.rules()["burn_rate"].judge(at, read)
    return verdict


async def test_a_windless_stretch_alarms_before_the_month_is_lost() -> None:
    dark = Period(NOON - 8 * HOUR, NOON)
    quiet = await burn(reading(NOON - 8 * HOUR, {"goal": 0.88}, windless=[dark]), NOON - 8 * HOUR)
    loud = await burn(reading(NOON, {"goal": 0.88}, windless=[dark]), NOON)
    assert (quiet.active, loud.active) == (False, True)
    assert (loud.key, loud.unit, loud.limit, loud.severity) == ("target/green/burn", "x", 6.0, Severity.HIGH)
    assert loud.value is not None
    assert loud.value > 6
    assert loud.summary.startswith("The last 6 h used ")
    assert "used up on 2026-10-2" in loud.summary
    assert loud.evidence["budget_left_wh"] > 0
    assert loud.evidence["burn_rates"].keys() == {"last 1 h", "last 6 h", "last 24 h"}
    assert loud.advice
    assert loud.title == "Budget burns fast: green, October 2026"


async def test_a_target_without_a_budget_burns_none() -> None:
    read = reading(NOON, {"goal": 1.0})
    assert list(await AlertOptions().rules()["burn_rate"].judge(NOON, read)) == []


async def test_hours_that_nobody_knows_neither_alarm_nor_end_an_alarm() -> None:
    hole = Period(NOON - 8 * HOUR, NOON)
    verdict = await burn(reading(NOON, {"goal": 0.88}, missing=[hole]), NOON)
    assert (verdict.active, verdict.clears) == (None, False)


async def test_a_missed_target_burns_no_more() -> None:
    dark = [Period(NOON - timedelta(days=15), NOON)]
    verdict = await burn(reading(NOON, {"goal": 0.95}, windless=dark), NOON)
    assert (verdict.active, verdict.clears) == (False, True)
    assert "the target is missed" in verdict.summary


async def test_one_stretch_is_one_alarm_in_a_replay() -> None:
    dark = Period(NOON - 20 * HOUR, NOON - 10 * HOUR)
    read = reading(NOON + timedelta(days=2), {"goal": 0.85}, windless=[dark])
    rules = {"burn_rate": AlertOptions().rules()["burn_rate"]}
    span = Period(NOON - timedelta(days=2), NOON + timedelta(days=1))
    seen = [change.after async for change in Replay(rules, read).run(span)]
    assert seen == [AlertState.UNACKNOWLEDGED, AlertState.RETURNED]


class Meter:
    """A live state that a test feeds minute by minute."""

    def __init__(self) -> None:
        registry = SeriesRegistry()
        self.state, self._number = LiveState(registry), registry.id(METER, ("gdansk", "main-1"))

    def tell(self, watts: float, at: datetime) -> None:
        series, times = np.array([self._number], np.int32), np.array([to_ms(at)], np.int64)
        self.state.update(Frame(METER, series, times, {"power_w": np.array([watts])}))


async def demand(watts: list[float], start: datetime = NOON) -> list[Verdict]:
    """What the rule says each minute from ``start``; the contract is 16 MW."""
    meter, rule, said = Meter(), AlertOptions().rules()["demand_forecast"], []
    read = replace(reading(NOON, {}), live=meter.state)
    for minute, power in enumerate(watts):
        at = start + minute * MINUTE
        meter.tell(power, at)
        said += await rule.judge(at, read)
    return said


async def test_a_ramp_is_told_while_the_mean_is_still_below_the_contract() -> None:
    said = await demand([12e6 + 6e5 * minute for minute in range(10)])
    first = next(verdict for verdict in said if verdict.active)
    assert first.evidence["so_far_w"] < 16e6
    assert first.evidence["now_w"] < 16e6
    assert (first.key, first.unit, first.limit) == ("demand/gdansk", "kW", 16_000)
    assert "shed" in first.summary
    assert "14:15" in first.summary
    assert first.clears is False


async def test_a_moment_above_the_contract_is_no_demand_above_it() -> None:
    said = await demand([10e6] * 6 + [17e6] + [10e6] * 4)
    pairs = itertools.pairwise(said)
    assert not any(one.active and other.active for one, other in pairs), "shorter than the on-delay"


async def test_an_even_power_above_the_contract_is_told_and_ends_with_the_deadband() -> None:
    above = await demand([16.5e6] * 10)
    assert all(verdict.active for verdict in above)
    near = await demand([15.9e6] * 5)
    assert [(v.active, v.clears) for v in near] == [(False, False)] * 5
    assert (await demand([15.5e6] * 5))[-1].clears is True


async def test_a_silent_meter_leaves_the_demand_unknown() -> None:
    meter, rule = Meter(), AlertOptions().rules()["demand_forecast"]
    read = replace(reading(NOON, {}), live=meter.state)
    (never,) = await rule.judge(NOON, read)
    meter.tell(20e6, NOON)
    (fresh,) = await rule.judge(NOON + MINUTE, read)
    (stale,) = await rule.judge(NOON + QUARTER, read)
    assert (never.active, fresh.active, stale.active) == (None, True, None)
