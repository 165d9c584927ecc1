"""Verdicts on targets, from figures of an invented site and from a real ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from energy.targets.judge import judge_target
from energy.targets.target import Standing, TargetOptions
from tests.fakes.figures import SyntheticFigures, night, site
from tests.unit.energy.plant import MINUTE, START, Plant
from tests.unit.energy.plant import site as plain_site

MID = datetime(2026, 10, 15, 12, tzinfo=UTC)
OCTOBER = Period(datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC))


def target(goal=1.0, metric="hourly_matched", period="month", where="gdansk"):
    return TargetOptions(name="green", site=where, metric=metric, goal=goal, period=period)


def figures(settled=MID, **holes):
    return SyntheticFigures({"gdansk": site()}, settled, **holes)


async def test_a_modest_goal_is_on_course_while_all_of_the_range_keeps_it():
    verdict = await judge_target(target(goal=0.6), figures(), MID)
    assert verdict.standing is Standing.ON_COURSE
    assert verdict.value >= 0.6
    assert verdict.nowcast.low >= 0.6
    assert not verdict.falls_short
    assert (verdict.start, verdict.end) == (OCTOBER.start, OCTOBER.end)
    assert "so far" in verdict.reason
    assert verdict.evidence["expected_rest_wh"] > 0


async def test_all_of_it_is_missed_at_the_first_unmatched_hour():
    verdict = await judge_target(target(goal=1.0), figures(windless=[night(MID - timedelta(days=2))]), MID)
    assert verdict.standing is Standing.MISSED
    assert verdict.best_possible < 1
    assert "at most" in verdict.reason


async def test_what_can_still_be_reached_is_at_risk():
    so_far = (await judge_target(target(goal=0.01), figures(), MID)).value
    verdict = await judge_target(target(goal=so_far + 0.01), figures(), MID)
    assert verdict.standing is Standing.AT_RISK
    assert verdict.value < verdict.target.goal <= verdict.best_possible


async def test_best_possible_is_what_is_left_over_if_the_rest_is_as_high_as_ever_and_green():
    verdict = await judge_target(target(goal=0.3), figures(), MID)
    told = verdict.evidence
    hours = (OCTOBER.end - MID) / timedelta(hours=1)
    back = Period(MID - timedelta(weeks=5), MID)
    rows = await figures().kpi("gdansk", back, Step.HOUR)
    rest = hours * max(row.load_wh for row in rows)
    whole = told["load_wh"] + rest
    assert verdict.best_possible == pytest.approx((told["green_wh"] + rest) / whole)
    assert told["expected_rest_wh"] < rest
    assert "at the highest known load" in told["certain"]


def contracted(kw):
    """The same site, of which everything that may feed its load has declared how much at most."""
    plain = site(contracted_kw=kw)
    supply = tuple(one.model_copy(update={"max_power_kw": 3_000.0}) for one in plain.supply)
    return plain.model_copy(update={"supply": supply})


async def test_a_goal_is_met_before_the_end_only_if_the_rest_at_contracted_power_cannot_undo_it():
    at = OCTOBER.end - timedelta(hours=10)
    so_far = (await judge_target(target(goal=0.01), figures(settled=at), at)).value
    goal = so_far * 0.99  # ten hours at the mean, not green, would leave 0.9866 of it

    async def judged(options):
        known = SyntheticFigures({"gdansk": options}, at)
        return [await judge_target(target(goal=goal - less), known, at) for less in (0.0, 0.02)]

    (open_, met) = await judged(contracted(13_000))
    assert open_.standing is not Standing.MET
    assert met.standing is Standing.MET
    assert "whatever comes at contracted power, the goal" in met.reason
    (_, not_sure) = await judged(contracted(40_000))
    assert not_sure.standing is not Standing.MET
    (_, highest) = await judged(site())
    assert "whatever comes at the highest known load, the goal" in highest.reason


async def test_a_goal_is_missed_before_the_end_only_if_no_green_rest_at_contracted_power_could_make_it_good():
    at = OCTOBER.end - timedelta(hours=10)

    async def judged(options, goal):
        return await judge_target(target(goal=goal), SyntheticFigures({"gdansk": options}, at), at)

    so_far = (await judged(contracted(13_000), 0.01)).value
    mean = so_far + (1 - so_far) * 10 / 745
    assert (await judged(contracted(13_000), mean + 0.01)).standing is Standing.MISSED
    assert (await judged(contracted(90_000), mean + 0.01)).standing is Standing.AT_RISK
    assert "can be reached at contracted power" in (await judged(contracted(13_000), mean + 0.01)).reason


async def test_a_hole_below_the_floor_is_unknown_with_its_reason():
    hole = Period(MID - timedelta(days=4), MID - timedelta(days=1))
    verdict = await judge_target(target(goal=0.3), figures(missing=[hole]), MID)
    assert verdict.standing is Standing.UNKNOWN
    assert verdict.value is None
    assert "floor" in verdict.reason


async def test_a_hole_hides_no_proven_miss():
    hole = Period(MID - timedelta(days=4), MID - timedelta(days=1))
    holes = {"missing": [hole], "windless": [night(MID - timedelta(days=7))]}
    verdict = await judge_target(target(goal=1.0), figures(**holes), MID)
    assert verdict.standing is Standing.MISSED


async def test_before_the_first_settled_hour_nothing_is_known():
    verdict = await judge_target(target(), figures(settled=datetime(2026, 9, 1, tzinfo=UTC)), MID)
    assert verdict.standing is Standing.UNKNOWN
    assert verdict.best_possible is None


async def test_an_ended_month_is_judged_until_the_next_has_an_hour():
    after = OCTOBER.end + timedelta(minutes=47)
    settled = OCTOBER.end + timedelta(minutes=45)
    verdict = await judge_target(target(goal=0.3), figures(settled=settled), after)
    assert (verdict.start, verdict.end) == (OCTOBER.start, OCTOBER.end)
    assert "at the end" in verdict.reason
    settled = OCTOBER.end + timedelta(hours=1)
    verdict = await judge_target(target(goal=0.3), figures(settled=settled), settled + timedelta(minutes=2))
    assert verdict.start == OCTOBER.end


async def test_an_ended_month_below_its_goal_is_missed():
    verdict = await judge_target(target(goal=0.999), figures(settled=OCTOBER.end), OCTOBER.end)
    assert verdict.standing is Standing.MISSED
    assert verdict.best_possible == pytest.approx(verdict.value)


async def test_by_volume_a_later_surplus_may_still_help():
    verdict = await judge_target(
        target(goal=1.0, metric="ref"), figures(windless=[night(MID - timedelta(days=2))]), MID
    )
    assert verdict.standing is Standing.AT_RISK
    ended = await judge_target(target(goal=1.0, metric="ref"), figures(settled=OCTOBER.end), OCTOBER.end)
    assert ended.standing is Standing.MISSED


async def test_a_day_begins_at_midnight_of_the_site():
    verdict = await judge_target(target(goal=0.1, period="day"), figures(), MID)
    assert verdict.start == datetime(2026, 10, 14, 22, tzinfo=UTC)


async def test_a_site_that_is_not_configured_is_named():
    with pytest.raises(ValueError, match="nowhere"):
        await judge_target(target(where="nowhere"), figures(), MID)


async def test_a_fully_matched_day_meets_100_percent_and_a_silent_supply_leaves_it_open(tmp_path):
    supplies = [{"id": "ppa-wind-1", "kind": "ppa_wind", "zone": "PL"}]
    plant = Plant(tmp_path, {"gdansk": plain_site(supply=supplies, zone="Europe/London")})
    await plant.open()
    await plant.counts("meter/gdansk/main-1", 8000.0, (-70, 725))
    await plant.counts("supply/gdansk/ppa-wind-1", 8000.0, (-70, 595))
    reader = LedgerFigures(plant.database, plant.store, plant.sites)
    verdicts = []
    for minutes in (9 * 60, 12 * 60 + 2):
        at = START + minutes * MINUTE
        await plant.ledger.settle(at)
        verdicts.append(await judge_target(target(period="day"), reader, at))
    await plant.close()
    matched, silent = verdicts
    assert (matched.standing, matched.value) == (Standing.ON_COURSE, 1.0)
    assert silent.standing is Standing.UNKNOWN
    assert silent.best_possible == 1.0
    assert "origin" in silent.reason


async def test_readings_that_contradict_each_other_prove_no_miss(tmp_path):
    plant = Plant(tmp_path, {"gdansk": plain_site(zone="Europe/London")})
    await plant.open()
    await plant.counts("meter/gdansk/main-1", 6000.0, (-70, 365))
    await plant.counts("meter/gdansk/ups-a", 7500.0, (-70, 365))
    at = START + 6 * 60 * MINUTE
    await plant.ledger.settle(at)
    reader = LedgerFigures(plant.database, plant.store, plant.sites)
    verdict = await judge_target(target(period="day"), reader, at)
    await plant.close()
    assert (verdict.standing, verdict.value) == (Standing.UNKNOWN, None)
    assert verdict.reason == "metering fault: E_DC / E_IT is 0.800, but cannot be 1 or less"
