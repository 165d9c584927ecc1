"""The nowcast of the running hour: what is settled of it, and the live powers until its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from energy.figures import KpiRow
from energy.outlook.hours import HOUR, HourSeries
from energy.targets.aim import load_of

_REACH = 1.645
"""Standard deviations between which nine in ten of a normal distribution lie."""


@dataclass(frozen=True)
class LivePower:
    """What a site takes at this moment, W, and what of it contracted supply covers, 0..1."""

    load_w: float
    green: float


@dataclass(frozen=True)
class HourNowcast:
    """The matched share (0..1) of the hour from ``start`` as expected, with its range, and its ``load_wh``.

    All are None with a ``reason`` where the live powers are not known.
    """

    start: datetime
    low: float | None
    expected: float | None
    high: float | None
    load_wh: float | None
    reason: str | None = None


def hour_nowcast(
    at: datetime, settled: KpiRow | None, live: LivePower | str, hours: HourSeries
) -> HourNowcast:
    """The hour that holds ``at``.

    ``settled`` are its quarter-hours that are settled, ``live`` the present powers or why they are not known,
    ``hours`` those before, by which it is told how much a share changes from one to the next. What is
    settled and unknown is not green.
    """
    start = at.replace(minute=0, second=0, microsecond=0)
    if isinstance(live, str):
        return HourNowcast(start, None, None, None, None, live)
    known = 0.0 if settled is None else (settled.end - start) / HOUR
    load = 0.0 if settled is None else load_of(settled) or 0.0
    green = 0.0 if settled is None else settled.green_wh or 0.0
    coming = live.load_w * (1 - known)
    whole = load + coming
    if whole <= 0:
        return HourNowcast(start, None, None, None, None, "the load is not above zero")
    expected = (green + coming * live.green) / whole
    reach = _REACH * _change(hours) * coming / whole
    return HourNowcast(
        start=start,
        low=max(green / whole, expected - reach),
        expected=expected,
        high=min((green + coming) / whole, expected + reach),
        load_wh=whole,
    )


def _change(hours: HourSeries) -> float:
    """The standard deviation of the change of the share from one measured hour to the next; 1 if unknown."""
    known = hours.measured & (hours.basis > 0)
    rates = np.where(known, hours.cost / np.where(known, hours.basis, 1.0), np.nan)
    steps = np.diff(rates)
    steps = steps[~np.isnan(steps)]
    return float(np.sqrt(np.mean(steps**2))) if len(steps) else 1.0
