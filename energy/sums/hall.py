"""Partial PUE of a hall: all energy of a named sub-boundary over its IT energy (ISO/IEC 30134-2)."""

from __future__ import annotations

from collections.abc import Mapping

from energy.kpi import FAULT, Figure, computed, uncovered
from energy.quotient import Filled, Quotient, Term
from energy.sums.totals import Totals

PREFIX = "ppue_"

METHOD = (
    "All energy of a named sub-boundary, told by its topmost meters, over the IT energy measured in it, over "
    "the intervals in which both are known. It is comparable with no other hall's and with no PUE."
)


FORMULA = Quotient((Term("all", "all energy of the hall"),), (Term("it", "its E_IT"),), "its E_IT")


def ppues(totals: Totals, floor: float) -> Mapping[str, Figure]:
    """``ppue_`` and the hall's name -> its pPUE; of several sites together there is none."""
    if len({hall.site for hall in totals.halls}) != 1:
        return {}
    found = {}
    for hall in totals.halls:
        reason = uncovered(
            hall.known, totals.expected, floor, f"energy of {hall.name} together with its IT's"
        )
        if reason is None and hall.all < hall.it:
            reason = f"{FAULT}: the hall used less than its IT equipment"
        found[f"{PREFIX}{hall.name}"] = computed(FORMULA, hall, reason)
    return found


def ppue_of(name: str, totals: Totals) -> Filled | None:
    """The formula of one of :func:`ppues` with its numbers; None where there is no such hall."""
    found = [hall for hall in totals.halls if f"{PREFIX}{hall.name}" == name]
    return FORMULA.of(found[0]) if len(found) == 1 else None
