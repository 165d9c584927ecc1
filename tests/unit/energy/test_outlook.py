"""Budgets, burn rates and nowcasts from hours that are made by hand, and from the simulator's October."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError

from energy.interval import Period, day_of, month, month_of, quarter_year_of, year_of
from energy.outlook.budget import Account, budget, burn
from energy.outlook.foresight import Means, Outlook, Question, foresight
from energy.outlook.hours import HOUR, Hours, HourSeries, Measure, hour_of, hour_start
from energy.outlook.nowcast import HOLDS
from energy.outlook.pace import PACES, burning
from energy.outlook.profile import profile
from energy.outlook.progress import Progress
from energy.targets.aim import aim_of
from energy.targets.judge import judge_target
from energy.targets.target import Standing, TargetOptions
from runtime.clock import to_ms
from simulator.model import Model
from simulator.truth import Truth
from tests.fakes.figures import SyntheticFigures, night, site

WARSAW = ZoneInfo("Europe/Warsaw")
OCTOBER = month("2026-10", WARSAW)
MID = datetime(2026, 10, 15, 12, tzinfo=UTC)
GREEN = aim_of("hourly_matched")
MWH = 1e6


def hours(until: datetime, shares: list[float], load: float = MWH) -> HourSeries:
    """The hours up to ``until``, of which ``shares`` were not green; NaN where nothing is known."""
    cost = np.array(shares, dtype=float)
    basis = np.where(np.isnan(cost), np.nan, load)
    known = ~np.isnan(cost)
    return HourSeries(
        hour_of(until) - len(cost), basis, np.nan_to_num(cost) * load, np.zeros(len(cost)), known
    )


def account(series: HourSeries, until: datetime, allowance: float = 0.1, doubt: float = 0.0) -> Account:
    """A month of a load of 1 MW."""
    used = series.since(hour_of(OCTOBER.start)).sum()
    whole = (OCTOBER.end - OCTOBER.start) / HOUR * MWH
    return Account(OCTOBER, until, allowance, whole, used.cost, doubt, series, 1.0, "Wh")


def test_a_budget_is_what_the_goal_leaves_of_the_expected_load():
    """745 hours of 1 MW, of which a tenth need not be green."""
    found = budget(account(hours(MID, [0.05] * 400), MID), "month")
    elapsed = (MID - OCTOBER.start) / HOUR
    assert found.allowed == pytest.approx(74.5 * MWH)
    assert found.used == pytest.approx(0.05 * elapsed * MWH)
    assert found.left == pytest.approx(found.allowed - found.used)
    assert [b.rate for b in found.burns] == pytest.approx([0.5, 0.5, 0.5])
    assert found.lost_at is None


def test_the_target_is_lost_when_the_budget_is_used_up_at_the_pace_of_the_last_day():
    found = budget(account(hours(MID, [0.0] * 400 + [0.5] * 24), MID), "month")
    assert found.burn(24).rate == pytest.approx(5.0)
    left = (74.5 - 12) / 0.5
    assert found.lost_at == MID + timedelta(hours=left)


def test_an_overdrawn_budget_names_the_hour_that_used_it_up():
    shares = [1.0] * 100
    until = OCTOBER.start + 100 * HOUR
    found = budget(account(hours(until, shares), until), "month")
    assert found.left == pytest.approx(-25.5 * MWH)
    assert found.lost_at == OCTOBER.start + 75 * HOUR


def test_what_is_not_known_uses_the_budget_in_the_pessimistic_reading_only():
    series = hours(MID, [0.1] * 394 + [np.nan] * 3 + [0.1] * 3)
    six = burn(account(series, MID), 6)
    assert six.rate == pytest.approx(0.5)
    assert six.pessimistic == pytest.approx((0.3 + 3) / 0.6)
    assert six.known == 3
    found = budget(account(series, MID, doubt=3 * MWH), "month")
    assert found.left - found.left_pessimistic == pytest.approx(3 * MWH)


def test_a_goal_of_all_leaves_no_budget_and_so_no_rate():
    assert burn(account(hours(MID, [0.1] * 400), MID, allowance=0.0), 6).rate is None


@pytest.mark.parametrize(
    ("last", "active", "fast"),
    [
        ([0.1] * 24, False, False),
        ([0.1] * 23 + [1.0], False, False),  # 10 times the even rate, but only for an hour
        ([0.1] * 18 + [0.7] * 6, True, True),
        ([0.1] * 18 + [0.7] * 5 + [0.0], False, False),  # it is over
        ([0.35] * 24, True, False),
        ([np.nan] * 24, None, False),
    ],
)
def test_a_burn_counts_over_several_windows_and_while_it_lasts(last, active, fast):
    series = hours(MID, [0.02] * 376 + last)
    found = burning(account(series, MID), "month")
    assert (found.active, found.fast) == (active, fast)


def test_a_fast_burn_that_leaves_enough_for_the_rest_needs_nobody():
    until = OCTOBER.end - 8 * HOUR
    series = hours(until, [0.0] * 700 + [0.7] * 6)
    assert burning(account(series, until), "month").active is False


def test_a_window_counts_once_the_period_is_as_old_as_it():
    until = OCTOBER.start + 3 * HOUR
    series = hours(until, [1.0] * 27)
    assert burning(account(series, until), "month").active is False  # 10 times: below the rate of an hour
    assert burning(account(series, until, allowance=0.05), "month").active is True


def test_the_windows_of_every_period_use_the_same_shares_of_its_budget():
    months = {"month": 1, "quarter": 3, "year": 12}
    for span, length in months.items():
        used = [pace.rate * pace.hours / (720 * length) for pace in PACES[span]]
        assert used == pytest.approx([0.02, 0.05, 0.1], rel=0.02)


def test_a_profile_tells_an_hour_of_the_week_by_its_own_past_and_forgets_what_is_over():
    first = hour_of(datetime(2026, 9, 7, tzinfo=UTC))
    numbers = np.arange(first, first + 35 * 24)
    dark = np.where((numbers + 2) % 24 < 6, 0.8, 0.2)
    found = profile(hours(hour_start(first + len(dark)), list(dark)), WARSAW)
    ahead = found.ahead(first + len(dark), first + len(dark) + 48, 1.0)
    assert ahead.cost / ahead.basis == pytest.approx(np.where((np.arange(48) + 2) % 24 < 6, 0.8, 0.2))
    assert ahead.more == pytest.approx(0.0, abs=1e-9)


def test_a_calm_that_lasts_is_expected_to_fade():
    rng = np.random.default_rng(7)
    noise = np.zeros(35 * 24)
    for i in range(1, len(noise)):
        noise[i] = 0.95 * noise[i - 1] + 0.05 * rng.standard_normal()
    series = hours(MID, list(np.clip(0.5 + noise, 0, 1)))
    found = profile(series, WARSAW)
    assert 0.85 < found.rho < 0.98
    ahead = found.ahead(hour_of(MID), hour_of(MID) + 72, 1.0)
    usual = found.rate[np.arange(72) % 168].mean()
    assert ahead.less > 0
    assert abs(float(np.sum(ahead.cost[-6:] / ahead.basis[-6:])) / 6 - usual) < 0.2


def test_too_little_measured_tells_nothing():
    assert profile(hours(MID, [0.1] * 5), WARSAW) is None
    assert profile(hours(MID, [np.nan] * 500), WARSAW) is None


@pytest.fixture(scope="module")
def simulated() -> dict[str, HourSeries]:
    """Six weeks before the simulator's October and all of it, the load as it is without its battery."""
    epoch = datetime(2026, 8, 25, tzinfo=UTC)
    model, found = Model(epoch), {}
    for name, place in model.sites.items():
        rows = Truth(place).rows(epoch, datetime(2026, 11, 1, tzinfo=UTC), "PT1H")
        edges = np.array([to_ms(r.start) for r in rows] + [to_ms(rows[-1].end)], dtype=np.int64)
        taken, given = np.diff(place.energy_wh(["battery-1/charge", "battery-1/discharge"], edges), axis=1)
        load = np.array([float(r.edc_wh) for r in rows]) - taken + given / 0.88
        cost = load - np.minimum(load, [r.contracted_wh for r in rows])
        known = np.ones(len(rows), dtype=np.bool_)
        found[name] = HourSeries(hour_of(epoch), load, cost, np.zeros(len(rows)), known)
    return found


def nowcast_of(series: HourSeries, until: int, period: Period, span: str):
    low = hour_of(period.start)
    used = series.between(low, until).sum()
    mean = used.basis / (until - low)
    so_far = Progress(
        GREEN, period, hour_start(until), 1 - used.cost / used.basis, used.basis, used.cost,
        0.0, 0.0, mean * (hour_of(period.end) - until), None,
    )  # fmt: skip
    asked = Question("gdansk", "hourly_matched", 0.8, span, GREEN, WARSAW)
    return foresight(asked, so_far, series.between(until - 35 * 24, until), Means(None, until)).nowcast


@pytest.mark.parametrize("name", ["gdansk", "kaunas"])
@pytest.mark.parametrize(("span", "civil", "each"), [("day", day_of, 3), ("month", month_of, 12)])
def test_the_range_holds_the_truth_of_the_simulators_october(simulated, name, span, civil, each):
    series, held, asked = simulated[name], 0, 0
    for until in range(hour_of(OCTOBER.start) + 2, hour_of(OCTOBER.end) - 2, each):
        period = civil(hour_start(until) - timedelta(microseconds=1), WARSAW)
        last = hour_of(period.end)
        if until < last:
            whole = series.between(hour_of(period.start), last).sum()
            seen = nowcast_of(series, until, period, span)
            held += seen.low - 1e-9 <= 1 - whole.cost / whole.basis <= seen.high + 1e-9
            asked += 1
    assert asked > 50
    assert held / asked >= HOLDS


async def test_hours_are_read_once_and_again_where_late_data_change_them():
    figures = SyntheticFigures({"gdansk": site()}, MID)
    book, measure = Hours(), Measure("gdansk", "hourly_matched", GREEN)
    before = await book.read(figures, measure, Period(MID - 48 * HOUR, MID - HOUR))
    after = await book.read(figures, measure, Period(MID - 48 * HOUR, MID))
    assert after.cost[:-1] == pytest.approx(before.cost)
    mended = SyntheticFigures({"gdansk": site()}, MID, windless=[night(MID - timedelta(days=1))])
    again = await book.read(mended, measure, Period(MID - 48 * HOUR, MID))
    anew = await Hours().read(mended, measure, Period(MID - 48 * HOUR, MID))
    assert again.cost == pytest.approx(anew.cost)
    assert again.cost.sum() > after.cost.sum()
    past = await book.read(mended, measure, Period(MID - 24 * HOUR, MID - 12 * HOUR))
    assert past.cost == pytest.approx(anew.cost[24:36])


async def test_hours_without_consumption_are_not_known_and_never_measured():
    hole = Period(MID - 6 * HOUR, MID - 4 * HOUR)
    figures = SyntheticFigures({"gdansk": site()}, MID, missing=[hole])
    found = await Hours().read(
        figures, Measure("gdansk", "hourly_matched", GREEN), Period(MID - 8 * HOUR, MID)
    )
    assert list(np.isnan(found.basis)) == [False] * 2 + [True] * 2 + [False] * 4
    assert list(found.measured) == [True] * 2 + [False] * 2 + [True] * 4


async def test_asked_again_with_nothing_new_nothing_is_read_again():
    class Counted(SyntheticFigures):
        asked = 0

        async def kpi(self, *given, **more):
            self.asked += 1
            return await super().kpi(*given, **more)

    figures, outlook = Counted({"gdansk": site()}, MID), Outlook()
    target = TargetOptions(name="green", site="gdansk", goal=0.9)
    first = await judge_target(target, figures, MID, outlook)
    begun = figures.asked
    second = await judge_target(target, figures, MID + timedelta(minutes=15), outlook)
    assert figures.asked == begun + 1
    assert second.foresight is first.foresight


async def test_an_action_says_how_much_and_in_which_hour():
    dark = [night(MID - timedelta(days=n)) for n in range(1, 6)]
    figures = SyntheticFigures({"gdansk": site()}, MID, windless=dark)
    target = TargetOptions(name="green", site="gdansk", goal=0.8)
    verdict = await judge_target(target, figures, MID)
    assert verdict.standing is Standing.AT_RISK
    assert verdict.falls_short
    assert verdict.action.kind in ("buy", "shift")
    assert verdict.action.amount == pytest.approx(verdict.nowcast.short)
    assert MID + HOUR <= verdict.action.hour < MID + timedelta(days=1)
    assert verdict.evidence["action"] == verdict.action.sentence
    assert "the hour from 2026-10-15" in verdict.action.sentence or "2026-10-16" in verdict.action.sentence


async def test_a_pue_is_promised_to_be_at_most_its_goal():
    figures = SyntheticFigures({"gdansk": site()}, MID)
    kept = await judge_target(TargetOptions(name="p", site="gdansk", metric="pue", goal=1.3), figures, MID)
    assert kept.standing is Standing.ON_COURSE
    assert kept.value == pytest.approx(1.2, abs=0.05)
    (row,) = await figures.kpi("gdansk", Period(OCTOBER.start, MID))
    assert kept.budget.used == pytest.approx(row.edc_wh - row.eit_wh)
    lost = await judge_target(TargetOptions(name="p", site="gdansk", metric="pue", goal=1.05), figures, MID)
    assert lost.standing is Standing.MISSED
    assert "no less than" in lost.reason


def test_t12_all_sites_are_judged_by_the_ratio_of_sums_and_never_by_a_mean():
    """Sums of 16.8 of 19.8 GWh are 0.848, whatever the single samples' means are."""
    two = hours(MID, [3.0 / 19.8] * 6, load=19.8e9)
    assert 1 - two.sum().cost / two.sum().basis == pytest.approx(0.848, abs=5e-4)
    uneven = HourSeries(
        hour_of(MID) - 2, np.array([1e6, 9e6]), np.array([1e6, 0.0]), np.zeros(2), np.ones(2, dtype=np.bool_)
    )
    even = Account(Period(MID - 2 * HOUR, MID + HOUR), MID, 0.1, 1e7, 1e6, 0.0, uneven, 1.0, "Wh")
    assert burn(even, 1).rate == 0.0
    assert 1 - uneven.sum().cost / uneven.sum().basis == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"metric": "greenness"}, "no figure that can be promised"),
        ({"metric": "hourly_matched", "goal": 80}, "is above 1"),
        ({"metric": "pue", "goal": 0.9}, "can never be reached"),
        ({"period": "week"}, "day"),
    ],
)
def test_what_cannot_be_promised_is_refused_with_the_reason(table, told):
    with pytest.raises(ValidationError, match=told):
        TargetOptions.model_validate({"name": "x", "site": "gdansk", **table})


def test_a_target_is_called_by_its_label_or_by_what_it_promises():
    sites = {"gdansk": site()}
    plain = TargetOptions(name="g-80", site="gdansk", goal=0.8, period="day")
    assert plain.title(sites) == "Hourly matched at least 80 % each day, Gdańsk"
    power = TargetOptions(name="p", site="all", metric="pue", goal=1.25, period="year")
    assert power.title(sites) == "PUE at most 1.25 each year, all sites"
    assert TargetOptions(name="x", site="gdansk", label="Our promise").title(sites) == "Our promise"


def test_quarters_and_years_begin_at_midnight_of_the_site():
    assert quarter_year_of(MID, WARSAW) == Period(OCTOBER.start, month("2026-12", WARSAW).end)
    assert year_of(MID, WARSAW).start == datetime(2025, 12, 31, 23, tzinfo=UTC)
