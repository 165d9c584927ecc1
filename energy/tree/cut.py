"""The quarter-hours of a ledger's lines over which a meter tree is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.configuration.device import ENERGY
from energy.interval import Period
from energy.sums.line import Lines
from energy.tree.members import Source, Terms
from energy.tree.virtual import summed
from telemetry.frame import Floats


@dataclass(frozen=True)
class Cut:
    """The quarters ``own`` of ``lines`` of the site ``key``, which are those of ``period``."""

    key: str
    lines: Lines
    own: slice
    period: Period

    @property
    def first(self) -> int:
        """The number of the first of its quarters."""
        return self.lines.sheet.first + int(self.own.start)

    def line(self, source: Source, channel: str = ENERGY) -> Floats:
        """Wh of one register per quarter that is asked for."""
        return self.lines(*source, channel).amount[self.own]

    def sum(self, terms: Terms, *, whole: bool = False) -> Floats:
        """Wh of ``terms`` per quarter; NaN where one is not known, or (``whole``) but a lower bound."""
        quarters = self.lines.sheet.quarters
        return summed(terms, lambda source: self.lines(*source), quarters, whole=whole)[self.own]


def consistent(amount: Floats) -> Floats:
    """``amount`` where it is no difference of meters that contradict each other, which is below 0."""
    return np.where(amount < 0, np.nan, amount)


def told(amount: Floats) -> tuple[float | None, int, int]:
    """Its sum, None if it is nowhere known; in how many quarters it is, and of how many."""
    known = int(np.count_nonzero(~np.isnan(amount)))
    return (float(np.nansum(amount)) if known else None), known, len(amount)
