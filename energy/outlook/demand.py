"""Demand: the mean power drawn from the grid over a quarter-hour, which the grid contract limits.

Suppliers bill the highest mean of a quarter-hour, not the highest moment: so what counts is what the running
quarter-hour will come to. It is what was drawn so far, and the present power with its slope until the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, floor_quarter
from energy.tree import boundary
from runtime.clock import to_ms
from telemetry.catalogue import METER
from telemetry.frame import Floats

TREND = timedelta(minutes=5)
"""How far back the slope of the present power reaches."""

TREND_LEAST = timedelta(minutes=1)
"""What the readings behind a slope span at least."""

Sample = tuple[int, float]
"""A time in ms and the power drawn from the grid then, W; negative while the site feeds in."""


@dataclass(frozen=True)
class Demand:
    """The quarter-hour from ``start`` as it stood ``at`` a time; all in W, None with a ``reason``.

    ``so_far_w`` is the mean drawn up to then, of which ``covered`` (0..1) was measured. ``forecast_w`` is
    what the whole quarter-hour will come to if the power goes on with its slope, ``steady_w`` if it stays
    as it is.
    """

    start: datetime
    at: datetime
    now_w: float | None
    so_far_w: float | None
    covered: float
    forecast_w: float | None
    steady_w: float | None
    reason: str | None = None

    @property
    def end(self) -> datetime:
        """When the quarter-hour ends."""
        return self.start + QUARTER

    def excess_w(self, limit_w: float) -> float:
        """By how much the power must fall until the end so that the forecast keeps ``limit_w``; 0 if it does.

        The less time is left, the more: in the last seconds nothing helps any more.
        """
        left = max((self.end - self.at) / QUARTER, 1 / 90)
        return max(0.0, (self.forecast_w or 0.0) - limit_w) / left


def inlet_terms(site: SiteOptions) -> dict[str, int]:
    """The meters at the inlet, by id, and how often each counts."""
    return {name: times for (kind, name), times in boundary.inlet(site).items() if kind == METER.name}


def running(samples: Sequence[Sample], at: datetime, patience: timedelta) -> Demand:
    """The running quarter-hour ``at`` a time, from the ``samples`` up to then in order of time.

    Readings further apart than ``patience`` leave a hole, which is taken to be like the rest; without a
    reading since then nothing is told.
    """
    start, now_ms, reach = floor_quarter(at), to_ms(at), patience / timedelta(milliseconds=1)
    seen = [sample for sample in samples if sample[0] <= now_ms]
    if not seen or now_ms - seen[-1][0] > reach:
        reason = "no fresh reading of the meters at the inlet"
        return Demand(start, at, None, None, 0.0, None, None, reason)
    times, watts = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    drawn, measured = _drawn(times, watts, (to_ms(start), now_ms), reach)
    elapsed = max(now_ms - to_ms(start), 1)
    so_far = drawn / measured if measured > 0 else max(0.0, float(watts[-1]))
    left = (to_ms(start + QUARTER) - now_ms) / (QUARTER / timedelta(milliseconds=1))
    steady = _whole(so_far, (float(watts[-1]), 0.0), left)
    return Demand(
        start=start,
        at=at,
        now_w=float(watts[-1]),
        so_far_w=so_far,
        covered=min(1.0, measured / elapsed),
        forecast_w=_whole(so_far, (float(watts[-1]), _slope(times, watts)), left),
        steady_w=steady,
    )


def _drawn(times: Floats, watts: Floats, span: tuple[int, int], reach: float) -> tuple[float, float]:
    """W·ms drawn in ``span``, and the ms of it that are measured; the last reading holds until the end."""
    times, watts = np.append(times, span[1]), np.maximum(np.append(watts, watts[-1]), 0.0)
    low = np.clip(times[:-1], *span)
    high = np.clip(times[1:], *span)
    gaps = times[1:] - times[:-1]
    known = (gaps <= reach) & (high > low)
    if not known.any():
        return 0.0, 0.0
    slope = np.divide(watts[1:] - watts[:-1], gaps, out=np.zeros(len(gaps)), where=gaps > 0)
    middle = watts[:-1] + slope * ((low + high) / 2 - times[:-1])
    lasted = (high - low)[known]
    return float(np.sum(middle[known] * lasted)), float(np.sum(lasted))


def _slope(times: Floats, watts: Floats) -> float:
    """W per ms: of the last :data:`TREND` and the second half of it the lesser; 0 where they disagree.

    A load that was switched on within that time rises no more: only its first half tells a slope.
    """
    long, late = _fitted(times, watts, TREND), _fitted(times, watts, TREND / 2)
    return min(long, late, key=abs) if long * late > 0 else 0.0


def _fitted(times: Floats, watts: Floats, back: timedelta) -> float:
    """W per ms by least squares over the time ``back``; 0 where too little of it is known."""
    recent = times >= times[-1] - back / timedelta(milliseconds=1)
    x, y = times[recent] - times[-1], watts[recent]
    if len(x) < 3 or -x[0] < TREND_LEAST / timedelta(milliseconds=1):
        return 0.0
    centred = x - np.mean(x)
    return float(np.sum(centred * (y - np.mean(y))) / np.sum(centred**2))


def _whole(so_far: float, going_on: tuple[float, float], left: float) -> float:
    """The mean of the whole quarter-hour, ``left`` (0..1) of which goes on with a power and its slope."""
    power, slope = going_on
    quarter_ms = QUARTER / timedelta(milliseconds=1)
    steps = (np.arange(15) + 0.5) / 15 * left * quarter_ms
    ahead = float(np.mean(np.maximum(power + slope * steps, 0.0))) if left > 0 else 0.0
    return so_far * (1 - left) + ahead * left


def sampled(readings: Sequence[tuple[Floats, Floats, int]]) -> list[Sample]:
    """The sum of several meters from the times (ms) and powers (W) of each, and how often each counts.

    Told at every time at which a meter spoke, from when on all of them have; a meter holds its last value.
    """
    if not readings or any(not len(times) for times, _, _ in readings):
        return []
    begin = max(times[0] for times, _, _ in readings)
    moments = np.unique(np.concatenate([times for times, _, _ in readings]))
    moments = moments[moments >= begin]
    total = np.zeros(len(moments))
    for times, watts, count in readings:
        total += count * watts[np.searchsorted(times, moments, side="right") - 1]
    return [(int(at), float(power)) for at, power in zip(moments, total, strict=True)]
