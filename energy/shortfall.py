"""The hours in which a site used most energy that nothing is known to cover."""

from __future__ import annotations

from collections.abc import Iterable

from energy.figures import KpiRow


def uncovered_wh(row: KpiRow) -> float:
    """What was other or unknown, in Wh: both count as not green."""
    return (row.other_wh or 0.0) + (row.unknown_wh or 0.0)


def worst_hours(hours: Iterable[KpiRow], most: int) -> list[KpiRow]:
    """The ``most`` hours with the most uncovered energy, largest first; none that is covered."""
    short = [row for row in hours if uncovered_wh(row) > 0]
    return sorted(short, key=lambda row: (-uncovered_wh(row), row.start))[:most]
