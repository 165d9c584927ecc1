"""What the coming hours will likely cost: the profile of the last weeks, and how far hours stray from it.

Hours to come are taken to be like the mean of the measured hours of the same weekday and time of day, in the
site's own clock. What really came strayed from that mean, and strays as long as weather lasts: the last
measured deviation fades out over the hours ahead, as fast as deviations of these weeks did. How far a sum of
hours may lie from what is expected is seen by asking the same of every past hour: the range is as wide as
nineteen in twenty of these errors. Weeks hold too few spans longer than a week for that: there deviations are
taken for an autoregressive process of order one, with the error of the profile itself beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from energy.outlook.hours import HourSeries, hour_start
from telemetry.frame import Floats

WEEKS = 5
"""How many weeks back a profile reaches."""

LEAST = 6
"""Measured hours without which nothing is said of what is to come."""

_WEEK = 168
_STEADIEST = 0.98
"""Weather does not last for ever, whatever a short past makes of it."""

_LAG = 6
"""Hours over which it is seen how fast deviations fade: neighbours alone are too much alike."""

_OUTSIDE = 0.025
"""Share of past errors that lie beyond either end of a range."""

_REACH = 1.96
"""Standard deviations between which nineteen in twenty of a normal distribution lie."""

_Slots = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ahead:
    """The hours from number ``first`` on: expected ``basis`` and ``cost`` of each.

    Together they will likely cost no more than ``less`` below and ``more`` above that.
    """

    first: int
    basis: Floats
    cost: Floats
    less: float
    more: float

    def since(self, first: int) -> Ahead:
        """The hours from number ``first`` on; the range stays that of all."""
        skipped = max(0, first - self.first)
        return replace(self, first=self.first + skipped, basis=self.basis[skipped:], cost=self.cost[skipped:])


@dataclass(frozen=True)
class Profile:
    """Means per slot of the week of ``basis`` and of ``cost`` per basis.

    ``sigma`` is how far an hour's cost per basis strays from its slot's mean, ``rho`` how much of that is
    left an hour later, ``last`` the deviation of the last hour, ``weeks`` how many samples stand behind a
    slot. ``rates`` and ``strayed`` are those of the past hours, NaN where they were not measured.
    """

    tz: ZoneInfo
    until: int
    basis: Floats
    rate: Floats
    sigma: float
    rho: float
    last: float
    weeks: float
    rates: Floats
    strayed: Floats

    def ahead(self, first: int, until: int, dearest: float) -> Ahead:
        """What the hours from ``first`` up to ``until`` will likely cost.

        ``dearest`` is the most that an hour can cost per basis.
        """
        count = max(0, until - first)
        slots = _slots(first, count, self.tz)
        since = np.arange(1, count + 1) + max(0, first - self.until)
        basis = self.basis[slots]
        rate = np.clip(self.rate[slots] + self.last * self.rho**since, 0.0, dearest)
        less, more = self._errors(count, dearest, float(np.sum(rate)))
        return Ahead(first, basis, basis * rate, less * _mean(basis), more * _mean(basis))

    def _errors(self, count: int, dearest: float, expected: float) -> tuple[float, float]:
        """How far below and above ``expected`` the sum of the next ``count`` hours may lie, in hours.

        The profile holds the past itself, so it lies nearer to that than to what comes.
        """
        came, told = self._past(min(count, _WEEK), dearest)
        reach = _REACH * self._spread(count) if count > _WEEK or len(came) < _WEEK else 0.0
        if len(came) < _WEEK:
            return reach, reach
        errors = (came - told) * self.weeks / max(self.weeks - 1, 1)
        # Weather often covers everything: then nothing at all is used, however little was expected.
        parts = np.divide(came, told, out=np.zeros(len(came)), where=told > 0)
        spared = expected * (1 - float(np.quantile(parts, _OUTSIDE))) if count <= _WEEK else 0.0
        less, more = -float(np.quantile(errors, _OUTSIDE)), float(np.quantile(errors, 1 - _OUTSIDE))
        return max(less, spared, reach, 0.0), max(more, reach, 0.0)

    def _past(self, count: int, dearest: float) -> tuple[Floats, Floats]:
        """What ``count`` hours cost after each past hour of which all are known, and what was expected."""
        spans = len(self.rates) - count
        if spans <= 0 or count == 0:
            return np.empty(0), np.empty(0)
        came = np.lib.stride_tricks.sliding_window_view(self.rates, count)[1:]
        usual = np.lib.stride_tricks.sliding_window_view(self.rates - self.strayed, count)[1:]
        fading = self.rho ** np.arange(1, count + 1)
        told = np.clip(usual + self.strayed[:spans, None] * fading, 0.0, dearest)
        sums = np.sum(came, axis=1), np.sum(told, axis=1)
        known = ~np.isnan(sums[0] + sums[1])
        return sums[0][known], sums[1][known]

    def _spread(self, count: int) -> float:
        """One standard deviation of the sum of ``count`` deviations from now on, in hours of cost per basis.

        The mean of a slot is off by what its few weeks had in common: the longer the sum, the more often the
        same error stands in it.
        """
        if self.sigma == 0:
            return 0.0
        coming = self._process(count)
        profile = self._process(min(count, _WEEK)) * max(1.0, count / _WEEK) ** 2 / self.weeks
        return float(np.sqrt(coming + profile))

    def _process(self, count: int) -> float:
        """The variance of the sum of the next ``count`` deviations."""
        weights = (1 - self.rho ** np.arange(1, count + 1)) / (1 - self.rho)
        return float(self.sigma**2 * (1 - self.rho**2) * np.sum(weights**2))


def profile(hours: HourSeries, tz: ZoneInfo) -> Profile | None:
    """The profile of the measured ones among ``hours``; None where they are fewer than :data:`LEAST`."""
    known = hours.measured & (hours.basis > 0)
    if np.count_nonzero(known) < LEAST:
        return None
    slots = _slots(hours.first, len(hours.basis), tz)
    rates = np.divide(hours.cost, hours.basis, out=np.zeros(len(hours.basis)), where=known)
    basis, samples = _means(slots, hours.basis, known)
    cost, _ = _means(slots, hours.cost, known)
    rate = np.divide(cost, basis, out=np.zeros(_WEEK), where=basis > 0)  # of sums, never a mean of ratios
    # The mean holds the sample itself, so it lies nearer than that of the others would.
    strayed = np.where(known, rates - rate[slots], np.nan)
    fair = samples[slots] / np.maximum(samples[slots] - 1, 1)
    sigma = float(np.sqrt(np.nanmean(strayed**2 * fair)))
    last = int(np.flatnonzero(known)[-1])
    rho = _persistence(strayed)
    return Profile(
        tz=tz,
        until=hours.until,
        basis=basis,
        rate=rate,
        sigma=sigma,
        rho=rho,
        last=float(strayed[last]) * rho ** (len(strayed) - 1 - last),
        weeks=float(np.mean(samples)),
        rates=np.where(known, rates, np.nan),
        strayed=strayed,
    )


def _means(slots: _Slots, values: Floats, known: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The mean of each slot of the week and how many samples it has.

    A slot with fewer than two samples is told by its time of day, or by all hours together.
    """
    own = np.bincount(slots[known], minlength=_WEEK).astype(float)
    summed = np.bincount(slots[known], values[known], minlength=_WEEK)
    count, total = own, summed
    for group in (np.arange(_WEEK) % 24, np.zeros(_WEEK, dtype=np.int64)):
        few = count < 2
        count = np.where(few, np.bincount(group, own)[group], count)
        total = np.where(few, np.bincount(group, summed)[group], total)
    return total / np.maximum(count, 1), count


def _persistence(strayed: Floats) -> float:
    """How much of a deviation is left an hour later, 0..:data:`_STEADIEST`."""
    before, after = strayed[:-_LAG], strayed[_LAG:]
    both = ~np.isnan(before) & ~np.isnan(after)
    square = float(np.sum(before[both] ** 2) + np.sum(after[both] ** 2)) / 2
    if square <= 0:
        return 0.0
    left = max(0.0, float(np.sum(before[both] * after[both])) / square)
    return float(min(left ** (1 / _LAG), _STEADIEST))


def _slots(first: int, count: int, tz: ZoneInfo) -> _Slots:
    """Which hour of the week, 0 to 167, each of ``count`` hours is in ``tz``."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    days = range(first // 24, (first + max(count, 1) - 1) // 24 + 1)
    offsets = np.array([_offset(day, tz) for day in days], dtype=np.int64)
    local = numbers + offsets[numbers // 24 - days.start]
    return np.asarray((local + 3 * 24) % _WEEK)  # 1970 began on a Thursday


def _offset(day: int, tz: ZoneInfo) -> int:
    """Whole hours that clocks in ``tz`` are ahead of UTC at noon of the day of that number."""
    offset = hour_start(24 * day + 12).astimezone(tz).utcoffset() or timedelta(0)
    return round(offset / timedelta(hours=1))


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else 0.0
