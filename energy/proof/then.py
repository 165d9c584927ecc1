"""Figures as they were known at one time, for whoever has questions and knows of one ledger only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from energy.annual import Trailing
from energy.carbon.factor_row import FactorRow
from energy.configuration.site import SiteOptions
from energy.figures import Figures, GridHour, KpiRow, LedgerRow, MeterStatement, MixRow
from energy.interval import Period, Step
from energy.tree.closing import Closure


class Then:
    """``figures`` as known at a ``moment``, which a question may name an earlier one than."""

    def __init__(self, figures: Figures, moment: datetime) -> None:
        self.sites, self._figures, self._moment = figures.sites, figures, moment

    def snapshot(self, over: Period | None = None) -> Then:
        """The same: what was known then does not change while it is read."""
        return self

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        """One row per step, or one for the whole period."""
        return await self._figures.kpi(site, period, step, self._at(as_of), only)

    async def trailing(
        self, site: str, ends: Sequence[datetime], as_of: datetime | None = None, whole: bool = False
    ) -> list[Trailing]:
        """The twelve months up to the last settled midnight before each of ``ends``."""
        return await self._figures.trailing(site, ends, self._at(as_of), whole)

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        """One row per step, or one for the whole period."""
        return await self._figures.mix(site, period, step, self._at(as_of))

    async def grid(self, site: str, period: Period, as_of: datetime | None = None) -> list[GridHour]:
        """The mix of the grid in every hour of ``period``."""
        return await self._figures.grid(site, period, self._at(as_of))

    async def factors(self, site: str, period: Period, as_of: datetime | None = None) -> list[FactorRow]:
        """Which energy was counted with which factor."""
        return await self._figures.factors(site, period, self._at(as_of))

    async def rows(
        self, site: str, period: Period, meter: str | None = None, as_of: datetime | None = None
    ) -> Sequence[LedgerRow]:
        """The ledger itself."""
        return await self._figures.rows(site, period, meter, self._at(as_of))

    async def statements(
        self,
        site: str,
        period: Period,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[MeterStatement]:
        """How complete each meter is."""
        return await self._figures.statements(site, period, self._at(as_of), only)

    async def closure(self, site: str, period: Period, as_of: datetime | None = None) -> list[Closure]:
        """How the meter tree closes. Raises StoreError."""
        return await self._figures.closure(site, period, self._at(as_of))

    async def configured(
        self, site: str, period: Period, as_of: datetime | None = None
    ) -> Mapping[str, SiteOptions]:
        """The sites with what they consisted of in ``period``."""
        return await self._figures.configured(site, period, self._at(as_of))

    async def eras(self, site: str, period: Period) -> Mapping[str, Sequence[tuple[Period, SiteOptions]]]:
        """What each site consisted of, as it is known now."""
        return await self._figures.eras(site, period)

    async def departed(self) -> Mapping[str, SiteOptions]:
        """The sites that have left, as it is known now."""
        return await self._figures.departed()

    async def began(self, site: str) -> datetime | None:
        """Start of the interval of the first reading."""
        return await self._figures.began(site)

    async def settled_until(self, site: str, as_of: datetime | None = None) -> datetime | None:
        """Every interval before this had been settled."""
        return await self._figures.settled_until(site, self._at(as_of))

    def _at(self, as_of: datetime | None) -> datetime:
        return self._moment if as_of is None else min(as_of, self._moment)
