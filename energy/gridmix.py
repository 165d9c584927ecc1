"""The mix of the bidding zone in which a site stood, per quarter-hour, and the factors of what it used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.choice import Use
from energy.carbon.factor import RESIDUAL
from energy.carbon.generation import intensity
from energy.carbon.hours import load_hours
from energy.carbon.technology import Technology
from energy.carbon.uses import load_use
from energy.era import Era
from energy.line import HOUR
from energy.proof.knowledge import Restated, cut, load_frozen
from energy.site import SiteOptions
from energy.supply import SupplyKind
from telemetry.frame import Floats

_MADE = {SupplyKind.PPA_SOLAR: Technology.SOLAR, SupplyKind.PPA_WIND: Technology.WIND_ONSHORE}
"""How a contracted supply makes its energy."""


@dataclass(frozen=True)
class Origin:
    """Where the mix of quarters ``first <= index < until`` is from; ``version`` is the newest of its hours.

    ``method`` tells how the intensity came about (:data:`energy.carbon.hours.HourMethod`), None where no hour
    is known. ``site`` is what the site consisted of.
    """

    first: int
    until: int
    site: SiteOptions
    use: Use
    method: str | None
    version: int


@dataclass(frozen=True)
class GridMix:
    """Per quarter, NaN where it is not known: shares of 0..1, and gCO2e/kWh.

    Attributes:
        carbon_free_share, renewable_share, carbon_g_per_kwh: of grid power in that hour.
        residual_g_per_kwh: of the zone's residual mix; NaN also where there is none.
        contract_g_per_kwh: of what supplies deliver by contract, by id; of those not named it is 0.
        origins: where all this is from, in order.
    """

    carbon_free_share: Floats
    carbon_g_per_kwh: Floats
    residual_g_per_kwh: Floats | None = None
    renewable_share: Floats | None = None
    contract_g_per_kwh: Mapping[str, Floats] = field(default_factory=dict)
    origins: tuple[Origin, ...] = ()

    @classmethod
    def unknown(cls, quarters: int) -> GridMix:
        """Nothing is known of the grid."""
        return cls(np.full(quarters, np.nan), np.full(quarters, np.nan))

    @property
    def unmatched_g_per_kwh(self) -> Floats:
        """Of energy that nothing was matched with: the residual mix, or else the grid's of the hour."""
        if self.residual_g_per_kwh is None:
            return self.carbon_g_per_kwh
        return np.where(np.isnan(self.residual_g_per_kwh), self.carbon_g_per_kwh, self.residual_g_per_kwh)


async def load_gridmix(
    connection: AsyncConnection,
    site: tuple[str, Sequence[Era]],
    span: tuple[int, int],
    as_of: datetime | None = None,
    but: Restated | None = None,
) -> GridMix:
    """The mix for a site (its key and eras) over ``span``: the first quarter, and how many.

    A month that is locked keeps what was known when it was locked, or restated last; ``but`` one is read as
    restated.
    """
    key, eras = site
    first, quarters = span
    rows = np.full((4, quarters), np.nan)
    contracts: dict[str, Floats] = {}
    origins: list[Origin] = []
    frozen = await load_frozen(connection, [key], as_of, but)
    for low, high, known in cut(first, first + quarters, frozen, as_of):
        use = await load_use(connection, key, known)
        for era in eras:
            since, until = max(low, era.first), min(high, era.until)
            if since < until:
                part = slice(since - first, until - first)
                rows[:, part], told = await _piece(connection, (era.site, use), (since, until), known)
                origins.append(Origin(part.start, part.stop, era.site, use, *told))
                for name, values in _contracted(era.site, use, since, until):
                    contracts.setdefault(name, np.full(quarters, np.nan))[part] = values
    renewable, carbon_free, carbon, residual = rows
    return GridMix(carbon_free, carbon, residual, renewable, contracts, tuple(origins))


async def _piece(
    connection: AsyncConnection,
    which: tuple[SiteOptions, Use],
    quarters: tuple[int, int],
    as_of: datetime | None,
) -> tuple[Floats, tuple[str | None, int]]:
    """Renewable and carbon-free share, intensity and residual mix; method and newest version of the hours."""
    (site, use), (first, until) = which, quarters
    hour, hours = _hours(first, until)
    found = await load_hours(connection, (site.grid, use.grid), (hour, hours), as_of)
    fields = found.fields
    if any(found.generation):
        made = np.array([told is not None for told in found.generation])
        fields = np.where(made, intensity(found.generation, use.factors, site.grid, hour), fields)
    residual = np.full(hours, np.nan)
    if use.residual is not None:
        residual = use.residual.values(RESIDUAL, site.grid, hour, hours)
    version = int(found.version.max(initial=0))
    return _by_quarter(np.vstack((fields, residual)), first, until), (found.method, version)


def _contracted(site: SiteOptions, use: Use, first: int, until: int) -> Iterator[tuple[str, Floats]]:
    """g/kWh of each contracted supply, if what is matched counts with what its technology emits."""
    if use.contracts == "direct":
        return
    hour, hours = _hours(first, until)
    for supply in site.supply:
        if supply.kind in _MADE:
            values = use.factors.values(_MADE[supply.kind], supply.zone or site.grid, hour, hours)
            yield supply.id, _by_quarter(values, first, until)


def _hours(first: int, until: int) -> tuple[int, int]:
    """The hour that holds quarter ``first``, and how many there are up to quarter ``until``."""
    return first // HOUR, -(-until // HOUR) - first // HOUR


def _by_quarter(hourly: Floats, first: int, until: int) -> Floats:
    low = first % HOUR
    return np.repeat(hourly, HOUR, axis=-1)[..., low : low + until - first]
