"""Works blocks out from the ledger, a month of UTC at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Protocol

from energy.configuration.era import Era
from energy.interval import Period
from energy.sums.sheet import Sheet
from energy.sums.summed import Summed
from energy.trailing.block import Block


class Source(Protocol):
    """What a year is worked out from: :class:`energy.reading.reader.LedgerFigures`."""

    async def known(
        self, site: str, as_of: datetime | None = None
    ) -> tuple[Sheet, int | None, tuple[Era, ...]]:
        """The registers of ``site`` (in a sheet of no time), the quarter it is settled to, and its eras."""
        ...

    async def summed(self, site: str, parts: Sequence[Period], as_of: datetime | None = None) -> list[Summed]:
        """What the settled quarters of each of ``parts`` of one site add up to; the parts are in order."""
        ...


async def worked_out(
    source: Source, site: str, wanted: Sequence[Block], as_of: datetime | None = None
) -> AsyncIterator[list[tuple[Block, Summed]]]:
    """The sums of ``wanted``, all settled, by months, the newest first; others have their turn between."""
    newest_first = sorted(wanted, reverse=True)
    for _, month in groupby(newest_first, lambda block: block.period.start.strftime("%Y-%m")):
        part = sorted(month)
        found = await source.summed(site, [block.period for block in part], as_of)
        yield list(zip(part, found, strict=True))
