"""Fewer readings, however wrong others are, never prove more green."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.counting.register import Register
from energy.interval import QUARTER_MS
from energy.settlement.registers import settle_register
from energy.sums.totals import Totals
from tests.unit.energy.arrays import sheet, summed
from tests.unit.energy.plant import site

START = 1_900_000 * QUARTER_MS
FIVE_MINUTES = 300_000
QUARTERS = 16
COUNT = 3 * (QUARTERS + 2)
HOW = Register(period_ms=FIVE_MINUTES, rated=60_000.0)
SITE = site(supply=[{"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 60}])

EDGES = range(0, COUNT, 3)
"""Readings between two intervals. A straight line over one that is lost only guesses what either had."""

gains = st.lists(st.integers(0, 4_000), min_size=COUNT, max_size=COUNT)
within = st.integers(4, COUNT - 5).filter(lambda at: at not in EDGES)
errors = st.dictionaries(within, st.sampled_from([0.0, 1e-3, 1e3, 40.0]), max_size=8)


def told(gains: list[int], errors: dict[int, float]) -> np.ndarray:
    """A register that tells of its gains, times a factor where it errs."""
    count = 8e7 + np.cumsum(np.array(gains, dtype=np.float64))
    for at, factor in errors.items():
        count[at] *= factor
    return count


def sums_of(load: np.ndarray, wind: np.ndarray) -> Totals:
    """The sums of a site that uses ``load`` and contracts ``wind``, from their registers' counts."""
    at = START - 3 * FIVE_MINUTES + FIVE_MINUTES * np.arange(COUNT)
    lines, marks = {}, {}
    for name, count in (("meter/main-1/energy", load), ("supply/wind/energy", wind)):
        found = settle_register(at, count, START, QUARTERS, HOW)
        lines[name], marks[name] = found.amount.tolist(), found.quality.tolist()
    return summed(SITE, sheet(lines, marks))


def proven(load: np.ndarray, wind: np.ndarray) -> float:
    """The share of the load that is proven to be green."""
    sums = sums_of(load, wind)
    whole = sums.load + sums.load_missing
    return sums.green / whole if whole else 0.0


@settings(max_examples=80, deadline=None)
@given(gains, gains, errors, errors, st.data())
def test_dropping_a_true_reading_never_raises_the_lower_bound(load, wind, load_errors, wind_errors, data):
    counts = told(load, load_errors), told(wind, wind_errors)
    before = proven(*counts)
    which = data.draw(st.sampled_from([0, 1]), label="register")
    wrong = (load_errors, wind_errors)[which]
    dropped = data.draw(within.filter(lambda at: at not in wrong), label="reading")
    less = [count.copy() for count in counts]
    less[which][dropped] = np.nan
    assert proven(*less) <= before + 1e-9


@settings(max_examples=40, deadline=None)
@given(gains, gains, st.sampled_from([0, 1]), st.sampled_from(EDGES[2:-2]))
def test_dropping_a_reading_between_two_intervals_proves_no_more_than_was_gained_around_it(
    load, wind, which, dropped
):
    """What of that gain was before the boundary nobody knows then; all of it is still counted once."""
    counts = told(load, {}), told(wind, {})
    less = [count.copy() for count in counts]
    less[which][dropped] = np.nan
    before, after = sums_of(*counts), sums_of(*less)
    gained = counts[which][dropped + 1] - counts[which][dropped - 1]
    assert after.green <= before.green + gained
    if dropped not in (EDGES[1], EDGES[-2]):
        assert after.load == before.load
