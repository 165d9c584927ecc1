"""One line of a carbon figure: an energy, the factor that it was counted with, and whose that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["location", "market", "scope1", "lifecycle"]
"""Scope 2 location-based, scope 2 market-based, scope 1, and beside them the grid over the life cycle."""


@dataclass(frozen=True)
class FactorRow:
    """One line of a carbon figure; those of a scope add up to it exactly, in ``co2_g``.

    ``g_per_kwh`` is the mean over ``energy_wh``; both are None on the line of what is not known, which is
    taken to be as high as the highest quarter-hour that is. ``method`` is direct or lifecycle; of the
    grid it says before that how its hours came about: told, production or consumption, and what of it is a
    default that nobody said; ``version`` names the set and its version, or up to
    which version the hours had come. ``example`` marks factors that are invented.
    """

    site: str
    scope: Scope
    what: str
    zone: str | None
    energy_wh: float | None
    g_per_kwh: float | None
    co2_g: float
    source: str
    method: str
    version: str
    example: bool = False

    @property
    def kg(self) -> float:
        """CO2e in kilograms."""
        return self.co2_g / 1000
