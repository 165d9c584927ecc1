"""Reads figures out of the ledger: the one implementation of :class:`energy.figures.Figures`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from typing import TypeVar

import energy.kpis
from energy.carbon.evidence import Account, factor_rows
from energy.carbon.factor_row import FactorRow
from energy.carbon.mixes import Mixes
from energy.certificates.claims import Claims
from energy.configuration.era import Era, merged, present, valid
from energy.configuration.estate import Estate
from energy.configuration.site import SiteOptions
from energy.figures import ALL, GridHour, KpiRow, LedgerRow, MeterStatement, MixRow
from energy.interval import Period, Step
from energy.kpi import KPIS
from energy.proof.knowledge import Restated
from energy.proof.options import CORRECTION_WINDOW
from energy.reading.certified import Certified
from energy.reading.closures import closures
from energy.reading.entries import ledger_rows
from energy.reading.hindsight import Hindsight
from energy.reading.look import Look, at_once
from energy.reading.presence import (
    earliest,
    metered,
    part_of,
    quarters_of,
    scopes,
    settled_quarter,
    traced_from,
    unheard,
)
from energy.reading.rows import Mixed, joined, kpi_row, kpis, mixed
from energy.reading.shelf import Shelf
from energy.reading.stand import Stand, first_read, joins
from energy.reading.statement import statements
from energy.reading.view import View, Views
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.columns import Columns
from energy.sums.sheet import Sheet
from energy.sums.splice import CERTIFICATES
from energy.sums.totals import Totals
from energy.trailing.reading import YearReading
from energy.tree.closing import Closure
from runtime.database import Database
from telemetry.store import Store

_ALWAYS = "completeness"
"""Part of every row, whatever is asked for."""

T = TypeVar("T")


class LedgerFigures(YearReading):
    """Figures of ``sites`` from the ledger; the mix of their grids comes from ``store``.

    A site that was removed from the configuration keeps its past, also as a part of all sites. Reading
    changes nothing and may go on while the ledger settles. Every call raises ValueError for a site that was
    never configured.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        sites: Mapping[str, SiteOptions],
        window: timedelta = CORRECTION_WINDOW,
    ) -> None:
        KPIS.load(energy.kpis)
        self.sites, self._hindsight = sites, Hindsight(database, window)
        self._database, self._store = database, store
        self._shelf, self._claims, self._mixes = Shelf(database), Claims(database), Mixes(database)
        self._certified = Certified(self._claims)
        self._views: dict[str, Views] = {}
        self._kpis = kpis()
        self._look: Look | None = None

    def snapshot(self, over: Period | None = None) -> LedgerFigures:
        """The same figures, all from how the ledger stands when the first of them is asked for."""
        if self._look is not None and over is None:
            return self
        snapshot = copy(self)
        snapshot._look = Look(over)
        return snapshot

    def reading(self, shelf: Shelf, but: Restated) -> LedgerFigures:
        """The same figures of the ledger as ``shelf`` tells it, and ``but`` one locked month restated."""
        other = copy(self)
        other._shelf, other._views, other._look = shelf, {}, None
        other._claims, other._mixes = Claims(self._database, but), Mixes(self._database, but)
        other._certified = Certified(other._claims)
        return other

    @at_once
    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        """One row per step, or one for the whole period."""
        names = None if only is None else frozenset(only)

        async def answer() -> list[KpiRow]:
            estate = await self._estate()
            return await self._kpi((site, estate), estate.parts(site, period, step), as_of, names)

        return await self._once(("kpi", site, period, step, names), as_of, answer)

    @at_once
    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        """One row per step, or one for the whole period; of ``all``, supplies are named ``site/supply``."""

        async def answer() -> list[MixRow]:
            estate = await self._estate()
            parts, joins = estate.parts(site, period, step), await self._joins(estate, site)
            found = {key: await self._mix(key, parts, as_of, joins[key]) for key in estate.keys(site)}
            if site != ALL:
                return [one.row for one in found[site]]
            return [joined(dict(zip(found, rows, strict=True))) for rows in zip(*found.values(), strict=True)]

        return await self._once(("mix", site, period, step), as_of, answer)

    async def grid(self, site: str, period: Period, as_of: datetime | None = None) -> list[GridHour]:
        """The mix of the grid in every hour of ``period``, by bidding zone and time, known ``as_of``."""
        keys = (await self._estate()).keys(site)
        found = {key: present(await self._eras(key, as_of), *quarters_of(period)) for key in keys}
        return await self._mixes.hours(found, period, as_of)

    @at_once
    async def factors(self, site: str, period: Period, as_of: datetime | None = None) -> list[FactorRow]:
        """The factors behind the carbon figures of ``period``, by site and scope, whose lines add up."""
        estate, rows = await self._estate(), []
        joins = await self._joins(estate, site)
        for key in estate.keys(site):
            view, (cut,), _ = await self._view(key, [period], as_of, joins[key])
            if cut[0] < cut[1] and present(view.eras, *quarters_of(period)):
                mix = await self._mixes.of((key, view.eras), (view.sheet.first, view.sheet.quarters), as_of)
                totals = view.columns(mix).totals(*cut)
                rows += factor_rows(Account(key, view.balance, view.match, mix), cut, totals)
        return rows

    async def rows(
        self, site: str, period: Period, meter: str | None = None, as_of: datetime | None = None
    ) -> Sequence[LedgerRow]:
        """The ledger itself, by meter, channel and time; the newest revision known at ``as_of``."""
        keys = (await self._estate()).keys(site)
        known = {key: await self._eras(key) for key in keys}
        async with self._database.read() as connection:
            standing = await self._hindsight.standing(connection, known, as_of)
            return await ledger_rows(connection, keys, quarters_of(period), (meter, as_of), standing)

    async def statements(
        self,
        site: str,
        period: Period,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[MeterStatement]:
        """How complete each meter is over the settled part of the period."""
        names = None if only is None else frozenset(only)

        async def answer() -> list[MeterStatement]:
            found: list[MeterStatement] = []
            first, until = quarters_of(period)
            days = range(first // QUARTERS_A_DAY, -(-until // QUARTERS_A_DAY))
            for key in (await self._estate()).keys(site):
                sheet, settled, known = await self._sheet(key, days, as_of)
                there = valid(key, known, first, max(0, min(until, settled or first) - first))
                chosen = [found for found in there.values() if names is None or found[0].id in names]
                found += statements(chosen, sheet, first)
            return found

        return await self._once(("statements", site, period, names), as_of, answer)

    async def closure(self, site: str, period: Period, as_of: datetime | None = None) -> list[Closure]:
        """How the meter tree closes over what is settled of ``period``. Raises StoreError."""
        found: list[Closure] = []
        for key in (await self._estate()).keys(site):
            view, ((low, high),), _ = await self._view(key, [period], as_of, 0)
            first = view.sheet.first
            found += await closures(self._store, key, view, range(first + low, first + high))
        return found

    async def configured(
        self, site: str, period: Period, as_of: datetime | None = None
    ) -> Mapping[str, SiteOptions]:
        """Each site with every meter and supply that it had in some part of ``period``, known ``as_of``."""
        estate, within = await self._estate(), quarters_of(period)
        found = {key: await self._eras(key, as_of) for key in estate.keys(site)}
        return {
            key: merged(estate.sites[key], known, *within)
            for key, known in found.items()
            if key in (site, *self.sites) or present(known, *within)
        }

    async def eras(self, site: str, period: Period) -> Mapping[str, Sequence[tuple[Period, SiteOptions]]]:
        """What each site consisted of in each part of ``period``, in time order."""
        estate = await self._estate()
        joins, found = await self._joins(estate, site), {}
        for key in estate.keys(site):
            there = [replace(era, first=max(era.first, joins[key])) for era in await self._eras(key)]
            cut = [(part_of(era, period), era.site) for era in present(there, *quarters_of(period))]
            found[key] = [(part, options) for part, options in cut if part.start < part.end]
        return {key: parts for key, parts in found.items() if parts}

    async def departed(self) -> Mapping[str, SiteOptions]:
        """The sites that have left the configuration, by key, without their devices."""
        return (await self._estate()).departed

    async def began(self, site: str) -> datetime | None:
        """The start of the interval of the first reading; None before it."""
        stands = [await self._stand(key) for key in (await self._estate()).keys(site)]
        return earliest(q for stand in stands if (q := first_read(stand)) is not None)

    async def settled_until(self, site: str, as_of: datetime | None = None) -> datetime | None:
        """Every interval before this had been settled ``as_of`` a time; of ``all``: at every site."""
        keys = (await self._estate()).keys(site)
        return earliest([settled_quarter(*await self._settled(key, as_of)) for key in keys])

    async def _once(
        self, question: Hashable, as_of: datetime | None, work: Callable[[], Awaitable[list[T]]]
    ) -> list[T]:
        """What ``work`` finds; a snapshot answers the same ``question`` as before without doing it again."""
        if self._look is None or as_of is not None:
            return await work()
        found: list[T] | None = self._look.answer(question)
        if found is None:
            found = await work()
            self._look.keep(question, found)
        return list(found)

    async def _kpi(
        self,
        which: tuple[str, Estate],
        parts: Sequence[Period],
        as_of: datetime | None,
        only: Collection[str] | None,
    ) -> list[KpiRow]:
        site, estate = which
        asked = {name: kpi for name, kpi in self._kpis.items() if only is None or name in {*only, _ALWAYS}}
        grids = any(kpi.needs_mix for kpi in asked.values())
        sums: list[list[Totals]] = []
        settled: dict[str, int | None] = {}
        known: dict[str, list[Era]] = {}
        joins = await self._joins(estate, site)
        for key in estate.keys(site):
            view, cuts, until = await self._view(key, parts, as_of, joins[key])
            summed = await self._with_mix(key, view, cuts, as_of) if grids else view.without_mix
            told = [metered(summed.totals(*cut), view, cut) for cut in cuts]
            ends = [view.sheet.first + high for _, high in cuts]
            found_of = list(zip(parts, ends, told, strict=True))
            of_site = await self._certified.add(key, found_of, as_of, self._look)
            known[key] = [replace(era, first=max(era.first, joins[key])) for era in view.eras]
            there = [bool(present(known[key], *quarters_of(part))) for part in parts]
            sums.append([found if here else Totals() for found, here in zip(of_site, there, strict=True)])
            if any(there):
                settled[key] = until
        silent = {key: known[key] for key, until in settled.items() if until is None}
        if len(silent) < len(settled):
            sums += [[unheard(silent, *of_sites) for of_sites in zip(parts, *sums, strict=True)]]
        until_when = earliest(settled_quarter(until, known[key]) for key, until in settled.items())
        totals = [reduce(add, of_sites) for of_sites in zip(*sums, strict=True)]
        whole = Period(parts[0].start, parts[-1].end)
        past = await self._hindsight.past((whole, known), settled, as_of, self._look)
        found = scopes(estate, parts, known, until_when, past)
        return [kpi_row(*row, asked) for row in zip(parts, totals, found, strict=True)]

    async def _mix(
        self, key: str, parts: Sequence[Period], as_of: datetime | None, since: int
    ) -> list[Mixed]:
        view, cuts, _ = await self._view(key, parts, as_of, since)
        first, until = quarters_of(Period(parts[0].start, parts[-1].end))
        joined_eras = (replace(era, first=max(era.first, since)) for era in view.eras)
        there = {supply.id for era in present(joined_eras, first, until) for supply in era.site.supply}
        there |= {name for name in view.match.green if name.startswith(f"{CERTIFICATES}:")}
        return [
            mixed(part, view.without_mix.totals(*cut), view.flows, cut, there)
            for part, cut in zip(parts, cuts, strict=True)
        ]

    async def _view(
        self, key: str, parts: Sequence[Period], as_of: datetime | None, since: int
    ) -> tuple[View, list[tuple[int, int]], int | None]:
        """A view that holds ``parts``, the settled range of each in it, and the quarter it is settled to.

        Of each part, the quarters from ``since`` on count.

        An hour more on both sides: a gap at the edge may lead out of the first or last hour. Of a site with a
        battery, from the beginning of the month: what it gives was charged before.
        """
        first, until = quarters_of(Period(parts[0].start, parts[-1].end))
        stand = await self._stand(key)
        begin = traced_from(stand.eras(await self._options(key)), first)
        days = range((begin - 4) // QUARTERS_A_DAY, -(-(until + 4) // QUARTERS_A_DAY))
        if as_of is None:
            view, settled = await self._view_of(stand, days), stand.settled
        else:
            sheet, settled, known = await self._sheet(key, days, as_of)
            view = View.of(known, sheet, *await self._claims.offered(key, sheet, as_of))
        cuts = []
        for part in parts:
            low, high = quarters_of(part)
            low = min(max(low, since), high)
            high = max(low, min(high, settled or 0))
            cuts.append((low - view.sheet.first, high - view.sheet.first))
        return view, cuts, settled

    async def _sheet(
        self, key: str, days: range, as_of: datetime | None
    ) -> tuple[Sheet, int | None, tuple[Era, ...]]:
        if as_of is not None:
            sheet, settled, recorded = await self._shelf.sheet_as_of(key, days, as_of)
            return sheet, settled, recorded.eras(await self._options(key))
        stand = await self._stand(key)
        if self._look is not None and self._look.holds(key, days):
            view = await self._view_of(stand, days)
            return view.sheet, stand.settled, view.eras
        return await self._shelf.sheet(stand, days), stand.settled, await self._eras(key)

    async def _joins(self, estate: Estate, site: str) -> dict[str, int]:
        """From which quarter on each site counts, of ``all`` with the others."""
        if site != ALL:
            return {site: 0}
        return joins({key: await self._stand(key) for key in estate.sites})

    async def _eras(self, key: str, as_of: datetime | None = None) -> tuple[Era, ...]:
        return (await self._settled(key, as_of))[1]

    async def _settled(self, key: str, as_of: datetime | None) -> tuple[int | None, tuple[Era, ...]]:
        """The quarter up to which a site was settled, and its eras, known ``as_of``."""
        if as_of is not None:
            settled, recorded = await self._shelf.recorded(key, as_of)
            return settled, recorded.eras(await self._options(key))
        stand = await self._stand(key)
        return stand.settled, stand.eras(await self._options(key))

    async def _options(self, key: str) -> SiteOptions:
        """The site as it is configured, or was last."""
        return self.sites[key] if key in self.sites else (await self._estate()).departed[key]

    async def _view_of(self, stand: Stand, days: range) -> View:
        """A view of ``days`` or more; of a snapshot, the one that it has seen, if it can be."""
        claimed = await self._certified.stamp(stand.site, self._look)
        if self._look is None:
            return await (await self._kept(stand.site)).view(stand, days, claimed)
        view = self._look.view(stand.site, days)
        if view is None:
            days = self._look.widened(days)
            view = await (await self._kept(stand.site)).view(stand, days, claimed)
            self._look.see(stand.site, days, view)
        return view

    async def _kept(self, key: str) -> Views:
        if key not in self._views:
            self._views[key] = Views(await self._options(key), self._shelf, self._claims)
        return self._views[key]

    async def _with_mix(
        self, key: str, view: View, cuts: Sequence[tuple[int, int]], as_of: datetime | None
    ) -> Columns:
        """What is summed, with the mix of the grid; it is read once for all questions about one view."""
        if all(low == high for low, high in cuts):
            return view.without_mix
        seen = None if self._look is None else self._look.mixed.get(key)
        if seen is not None and seen[0] is view:
            return seen[1]
        mix = await self._mixes.of((key, view.eras), (view.sheet.first, view.sheet.quarters), as_of)
        summed = view.columns(mix)
        if self._look is not None:
            self._look.mixed[key] = view, summed
        return summed

    async def _stand(self, key: str) -> Stand:
        """How the site stands now; of a snapshot, how it stood when that was first asked."""
        if self._look is None:
            return (await self._shelf.stands([key]))[key]
        await self._estate()
        return self._look.stands[key]

    async def _estate(self) -> Estate:
        """Every site that there ever was; of a snapshot, as it was first asked, with how each stands."""
        if self._look is None:
            return await self._shelf.estate(self.sites)
        if self._look.estate is None:
            self._look.estate, self._look.stands, self._look.stamps = await self._shelf.glance(self.sites)
        return self._look.estate
