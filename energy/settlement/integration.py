"""Energy per 15-minute interval from sampled power, for a meter that has no register."""

from __future__ import annotations

import numpy as np

from energy.interval import QUARTER_MS
from energy.settlement.registers import INTEGRATED, MISSING, Intervals
from telemetry.frame import Floats, Millis

_HOUR_MS = 3_600_000.0


def settle_power(at_ms: Millis, power_w: Floats, start_ms: int, count: int, period_ms: int) -> Intervals:
    """Wh of the ``count`` intervals from ``start_ms`` on, by trapezoids over the samples, never negative.

    Only positive power counts; hand in ``-power_w`` for the other direction. Time between two samples more
    than twice ``period_ms`` apart is a gap, and an interval that a gap touches is missing.
    """
    known = ~np.isnan(power_w)
    at, first = np.unique(at_ms[known][::-1], return_index=True)
    power = power_w[known][::-1][first]
    if len(at) == 0:
        return Intervals.empty(count, "no reading arrived")
    edges = start_ms + QUARTER_MS * np.arange(count + 1, dtype=np.int64)
    gaps = np.diff(at) > 2 * period_ms
    at_edges = np.interp(edges.astype(np.float64), at.astype(np.float64), power)
    points = np.concatenate((at, edges))
    levels = np.concatenate((power, at_edges))
    order = np.argsort(points, kind="stable")
    points, levels = points[order], levels[order]
    middle = (points[1:] + points[:-1]) / 2.0
    slot = np.floor((middle - start_ms) / QUARTER_MS).astype(np.int64)
    inside = (slot >= 0) & (slot < count) & (np.diff(points) > 0)
    energy = _positive_area(np.diff(points), levels)
    amount = np.bincount(slot[inside], weights=energy[inside], minlength=count)
    result = Intervals(
        np.rint(amount), np.full(count, INTEGRATED, dtype=np.int8), np.zeros(count, dtype=np.bool_)
    )
    _mark_gaps(result, at, edges, gaps)
    integrated = "integrated from power: the meter has no register"
    for index in range(count):
        result.reasons.setdefault(index, integrated)
    result.absent[result.quality == MISSING] = True
    result.amount[result.absent] = np.nan
    return result


def _positive_area(width_ms: Millis, levels: Floats) -> Floats:
    """Wh under the positive part of the straight line across each width."""
    left, right = levels[:-1], levels[1:]
    high, low = np.maximum(left, right), np.minimum(left, right)
    crosses = (high > 0) & (low < 0)
    rise = np.where(crosses, high - low, 1.0)
    mean = np.where(crosses, high * high / (2 * rise), np.maximum(left + right, 0.0) / 2)
    area: Floats = mean * width_ms / _HOUR_MS
    return area


def _mark_gaps(result: Intervals, at: Millis, edges: Millis, gaps: np.ndarray) -> None:
    outside = (edges[:-1] < at[0]) | (edges[1:] > at[-1])
    for index in map(int, np.flatnonzero(outside)):
        result.quality[index] = MISSING
        result.reasons[index] = "no samples of power cover the whole interval"
    for gap in map(int, np.flatnonzero(gaps)):
        low = max(0, int((at[gap] - edges[0]) // QUARTER_MS))
        high = min(len(result.amount) - 1, int((at[gap + 1] - 1 - edges[0]) // QUARTER_MS))
        seconds = (int(at[gap + 1]) - int(at[gap])) / 1000
        for index in range(low, high + 1):
            result.quality[index] = MISSING
            result.reasons[index] = f"no sample of power for {seconds:.0f} s: too long to integrate across"
