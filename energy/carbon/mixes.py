"""Reads the mix of the grid for whole views and for whole hours, as known at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from energy.carbon.hours import hour_of, start_of
from energy.configuration.era import Era
from energy.figures import GridHour
from energy.interval import Period
from energy.proof.knowledge import Restated
from energy.proof.turn import newest_stamp
from energy.sums.gridmix import GridMix, load_gridmix
from energy.sums.line import HOUR
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.frame import Floats

_HOUR_MS = 3_600_000


_KEPT = 8
"""Sites and spans: two sites with a running month and one that is looked at, and room to turn."""


class Mixes:
    """The mix of each site's bidding zone in ``database``; ``but`` one locked month is read as restated.

    What was read is kept until something of the site is stamped: hours, amounts, factors and locks all are.
    """

    def __init__(self, database: Database, but: Restated | None = None) -> None:
        self._database, self._but = database, but
        self._kept: OrderedDict[tuple[str, tuple[int, int]], tuple[Sequence[Era], int, GridMix]] = (
            OrderedDict()
        )

    async def of(
        self, site: tuple[str, Sequence[Era]], span: tuple[int, int], as_of: datetime | None = None
    ) -> GridMix:
        """The mix for a site (its key and eras) over ``span``: the first quarter, and how many.

        The same one as before if nothing of it can have changed.
        """
        key, eras = site
        async with self._database.read() as connection:
            stamp = None if as_of is not None else await newest_stamp(connection, key)
            known = self._kept.pop((key, span), None)
            if known is None or known[:2] != (eras, stamp):
                mix = await load_gridmix(connection, site, span, as_of, self._but)
                known = None if stamp is None else (eras, stamp, mix)
            else:
                mix = known[2]
        if known is not None:
            self._kept[key, span] = known
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return mix

    async def hours(
        self, sites: Mapping[str, Sequence[Era]], period: Period, as_of: datetime | None = None
    ) -> list[GridHour]:
        """Every hour that ``period`` touches, by zone and time, as the first site in a zone uses it."""
        zones: dict[str, tuple[str, Era]] = {}
        for key, eras in sites.items():
            for era in eras:
                zones.setdefault(era.site.grid, (key, era))
        first = hour_of(period.start)
        count = -(-to_ms(period.end) // _HOUR_MS) - first
        found = []
        for zone, (key, era) in sorted(zones.items()):
            whole = replace(era, first=first * HOUR, until=(first + count) * HOUR)
            mix = await self.of((key, [whole]), (first * HOUR, count * HOUR), as_of)
            columns = [
                _told(column) for column in (mix.renewable_share, mix.carbon_free_share, mix.carbon_g_per_kwh)
            ]
            how = [None] * count if mix.how is None else mix.how[::HOUR].tolist()
            found += [
                GridHour(zone, start_of(first + number), *values)
                for number, values in enumerate(zip(*columns, how, strict=True))
            ]
        return found


def _told(column: Floats | None) -> list[float | None]:
    """One value an hour, None where it is not known."""
    return [] if column is None else [None if np.isnan(v) else float(v) for v in column[::HOUR]]
