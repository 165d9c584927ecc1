"""Sums of lines of the ledger: what virtual meters, and the figures, are the energy of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from energy.tree.members import Source, Terms, terms_of
from telemetry.frame import Floats

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions


class Known(Protocol):
    """One register per quarter: its ``amount``, NaN where not known, and where that is but a lower bound."""

    @property
    def amount(self) -> Floats:
        """Wh."""
        ...

    @property
    def bound(self) -> npt.NDArray[np.bool_]:
        """Where the amount is no more than a lower bound."""
        ...


def summed(terms: Terms, line: Callable[[Source], Known], quarters: int, *, whole: bool = False) -> Floats:
    """Wh per quarter of ``terms``; NaN where one of them is not known, ``whole``: or but a lower bound.

    One that is taken off must be known well: less a lower bound would be an upper one.
    """
    total = np.zeros(quarters)
    for source, times in terms.items():
        found = line(source)
        sure = times < 0 or whole
        amount = np.where(found.bound, np.nan, found.amount) if sure else found.amount
        total = total + times * amount
    return total


def lines(site: SiteOptions, line: Callable[[Source], Known], quarters: int) -> Mapping[str, Floats]:
    """Wh per quarter of every virtual meter of ``site`` by id; below 0 is told as not known."""
    found = {one.id: summed(terms_of(site, [one]), line, quarters) for one in site.virtual}
    return {name: np.where(amount < 0, np.nan, amount) for name, amount in found.items()}
