"""The mix of the bidding zone in which a site stood, per quarter-hour, and the factors of what it used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.choice import Use
from energy.carbon.factor import RESIDUAL
from energy.carbon.known import Known, documented, traced, untraced
from energy.carbon.technology import Technology
from energy.carbon.uses import load_use
from energy.configuration.era import Era
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.proof.knowledge import Restated, cut, load_frozen
from energy.sums.line import HOUR
from telemetry.frame import Floats

T = TypeVar("T", np.float64, np.object_)

_MADE = {SupplyKind.PPA_SOLAR: Technology.SOLAR, SupplyKind.PPA_WIND: Technology.WIND_ONSHORE}
"""How a contracted supply makes its energy."""


Words = npt.NDArray[np.object_]
"""A text or None per quarter."""


@dataclass(frozen=True)
class Origin:
    """Where the mix of quarters ``first <= index < until`` is from; ``version`` is the newest of its hours.

    ``site`` is what the site consisted of.
    """

    first: int
    until: int
    site: SiteOptions
    use: Use
    version: int


@dataclass(frozen=True)
class GridMix:
    """Per quarter, NaN where it is not known: shares of 0..1, and gCO2e/kWh.

    Attributes:
        carbon_free_share, renewable_share, carbon_g_per_kwh: of grid power in that hour.
        lifecycle_g_per_kwh: of grid power too, over the life cycle.
        residual_g_per_kwh: of the zone's residual mix; NaN also where there is none.
        contract_g_per_kwh: of what supplies deliver by contract, by id; of those not named it is 0.
        how: in words, basis and method of the intensity: ``told, production, direct``; None where unknown.
        origins: where all this is from, in order.
    """

    carbon_free_share: Floats
    carbon_g_per_kwh: Floats
    residual_g_per_kwh: Floats | None = None
    renewable_share: Floats | None = None
    lifecycle_g_per_kwh: Floats | None = None
    contract_g_per_kwh: Mapping[str, Floats] = field(default_factory=dict)
    how: Words | None = None
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
    rows, how = np.full((5, quarters), np.nan), np.full(quarters, None, dtype=object)
    contracts: dict[str, Floats] = {}
    origins: list[Origin] = []
    frozen = await load_frozen(connection, [key], as_of, but)
    for low, high, known in cut(first, first + quarters, frozen, as_of):
        use = await load_use(connection, key, known)
        for era in eras:
            since, until = max(low, era.first), min(high, era.until)
            if since < until:
                part = slice(since - first, until - first)
                found = await _piece(connection, (era.site, use), (since, until), known)
                rows[:, part], how[part] = found.fields, found.how
                origins.append(Origin(part.start, part.stop, era.site, use, found.version))
                for name, values in _contracted(era.site, use, since, until):
                    contracts.setdefault(name, np.full(quarters, np.nan))[part] = values
    renewable, carbon_free, carbon, lifecycle, residual = rows
    return GridMix(carbon_free, carbon, residual, renewable, lifecycle, contracts, how, tuple(origins))


async def _piece(
    connection: AsyncConnection,
    which: tuple[SiteOptions, Use],
    quarters: tuple[int, int],
    as_of: datetime | None,
) -> Known:
    """What is known of quarters ``first <= q < until``, with the residual mix as the last of the fields."""
    (site, use), (first, until) = which, quarters
    hour, hours = span = _hours(first, until)
    if use.grid == "mqtt":
        found = await untraced(connection, (site.grid, use), span, as_of)
    elif use.basis == "consumption":
        found = await traced(connection, (site.grid, use), span, as_of)
    else:
        found = await documented(connection, (site.grid, use), span, as_of)
    residual = np.full(hours, np.nan)
    if use.residual is not None:
        residual = use.residual.values(RESIDUAL, site.grid, hour, hours)
    fields = _by_quarter(np.vstack((found.fields, residual)), first, until)
    return Known(fields, _by_quarter(found.how, first, until), found.version)


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


def _by_quarter(hourly: npt.NDArray[T], first: int, until: int) -> npt.NDArray[T]:
    low = first % HOUR
    return np.repeat(hourly, HOUR, axis=-1)[..., low : low + until - first]
