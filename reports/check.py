"""The sums that must balance, worked out again from the parts, so that the reader need not take our word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum

from energy.figures import KpiRow, MixRow
from reports.content import Check

TOLERANCE_WH = 0.5
TOLERANCE_SHARE = 1e-9

_ENERGIES = ("edc_wh", "eit_wh", "green_wh", "other_wh", "unknown_wh")


def balances(
    total: KpiRow, mix: MixRow, days: Sequence[KpiRow], hours: Sequence[KpiRow]
) -> tuple[Check, ...]:
    """Days and hours against the month, the parts of E_DC against E_DC, the mix against the figures."""
    found = []
    for step, rows in (("days", days), ("hours", hours)):
        found += [_check(f"{n}: sum of {step} = month", _of(total, n), _sum(rows, n)) for n in _ENERGIES]
    parts = [total.green_wh, total.other_wh, total.unknown_wh]
    found.append(_check("green + other + unknown = edc_wh", total.edc_wh, _total(parts)))
    found.append(_check("sum of sources = green_wh", total.green_wh, _green(mix)))
    return tuple(found)


def _green(mix: MixRow) -> float | None:
    return None if mix.edc_wh is None else fsum(mix.green.values())


def _of(row: KpiRow, name: str) -> float | None:
    value: float | None = getattr(row, name)
    return value


def _sum(rows: Iterable[KpiRow], name: str) -> float | None:
    return _total(_of(row, name) for row in rows)


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if known else None


def _check(name: str, expected: float | None, found: float | None) -> Check:
    if expected is None or found is None:
        return Check(name, expected, found, expected is None and not found)
    ok = abs(expected - found) <= max(TOLERANCE_WH, TOLERANCE_SHARE * abs(expected))
    return Check(name, expected, found, ok)
