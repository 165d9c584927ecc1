"""The figures of the twelve months before a moment: sums of kept blocks, judged as any row is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import add
from zoneinfo import ZoneInfo

import numpy as np

from energy.annual import ANNUAL, Trailing
from energy.configuration.era import Era, present
from energy.configuration.estate import Estate, load_departed
from energy.configuration.site import SiteOptions
from energy.figures import ALL, KpiRow
from energy.interval import Period
from energy.reading.certified import Certified
from energy.reading.hindsight import Hindsight
from energy.reading.presence import earliest, quarters_of, scopes, settled_quarter, unmetered
from energy.reading.rows import Scope, kpi_row, kpis
from energy.sums.summed import Summed
from energy.sums.totals import Totals, totals_of
from energy.trailing.block import Block, blocks, load_kept
from energy.trailing.standing import load_standing
from energy.trailing.window import days_of, days_since, first_reading, year_up_to
from energy.trailing.working import Source, worked_out
from runtime.database import Database
from telemetry.frame import Floats

MOST_ANEW = 70
"""Blocks that a page works out by itself: a month of days, in which late data came just now."""

_UNPROVEN = "unproven_wh"


@dataclass(frozen=True)
class Behind:
    """Where figures of a year come from; ``sites`` are the configured ones."""

    database: Database
    sites: Mapping[str, SiteOptions]
    hindsight: Hindsight
    certified: Certified
    source: Source


@dataclass(frozen=True)
class _Known:
    """One site: its eras, how far it is settled, and from which quarter on there is data."""

    site: SiteOptions
    eras: tuple[Era, ...]
    settled: int | None
    began: int | None


async def trailing(
    behind: Behind, site: str, ends: Sequence[datetime], as_of: datetime | None = None, whole: bool = False
) -> list[Trailing]:
    """The year before each of ``ends``, which are in order. Raises ValueError for a site that never was.

    Of a year that has too few days nothing is read. With ``whole`` all that is not kept is worked out first,
    so that the answer does not depend on what is.
    """
    async with behind.database.read() as connection:
        estate = Estate(behind.sites, await load_departed(connection, behind.sites))
    known = {key: await _known(behind, estate, key, as_of) for key in estate.keys(site)}
    settled = earliest(settled_quarter(one.settled, one.eras) for one in known.values())
    if settled is None:
        nothing = dict.fromkeys(ANNUAL, "nothing is settled yet")
        return [Trailing(withheld=nothing) for _ in ends]
    windows = [year_up_to(min(end, settled), estate.tz(site)) for end in ends]
    days = [_days(site, estate.tz(site), known, window) for window in windows]
    enough = [window for window, (_, too_few) in zip(windows, days, strict=True) if too_few is None]
    rows = iter(await _Years(behind, estate, known, as_of, whole).rows(enough) if enough else ())
    of = [days_of(window, estate.tz(site)) for window in windows]
    return [
        _told(window, (n, of_days), too_few or next(rows))
        for window, (n, too_few), of_days in zip(windows, days, of, strict=True)
    ]


async def _known(behind: Behind, estate: Estate, key: str, as_of: datetime | None) -> _Known:
    sheet, settled, eras = await behind.source.known(key, as_of)
    return _Known(estate.sites[key], eras, settled, first_reading(eras, sheet.registers))


def _days(site: str, tz: ZoneInfo, known: Mapping[str, _Known], window: Period) -> tuple[int, str | None]:
    """How many days of ``window`` there is data of, and why that is too few; None if it is not.

    Of several sites each that is there at the end must have been there all the time.
    """
    last = quarters_of(window)[1] - 1
    found = {
        one.site.name: days_since(one.began, window, tz)
        for one in known.values()
        if present(one.eras, last, last + 1)
    }
    of, days = days_of(window, tz), min(found.values(), default=0)
    if days >= of:
        return days, None
    fewest = " and ".join(name for name, own in found.items() if own == days)
    where = f"at the boundary of {fewest}" if site == ALL and fewest else "at the site's boundary"
    return days, f"{days} of {of} days of settled data {where}"


@dataclass(frozen=True)
class _Added:
    """The blocks of one site: rows of ``sums`` by ``names``, likewise ``highest``; others are ``to_come``."""

    starts: list[int]
    sums: tuple[list[str], Floats]
    highest: tuple[list[str], Floats]
    to_come: Sequence[Block]

    @classmethod
    def of(cls, found: Sequence[tuple[Block, Summed]], to_come: Sequence[Block]) -> _Added:
        """``found`` in order."""
        starts = [block.first for block, _ in found]
        sums = _table([summed.sums for _, summed in found])
        return cls(starts, sums, _table([summed.highest for _, summed in found]), to_come)

    def summed(self, first: int, until: int) -> Summed:
        """What the blocks from ``first`` up to ``until`` add up to."""
        own = slice(bisect_left(self.starts, first), bisect_left(self.starts, until))
        (names, sums), (peaks, highest) = self.sums, self.highest
        return Summed(
            dict(zip(names, sums[own].sum(axis=0).tolist(), strict=True)),
            dict(zip(peaks, highest[own].max(axis=0, initial=0.0).tolist(), strict=True)),
        )

    def lacks(self, first: int, until: int) -> int:
        """How many of those blocks are still to come."""
        return sum(first <= block.first < until for block in self.to_come)


def _table(rows: Sequence[Mapping[str, float]]) -> tuple[list[str], Floats]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    place = {name: number for number, name in enumerate(names)}
    table = np.zeros((len(rows), len(names)))
    for number, row in enumerate(rows):
        table[number, [place[name] for name in row]] = list(row.values())
    return names, table


@dataclass(frozen=True)
class _Years:
    """Rows of some windows of the sites that are ``known``."""

    behind: Behind
    estate: Estate
    known: Mapping[str, _Known]
    as_of: datetime | None
    whole: bool

    async def rows(self, windows: Sequence[Period]) -> list[KpiRow | str]:
        """The figures of each of ``windows``, which are in order, or why they may not be told yet."""
        hull = Period(windows[0].start, windows[-1].end)
        sums, lacking = [], [0] * len(windows)
        for key, one in self.known.items():
            added = await self._added(key, one, quarters_of(hull))
            lacking = [n + added.lacks(*quarters_of(w)) for n, w in zip(lacking, windows, strict=True)]
            sums.append(await self._totals(key, one, added, windows))
        totals = [reduce(add, of_sites) for of_sites in zip(*sums, strict=True)]
        using = {name: kpi for name, kpi in kpis().items() if name in {*ANNUAL, "completeness", _UNPROVEN}}
        of = zip(windows, totals, await self._scopes(hull, windows), lacking, strict=True)
        return [_coming(n) if n else kpi_row(window, own, scope, using) for window, own, scope, n in of]

    async def _totals(self, key: str, one: _Known, added: _Added, windows: Sequence[Period]) -> list[Totals]:
        found = []
        for window in windows:
            first, until = quarters_of(window)
            own = totals_of(added.summed(first, until), one.site.name)
            found.append((window, until, unmetered(own, one.eras, first, until)))
        certified = await self.behind.certified.add(key, found, self.as_of)
        there = [bool(present(one.eras, *quarters_of(window))) for window in windows]
        return [own if here else Totals() for own, here in zip(certified, there, strict=True)]

    async def _added(self, key: str, one: _Known, span: tuple[int, int]) -> _Added:
        """The blocks of ``span`` in which there was something: kept ones, and those that few lack."""
        wanted = [
            block
            for block in blocks(*span, one.site.tz)
            if one.began is not None and one.began < block.until and block.until <= (one.settled or 0)
        ]
        if self.as_of is None:
            async with self.behind.database.read() as connection:
                standing = await load_standing(connection, key, one.eras, span)
                kept = await load_kept(connection, key, *span)
            anew = standing.stale(wanted, kept)
            # A stale block may be of another version of the program, whose columns need not be those of this.
            stale = {block.first for block in anew}
            found = {first: known.summed for first, known in kept.items() if first not in stale}
        else:
            anew, found = wanted, {}
        if self.whole or self.as_of is not None or len(anew) <= MOST_ANEW:
            async for month in worked_out(self.behind.source, key, anew, self.as_of):
                found |= {block.first: summed for block, summed in month}
            anew = []
        there = [(block, found[block.first]) for block in wanted if block.first in found]
        return _Added.of(there, anew)

    async def _scopes(self, hull: Period, windows: Sequence[Period]) -> list[Scope]:
        eras = {key: one.eras for key, one in self.known.items()}
        settled = {
            key: one.settled for key, one in self.known.items() if present(one.eras, *quarters_of(hull))
        }
        past = await self.behind.hindsight.past((hull, eras), settled, self.as_of, None)
        until = earliest(settled_quarter(quarter, eras[key]) for key, quarter in settled.items())
        return scopes(self.estate, windows, eras, until, past)


def _coming(parts: int) -> str:
    return f"{parts} parts of days are still to be added up, or added up again; that takes some minutes"


def _told(window: Period, days: tuple[int, int], found: KpiRow | str) -> Trailing:
    """The year with its ``days`` of how many, and what was ``found`` or why nothing is told of it."""
    told = Trailing(window.start, window.end, *days)
    if isinstance(found, str):
        return replace(told, withheld=dict.fromkeys(ANNUAL, found))
    return replace(
        told,
        figures={name: found.value(name) for name in ANNUAL},
        withheld={name: found.withheld[name] for name in ANNUAL if name in found.withheld},
        completeness=found.completeness,
        estimated=found.estimated,
        state=found.state,
        revision=found.revision,
        pue_category=found.pue_category,
        uncertainty=found.uncertainty,
        basis={name: found.basis[name] for name in ANNUAL if name in found.basis},
        marks={name: mark for name, mark in found.marks.items() if name in ANNUAL},
        unproven_wh=found.value(_UNPROVEN),
    )
