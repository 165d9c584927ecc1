"""What is known of the hours of a zone, by whoever tells them: shares, intensities, and in words how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.amounts import LOAD, load_amounts
from energy.carbon.choice import Use
from energy.carbon.factor import FactorSet
from energy.carbon.generation import intensity, throughput
from energy.carbon.hours import Hours, load_hours
from energy.carbon.tracing import consumption_based
from energy.carbon.zones import BORDERS, reach
from telemetry.frame import Floats

UNEXPLAINED = 0.1
"""Share of a zone's load that production and imports may lack: what small plants make is in no document."""


@dataclass(frozen=True)
class Known:
    """Of consecutive hours, NaN where not known; ``how`` says basis and method, None where nothing is known.

    ``fields`` are renewable share, carbon-free share, direct g/kWh and g/kWh over the life cycle:
    float64[4, hours]. ``version`` is the newest of any of them.
    """

    fields: Floats
    how: npt.NDArray[np.object_]
    version: int


async def untraced(
    connection: AsyncConnection, of: tuple[str, Use], span: tuple[int, int], as_of: datetime | None
) -> Known:
    """What a publisher told of the zone ``of`` (and the use of a site in it), where it is of its basis.

    What he does not say is by default: production-based, and direct. An hour that he told both ways within
    itself is not known, nor are shares and intensity of another basis.
    """
    zone, use = of
    found = await load_hours(connection, (zone, "mqtt"), span, as_of)
    renewable, carbon_free, carbon, consumption, lifecycle = found.fields
    mine = np.nan_to_num(consumption) == (1.0 if use.basis == "consumption" else 0.0)
    upstream = np.nan_to_num(lifecycle)
    fields = np.vstack(
        (
            np.where(mine, renewable, np.nan),
            np.where(mine, carbon_free, np.nan),
            np.where(mine & (upstream == 0), carbon, np.nan),
            np.where(mine & (upstream == 1), carbon, np.nan),
        )
    )
    known = np.where(found.version > 0, fields[2], np.nan)
    how = [_told(use, *flags) for flags in zip(known, consumption, lifecycle, strict=True)]
    return Known(fields, np.array(how, dtype=object), int(found.version.max(initial=0)))


async def documented(
    connection: AsyncConnection, of: tuple[str, Use], span: tuple[int, int], as_of: datetime | None
) -> Known:
    """What follows from generation in the zone ``of`` by the sets of the use."""
    zone, use = of
    found = await load_hours(connection, (zone, "entsoe"), span, as_of)
    fields = _made(found, use, zone)
    return Known(fields, _how(fields[2], "production", use.factors), int(found.version.max(initial=0)))


async def traced(
    connection: AsyncConnection, of: tuple[str, Use], span: tuple[int, int], as_of: datetime | None
) -> Known:
    """What was used in the zone ``of``, imports traced through all zones of which documents tell.

    Not known where one of its borders or its load is not told, where it takes from a zone of which no
    generation is known, or where more than :data:`UNEXPLAINED` of its load comes from nowhere. What flows
    into its neighbours counts as far as it is told: beyond, they are as they make.
    """
    zone, use = of
    zones = reach(zone)
    hours = {name: await load_hours(connection, (name, "entsoe"), span, as_of) for name in zones}
    amounts, newest = await load_amounts(connection, zones, span, as_of)
    made = np.stack([_made(hours[name], use, name) for name in zones])
    given = [throughput(hours[name].generation) for name in zones]
    nothing = np.full(span[1], np.nan)
    flows = np.stack([[amounts.get((to, since), nothing) for since in zones] for to in zones])
    mine = zones.index(zone)
    fields = consumption_based(np.stack([one.made for one in given]), made, np.nan_to_num(flows))[mine]
    near = [zones.index(name) for name in BORDERS[zone]]
    taken, out = flows[mine, near].sum(axis=0), flows[near, mine].sum(axis=0)
    explained = given[mine].made + given[mine].net + taken - out
    load = amounts.get((zone, LOAD), nothing)
    enough = explained >= (1 - UNEXPLAINED) * load  # not so where one of them is not known
    fields = np.where(enough, fields, np.nan)
    version = max(newest, *(int(one.version.max(initial=0)) for one in hours.values()))
    return Known(fields, _how(fields[2], "consumption", use.factors), version)


def _made(found: Hours, use: Use, zone: str) -> Floats:
    """By what was generated: shares, direct intensity, and that over the life cycle."""
    direct = intensity(found.generation, use.factors, zone, found.first)
    if use.lifecycle is None:
        return np.vstack((direct, np.full(len(found.generation), np.nan)))
    return np.vstack((direct, intensity(found.generation, use.lifecycle, zone, found.first)[2]))


def _how(carbon: Floats, basis: str, factors: FactorSet) -> npt.NDArray[np.object_]:
    found = np.full(len(carbon), None, dtype=object)
    found[~np.isnan(carbon)] = f"{basis}, {factors.method}"
    return found


def _told(use: Use, *flags: float) -> str | None:
    """``told, production, direct``; what the publisher left out is named as the default that it is."""
    carbon, consumption, lifecycle = flags
    if np.isnan(carbon):
        return None
    by_default: Sequence[str] = [
        name for name, flag in ((use.basis, consumption), ("direct", lifecycle)) if np.isnan(flag)
    ]
    said = [name for name in (use.basis, "direct") if name not in by_default]
    return ", ".join(("told", *said, *([" and ".join(by_default) + " by default"] if by_default else [])))
