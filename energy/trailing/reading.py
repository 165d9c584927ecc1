"""The part of the ledger's figures that tells of years."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from energy.annual import Trailing
from energy.configuration.era import Era
from energy.configuration.site import SiteOptions
from energy.interval import Period
from energy.reading.certified import Certified
from energy.reading.hindsight import Hindsight
from energy.reading.view import View
from energy.sums.columns import Columns
from energy.sums.sheet import Sheet
from energy.sums.summed import Summed
from energy.trailing.year import Behind, trailing
from runtime.database import Database

_NO_DAY = range(2**24, 2**24)
"""Days of which nothing is read."""


class YearReading(ABC):
    """What :class:`energy.reading.reader.LedgerFigures` is besides: its views, asked for years in blocks."""

    sites: Mapping[str, SiteOptions]
    _database: Database
    _hindsight: Hindsight
    _certified: Certified

    async def trailing(
        self, site: str, ends: Sequence[datetime], as_of: datetime | None = None, whole: bool = False
    ) -> list[Trailing]:
        """The twelve months up to the last midnight before each of ``ends``, which are in order."""
        behind = Behind(self._database, self.sites, self._hindsight, self._certified, self)
        return await trailing(behind, site, ends, as_of, whole)

    async def known(
        self, site: str, as_of: datetime | None = None
    ) -> tuple[Sheet, int | None, tuple[Era, ...]]:
        """The registers of one site (in a sheet of no time), the quarter it is settled to, and its eras."""
        return await self._sheet(site, _NO_DAY, as_of)

    async def summed(self, site: str, parts: Sequence[Period], as_of: datetime | None = None) -> list[Summed]:
        """What the settled quarters of each of ``parts`` of one site add up to; the parts are in order."""
        view, cuts, _ = await self._view(site, parts, as_of, 0)
        columns = await self._with_mix(site, view, cuts, as_of)
        return [columns.summed(*cut) for cut in cuts]

    @abstractmethod
    async def _sheet(
        self, key: str, days: range, as_of: datetime | None
    ) -> tuple[Sheet, int | None, tuple[Era, ...]]: ...

    @abstractmethod
    async def _view(
        self, key: str, parts: Sequence[Period], as_of: datetime | None, since: int
    ) -> tuple[View, list[tuple[int, int]], int | None]: ...

    @abstractmethod
    async def _with_mix(
        self, key: str, view: View, cuts: Sequence[tuple[int, int]], as_of: datetime | None
    ) -> Columns: ...
