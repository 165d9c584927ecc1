"""Partial PUE of a hall: all energy of a named sub-boundary over its IT energy (ISO/IEC 30134-2)."""

from __future__ import annotations

from collections.abc import Mapping

from energy.kpi import FAULT, Figure, quotient, uncovered
from energy.totals import Totals

METHOD = (
    "All energy of a named sub-boundary, told by its topmost meters, over the IT energy measured in it, over "
    "the intervals in which both are known. It is comparable with no other hall's and with no PUE."
)


def ppues(totals: Totals, floor: float) -> Mapping[str, Figure]:
    """``ppue_`` and the hall's name -> its pPUE; of several sites together there is none."""
    if len({hall.site for hall in totals.halls}) != 1:
        return {}
    found = {}
    for hall in totals.halls:
        reason = uncovered(
            hall.known, totals.expected, floor, f"energy of {hall.name} together with its IT's"
        )
        if reason is None and 0 < hall.all < hall.it:
            reason = f"{FAULT}: the hall used less than its IT equipment"
        found[f"ppue_{hall.name}"] = quotient(hall.all, hall.it, reason, f"E_IT of {hall.name}")
    return found
