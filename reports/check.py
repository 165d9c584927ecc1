"""The sums that must balance, worked out again from the parts, so that the reader need not take our word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum

from energy.figures import KpiRow, MixRow
from reports.content import Check
from reports.headline import ENERGIES

TOLERANCE_WH = 0.5
TOLERANCE_SHARE = 1e-9


def balances(
    total: KpiRow, mix: MixRow, days: Sequence[KpiRow], hours: Sequence[KpiRow]
) -> tuple[Check, ...]:
    """Days and hours against the month, the parts of the load against it, the mix against the figures.

    Where batteries moved energy, and all of it is known, also the load against E_DC.
    """
    found = []
    for step, rows in (("days", days), ("hours", hours)):
        for key, words in ENERGIES.items():
            names = (f"{key}: sum of {step} = month", f"{words}: sum of {step} = month")
            found.append(_check(names, total.value(key), _total(row.value(key) for row in rows)))
    parts = [total.green_wh, total.other_wh, total.unknown_wh]
    whole = ("green + other + unknown = load_wh", "Matched + other + unknown = load")
    found.append(_check(whole, total.load_wh, _total(parts)))
    found.append(
        _check(("sum of sources = green_wh", "Sum of sources = matched"), total.green_wh, _green(mix))
    )
    if (mix.charged_wh or mix.withdrawn_wh) and mix.completeness == 1 and mix.load_wh is not None:
        names = ("edc_wh = load_wh + charged - withdrawn", "E_DC = load + charged - drawn from batteries")
        found.append(_check(names, mix.edc_wh, mix.load_wh + mix.charged_wh - mix.withdrawn_wh))
    return tuple(found)


def _green(mix: MixRow) -> float | None:
    return None if mix.load_wh is None else fsum(mix.green.values())


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if known else None


def _check(names: tuple[str, str], expected: float | None, found: float | None) -> Check:
    if expected is None or found is None:
        return Check(*names, expected, found, expected is None and not found)
    ok = abs(expected - found) <= max(TOLERANCE_WH, TOLERANCE_SHARE * abs(expected))
    return Check(*names, expected, found, ok)
