"""How far a target's period has come: what is known, what is in doubt, and what is still ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from energy.figures import KpiRow, MixRow
from energy.interval import QUARTER, Period
from energy.outlook.ceiling import Ceiling
from energy.outlook.hours import HOUR
from energy.targets.aim import Aim, Basis


@dataclass(frozen=True)
class Progress:
    """The period so far, in the basis of ``aim`` (Wh, or h).

    ``used`` is the basis that is known and ``cost`` what of it is proven to cost. ``unsure`` is of unknown
    origin, ``missing`` not measured, ``ahead`` still to come: both are expected to be like the mean so far.
    ``blank`` and ``coming`` are the hours of the two. What is certain holds up to the ``ceiling``.
    """

    aim: Aim
    period: Period
    until: datetime
    value: float | None
    used: float
    cost: float
    unsure: float
    missing: float
    ahead: float
    withheld: str | None
    blank: float = 0.0
    coming: float = 0.0
    ceiling: Ceiling | None = None

    @property
    def whole(self) -> float:
        """The basis of the whole period, as far as it is known or expected."""
        return self.used + self.missing + self.ahead

    @property
    def doubt(self) -> float:
        """What may cost and may not: unsure or not measured."""
        return self.unsure + self.missing

    @property
    def most(self) -> float:
        """The basis of the whole period if all that is not known and to come is as high as can be."""
        return self.used + self._most_missing + self._most_ahead

    @property
    def best(self) -> float | None:
        """The figure if nothing that is in doubt or to come costs; None before anything is known."""
        return self.aim.value(self.cost / self.most) if self.most > 0 else None

    @property
    def secured(self) -> float | None:
        """The figure if all of that costs as much as can be; None where nothing bounds it."""
        if self.aim.basis is not Basis.LOAD or self.most <= 0:
            return None
        costs = self.cost + self.unsure + self._most_missing + self._most_ahead
        return self.aim.value(costs / self.most)

    @property
    def _most_missing(self) -> float:
        return max(self.missing, self.blank * self._per_hour)

    @property
    def _most_ahead(self) -> float:
        return max(self.ahead, self.coming * self._per_hour)

    @property
    def _per_hour(self) -> float:
        return 0.0 if self.ceiling is None else self.ceiling.per_hour

    @property
    def ended(self) -> bool:
        """Whether the whole period is settled."""
        return self.until >= self.period.end


def progress(metric: str, aim: Aim, period: Period, row: KpiRow, mixed: MixRow) -> Progress:
    """The period up to the end of ``row``; what is ahead is taken to be like the mean so far."""
    used = aim.over(row) or 0.0
    settled = Period(row.start, row.end).quarters
    known = settled if aim.basis is Basis.TIME else settled * mixed.completeness
    mean = used / known if known > 0 else 0.0
    # A figure over E_IT or time is told of what is known; a green share counts a hole as not green.
    blank = settled - known if aim.basis is Basis.LOAD else 0.0
    missing = mean * blank
    value = row.value(metric)
    cost, unsure = _cost(metric, aim, row, used, missing)
    return Progress(
        aim=aim,
        period=period,
        until=row.end,
        value=value,
        used=used,
        cost=cost,
        unsure=unsure,
        missing=missing,
        ahead=mean * ((period.end - row.end) / QUARTER),
        withheld=row.withheld.get(metric),
        blank=blank * (QUARTER / HOUR),
        coming=(period.end - row.end) / HOUR,
    )


def _cost(metric: str, aim: Aim, row: KpiRow, used: float, missing: float) -> tuple[float, float]:
    """What of ``used`` is proven to cost, and what is unsure."""
    value, unsure = row.value(metric), row.unknown_wh or 0.0
    if not aim.origin:
        return (0.0 if value is None else max(0.0, aim.cost(value)) * used), 0.0
    green = row.green_wh or 0.0
    if metric != "hourly_matched" and value is not None:
        green = min(value * (used + missing), used)
        unsure = min(unsure, used - green)
    return max(0.0, used - green - unsure), unsure
