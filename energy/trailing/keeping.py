"""The job that keeps the blocks of every site, so that whoever asks for a year need not read one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from energy.configuration.estate import load_departed
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.trailing.block import Kept, blocks, keep, load_kept, midnight
from energy.trailing.standing import load_standing
from energy.trailing.working import Source, worked_out
from runtime.clock import from_ms
from runtime.database import Database

log = structlog.get_logger(__name__)

_ALL_THAT_IS_KNOWN = datetime(9999, 1, 1, tzinfo=UTC)
"""Read as of this, a past month does not take the place of what pages look at in memory."""


class Keeper:
    """Works out what is new or has changed; ``sites`` are the configured ones."""

    def __init__(self, database: Database, sites: Mapping[str, SiteOptions], source: Source) -> None:
        self._database, self._sites, self._source = database, sites, source

    async def keep(self, due: datetime) -> int:
        """Keep every whole day that is settled ``due``, by UTC and by the clocks of each site.

        Returns how many blocks were written. What is broken off is gone on with by the next run.
        """
        async with self._database.read() as connection:
            sites = {**self._sites, **await load_departed(connection, self._sites)}
        return sum([await self._keep(key, site) for key, site in sites.items()])

    async def _keep(self, key: str, site: SiteOptions) -> int:
        sheet, settled, eras = await self._source.known(key)
        began = min((r.since for r in sheet.registers if r.since is not None), default=None)
        if settled is None or began is None:
            return 0
        last = from_ms(settled * QUARTER_MS).astimezone(site.tz)
        first = began // QUARTERS_A_DAY * QUARTERS_A_DAY
        until = max(
            settled // QUARTERS_A_DAY * QUARTERS_A_DAY, midnight(last.year, last.month, last.day, tz=site.tz)
        )
        if until <= first:
            return 0
        wanted = blocks(first, until, site.tz)
        async with self._database.read() as connection:
            standing = await load_standing(connection, key, eras, (first, until))
            kept = await load_kept(connection, key, first, until)
        written = 0
        async for month in worked_out(self._source, key, standing.stale(wanted, kept), _ALL_THAT_IS_KNOWN):
            found = [Kept(block, standing.newest, standing.rests_on(block), one) for block, one in month]
            async with self._database.begin() as connection:
                await keep(connection, key, found)
            written += len(found)
        if written:
            log.info("year_kept", site=key, blocks=written)
        return written
