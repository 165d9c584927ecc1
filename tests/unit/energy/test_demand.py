"""What a quarter-hour comes to while it runs, and the highest of the month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from energy.figures import LedgerRow
from energy.interval import QUARTER, Period
from energy.outlook.demand import inlet_terms, running, sampled
from energy.outlook.peak import Peaks
from runtime.clock import to_ms
from tests.fakes.figures import SyntheticFigures, site

START = datetime(2026, 10, 20, 12, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATIENCE = 3 * MINUTE
LIMIT = 16e6


def every_minute(power, first=-5, last=9):
    return [(to_ms(START + n * MINUTE), float(power(n))) for n in range(first, last + 1)]


def test_a_steady_power_comes_to_itself():
    found = running(every_minute(lambda n: 12e6), START + 9 * MINUTE, PATIENCE)
    assert (found.so_far_w, found.forecast_w, found.steady_w) == pytest.approx((12e6,) * 3)
    assert (found.start, found.covered) == (START, 1.0)
    assert found.excess_w(LIMIT) == 0


def test_a_rising_power_is_told_by_its_slope_before_the_limit_is_passed():
    """From 12 MW on at 0.6 MW a minute: 16.5 MW on average in the end, though it is 14 MW at 12:20."""
    found = running(every_minute(lambda n: 12e6 + 6e5 * n, last=5), START + 5 * MINUTE, PATIENCE)
    assert found.so_far_w == pytest.approx(13.5e6)
    assert found.now_w == pytest.approx(15e6)
    assert found.forecast_w == pytest.approx(16.5e6)
    assert found.steady_w == pytest.approx(13.5e6 / 3 + 15e6 * 2 / 3)
    assert found.excess_w(LIMIT) == pytest.approx(0.5e6 * 15 / 10)


def test_what_was_drawn_counts_whatever_is_drawn_now():
    found = running(every_minute(lambda n: 20e6 if n < 8 else 4e6, last=12), START + 12 * MINUTE, PATIENCE)
    assert found.now_w == 4e6
    assert found.so_far_w == pytest.approx(14e6)
    assert found.forecast_w == pytest.approx(12e6)


def test_a_load_that_was_switched_on_rises_no_more():
    found = running(every_minute(lambda n: 10e6 if n < 6 else 15e6), START + 9 * MINUTE, PATIENCE)
    assert found.forecast_w == found.steady_w < LIMIT


def test_exports_do_not_lower_a_demand():
    found = running(every_minute(lambda n: -5e6), START + 5 * MINUTE, PATIENCE)
    assert (found.so_far_w, found.forecast_w) == (0.0, 0.0)


def test_silence_is_not_known_and_a_hole_is_told():
    silent = running(every_minute(lambda n: 12e6, last=2), START + 9 * MINUTE, PATIENCE)
    assert silent.forecast_w is None
    assert "no fresh reading" in silent.reason
    begun = running([(to_ms(START + 8 * MINUTE), 12e6)], START + 9 * MINUTE, PATIENCE)
    assert begun.covered == pytest.approx(1 / 9)
    assert begun.forecast_w == pytest.approx(12e6)


def test_a_demand_never_turns_negative_by_a_slope():
    found = running(every_minute(lambda n: max(0.0, 9e6 - 1e6 * n)), START + 9 * MINUTE, PATIENCE)
    assert 0 < found.forecast_w < found.so_far_w


def test_meters_that_speak_in_turns_are_summed_from_when_all_have_spoken():
    one = (np.array([0.0, 60.0]), np.array([1.0, 2.0]), 1)
    other = (np.array([30.0, 90.0]), np.array([10.0, 20.0]), 2)
    assert sampled([one, other]) == [(30, 21.0), (60, 22.0), (90, 42.0)]
    assert sampled([one, (np.empty(0), np.empty(0), 1)]) == []


class Metered(SyntheticFigures):
    """A month of 3 MWh a quarter-hour with a peak, a hole, and a higher estimate on request."""

    def __init__(self, settled, peak, **more):
        super().__init__({"gdansk": site()}, settled)
        self.peak, self.more, self.asked = peak, more, []

    async def rows(self, site, period, meter=None, as_of=None):
        self.asked.append(period)
        found, at = [], period.start
        while at < period.end:
            wh = 4e6 if at == self.peak else None if at == self.more.get("hole") else 3e6
            quality = "estimated" if at == self.more.get("estimated") else "ok"
            found.append(LedgerRow(site, meter, "energy", at, wh, quality, 1, None))
            found.append(LedgerRow(site, meter, "export", at, 9e9, "ok", 1, None))
            at += QUARTER
        return found


async def test_the_months_highest_is_energy_over_a_quarter_of_an_hour_with_its_interval():
    peak = START - timedelta(days=3)
    figures = Metered(START, peak, hole=START - timedelta(days=2))
    found = await Peaks().peak(figures, "gdansk", START + 5 * MINUTE)
    assert (found.start, found.demand_w) == (peak, 16e6)
    assert (found.unknown, found.estimated, found.until) == (1, False, START)
    assert found.period.start == datetime(2026, 9, 30, 22, tzinfo=UTC)


async def test_an_estimated_highest_says_so():
    figures = Metered(START, START - QUARTER, estimated=START - QUARTER)
    assert (await Peaks().peak(figures, "gdansk", START)).estimated


async def test_within_the_hour_only_what_is_new_is_read():
    peaks, figures = Peaks(), Metered(START, START - timedelta(days=1))
    await peaks.peak(figures, "gdansk", START)
    figures.settled, figures.peak = START + QUARTER, START
    found = await peaks.peak(figures, "gdansk", START + QUARTER)
    assert figures.asked[1:] == [Period(START, START + QUARTER)]
    assert found.demand_w == 16e6
    await peaks.peak(figures, "gdansk", START + timedelta(hours=1))
    assert figures.asked[-1].start == found.period.start


def test_the_inlet_is_what_the_meter_tree_says():
    assert inlet_terms(site()) == {"main-1": 1}
