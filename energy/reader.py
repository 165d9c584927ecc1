"""Reads figures out of the ledger: the one implementation of :class:`energy.figures.Figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import energy.kpis
from energy.balance import Balance, balance
from energy.entries import ledger_rows
from energy.figures import KpiRow, LedgerRow, MeterStatement, MixRow
from energy.gridmix import GridMix, load_gridmix
from energy.interval import QUARTER_MS, Period, Step, steps
from energy.kpi import KPIS
from energy.matching import Match, match
from energy.revisions import QUARTERS_A_DAY
from energy.rows import Flows, Scope, joined, kpi_row, kpis, mix_row
from energy.sheet import Sheet, settled_until
from energy.shelf import Shelf
from energy.site import SiteOptions
from energy.statement import statements
from energy.totals import Totals, totals
from runtime.clock import from_ms, to_ms
from runtime.database import Database
from telemetry.store import Store

ALL = "all"
"""Names all sites as one."""

LONGEST = timedelta(days=3660)
"""What one question may span: ten years."""

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class _View:
    """One site over a period: its ledger, what follows from it, and the settled cuts of its steps."""

    sheet: Sheet
    balance: Balance
    match: Match
    settled: int | None
    cuts: list[tuple[int, int]]


class LedgerFigures:
    """Figures of ``sites`` from the ledger; the mix of their grids comes from ``store``.

    Reading changes nothing and may go on while the ledger settles. Every call raises ValueError for a site
    that is not configured.
    """

    def __init__(self, database: Database, store: Store, sites: Mapping[str, SiteOptions]) -> None:
        KPIS.load(energy.kpis)
        self.sites = sites
        self._database, self._store = database, store
        self._shelf = Shelf(database)
        self._kpis = kpis()

    async def kpi(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[KpiRow]:
        """One row per step, or one for the whole period."""
        parts = self._parts(site, period, step)
        sums = [Totals() for _ in parts]
        for key in self._keys(site):
            view = await self._view(key, parts, as_of)
            mix = await self._gridmix(key, view)
            found = totals(view.balance, view.match, mix, view.cuts)
            sums = [one + other for one, other in zip(sums, found, strict=True)]
        scope = self._scope(site, await self._settled(site, as_of))
        return [kpi_row(part, total, scope, self._kpis) for part, total in zip(parts, sums, strict=True)]

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        """One row per step, or one for the whole period; of ``all``, supplies are named ``site/supply``."""
        parts = self._parts(site, period, step)
        found = {key: await self._mix(key, parts, as_of) for key in self._keys(site)}
        if site != ALL:
            return found[site]
        return [joined(dict(zip(found, rows, strict=True))) for rows in zip(*found.values(), strict=True)]

    async def rows(
        self, site: str, period: Period, meter: str | None = None, as_of: datetime | None = None
    ) -> Sequence[LedgerRow]:
        """The ledger itself, by meter, channel and time; the newest revision known at ``as_of``."""
        async with self._database.read() as connection:
            return await ledger_rows(connection, self._keys(site), _quarters(period), (meter, as_of))

    async def statements(
        self, site: str, period: Period, as_of: datetime | None = None
    ) -> list[MeterStatement]:
        """How complete each meter is over the settled part of the period."""
        found: list[MeterStatement] = []
        for key in self._keys(site):
            first, until = _quarters(period)
            days = range(first // QUARTERS_A_DAY, -(-until // QUARTERS_A_DAY))
            sheet, settled = await self._shelf.sheet(key, days, as_of)
            until = min(until, settled or first)
            found += statements(key, self.sites[key], sheet, (first, max(first, until)))
        return found

    async def settled_until(self, site: str) -> datetime | None:
        """Every interval before this has been settled; of ``all``: at every site."""
        return await self._settled(site, None)

    async def _mix(self, key: str, parts: Sequence[Period], as_of: datetime | None) -> list[MixRow]:
        view = await self._view(key, parts, as_of)
        nothing = GridMix.unknown(view.sheet.quarters)
        sums = totals(view.balance, view.match, nothing, view.cuts)
        flows = Flows(view.match.green, view.balance.available, frozenset(view.balance.contracted))
        return [
            mix_row(part, total, flows, cut) for part, total, cut in zip(parts, sums, view.cuts, strict=True)
        ]

    async def _view(self, key: str, parts: Sequence[Period], as_of: datetime | None) -> _View:
        """An hour more on both sides: a gap at the edge may lead out of the first or last hour."""
        first, until = _quarters(Period(parts[0].start, parts[-1].end))
        days = range((first - 4) // QUARTERS_A_DAY, -(-(until + 4) // QUARTERS_A_DAY))
        sheet, settled = await self._shelf.sheet(key, days, as_of)
        found = balance(self.sites[key], sheet)
        limit = settled or 0
        cuts = []
        for part in parts:
            low, high = _quarters(part)
            high = max(low, min(high, limit))
            cuts.append((low - sheet.first, high - sheet.first))
        return _View(sheet, found, match(found.edc, found.loose, found.contracted), settled, cuts)

    async def _gridmix(self, key: str, view: _View) -> GridMix:
        if all(low == high for low, high in view.cuts):
            return GridMix.unknown(view.sheet.quarters)
        return await load_gridmix(self._store, self.sites[key].grid, view.sheet.first, view.sheet.quarters)

    async def _settled(self, site: str, as_of: datetime | None) -> datetime | None:
        async with self._database.read() as connection:
            found = [await settled_until(connection, key, as_of) for key in self._keys(site)]
        known = [quarter for quarter in found if quarter is not None]
        return from_ms(min(known) * QUARTER_MS) if known and len(known) == len(found) else None

    def _keys(self, site: str) -> list[str]:
        if site == ALL:
            return list(self.sites)
        if site not in self.sites:
            raise ValueError(f"no site is named {site!r}; there are: {', '.join(self.sites)}, {ALL}")
        return [site]

    def _parts(self, site: str, period: Period, step: Step | None) -> list[Period]:
        self._keys(site)
        if period.end - period.start > LONGEST:
            raise ValueError(f"a period is at most {LONGEST.days} days; ask for a shorter one")
        if step is None or period.start >= period.end:
            return [period]
        return list(steps(period, step, _UTC if site == ALL else self.sites[site].tz))

    def _scope(self, site: str, settled: datetime | None) -> Scope:
        chosen = [self.sites[key] for key in self._keys(site)]
        categories = sorted({m.category for s in chosen for m in s.meter if m.category is not None})
        floor = max((s.completeness_floor for s in chosen), default=1.0)
        return Scope(floor, "+".join(categories) or None, settled)


def _quarters(period: Period) -> tuple[int, int]:
    """The quarters that ``period`` touches."""
    first = to_ms(period.start) // QUARTER_MS
    return first, max(first, -(-to_ms(period.end) // QUARTER_MS))
