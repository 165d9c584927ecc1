"""Accounts for every settled interval of the sites that have jobs, and again for those that changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from energy.figures import Figures, KpiRow
from energy.interval import QUARTER_MS, Period, Step
from energy.workloads.keeping import Found, digest, incomplete_recent, is_new, newest, save
from energy.workloads.minutes import Told, gpu_minutes
from energy.workloads.opened import close_again, load_opened, locked
from energy.workloads.reckoning import reckoned
from energy.workloads.share import SiteInterval
from energy.workloads.state import (
    Jobs,
    Reached,
    load_jobs,
    load_reached,
    moment,
    save_reached,
    sites_with_jobs,
)
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.store import Readings

log = structlog.get_logger(__name__)

CHUNK = 96
"""Intervals that are read at once on a small site."""

MOST_MINUTES = 2_000_000
"""Minutes of GPUs that are read at once: a large site goes interval by interval."""

_KG = 1000.0


@dataclass(frozen=True)
class _Site:
    key: str
    reached: Reached


class Accountant:
    """The only writer of accounts. What it is asked again changes nothing."""

    def __init__(self, database: Database, store: Readings, figures: Figures) -> None:
        self._database, self._store, self._figures = database, store, figures
        self._alone = asyncio.Lock()
        self._gpus: dict[str, int] = {}

    async def account(self, at: datetime) -> int:
        """Account for all that is settled and not yet accounted for; how many intervals were written.

        Raises StoreError when the store cannot be read.
        """
        async with self._alone:
            async with self._database.read() as connection:
                sites = await sites_with_jobs(connection)
            written = 0
            for key, since in sites.items():
                written += await self._site(key, since, at)
            return written

    async def _site(self, key: str, since: int, at: datetime) -> int:
        settled = await self._figures.settled_until(key)
        if settled is None:
            return 0
        async with self._database.read() as connection:
            reached = await load_reached(connection, key, since)
            inside = (reached.since, reached.until)
            opened = await load_opened(connection, key, inside, reached.cause)
            incomplete = await incomplete_recent(connection, key, at) if at.minute < 15 else []
        due = to_ms(settled) // QUARTER_MS
        site = _Site(key, reached)
        late = [(q, q + 1) for q in incomplete if not locked(q, opened.frozen)]
        surely = _numbers([*opened.surely, *late], inside)
        doubted = _numbers(opened.doubted, inside) - surely
        written = 0
        for first, until in _runs(surely, self._chunk(key)):
            written += await self._write(site, (first, until), at, None)
        for first, until in _runs(doubted, CHUNK):
            written += await self._write_changed(site, (first, until), at)
        while reached.until < due:
            upto = min(due, reached.until + self._chunk(key))
            ahead = replace(reached, until=upto)
            written += await self._write(site, (reached.until, upto), at, ahead)
            reached = ahead
        async with self._database.begin() as connection:
            await save_reached(connection, key, replace(reached, cause=opened.cause))
            await close_again(connection, opened)
        if written:
            log.info(
                "workloads_accounted", site=key, until=moment(reached.until).isoformat(), written=written
            )
        return written

    def _chunk(self, key: str) -> int:
        per_interval = 15 * self._gpus.get(key, 0)
        return max(1, min(CHUNK, MOST_MINUTES // per_interval)) if per_interval else 1

    async def _write_changed(self, site: _Site, span: tuple[int, int], at: datetime) -> int:
        """Account for those intervals of ``span`` again of which the figures are not what they were."""
        figures = await self._site_figures(site.key, span)
        async with self._database.read() as connection:
            known = await newest(connection, site.key, span)
        changed = {q for q, row in figures.items() if q not in known or known[q].figures != digest([row])}
        written = 0
        for run in _runs(changed, self._chunk(site.key)):
            written += await self._write(site, run, at, None)
        return written

    async def _write(self, site: _Site, span: tuple[int, int], at: datetime, ahead: Reached | None) -> int:
        """Account for the intervals ``first <= q < until``, and remember with them how far that is."""
        first, until = span
        period = Period(moment(first), moment(until))
        figures = await self._site_figures(site.key, span)
        async with self._database.read() as connection:
            jobs = await load_jobs(connection, site.key, period.start, period.end)
        told = await gpu_minutes(self._store, site.key, period)
        self._gpus[site.key] = len(told.places)
        found = await asyncio.to_thread(_reckon, figures, told, jobs)
        async with self._database.begin() as connection:
            known = await newest(connection, site.key, span)
            fresh = [one for one in found if is_new(one, known.get(one[0].quarter))]
            await save(connection, site.key, fresh, (known, at))
            if ahead is not None:
                await save_reached(connection, site.key, ahead)
        return len(fresh)

    async def _site_figures(self, key: str, span: tuple[int, int]) -> Mapping[int, SiteInterval]:
        period = Period(moment(span[0]), moment(span[1]))
        rows = await self._figures.kpi(key, period, Step.QUARTER)
        return {to_ms(row.start) // QUARTER_MS: _figures(row) for row in rows}


def _reckon(figures: Mapping[int, SiteInterval], told: Told, jobs: Jobs) -> list[Found]:
    """Each interval by itself, so that it comes to the same whatever is read together with it."""
    return [
        (reckoned(quarter, site, told.quarter(quarter), jobs.quarter(quarter)), site)
        for quarter, site in sorted(figures.items())
    ]


def _figures(row: KpiRow) -> SiteInterval:
    """What the site itself tells: what it withholds is not known of its jobs either."""
    load = row.value("load_wh")
    location, market = row.value("co2_location_kg"), row.value("co2_market_kg")
    return SiteInterval(
        load_wh=_whole(load if load is None or load >= 0 else None),
        eit_wh=_whole(row.eit_wh),
        green_wh=_whole(row.green_wh),
        unknown_wh=_whole(row.unknown_wh),
        co2_location_g=_whole(None if location is None else location * _KG),
        co2_market_g=_whole(None if market is None else market * _KG),
        sure=row.edc_wh is None or "edc_wh" in row.covered,
    )


def _whole(amount: float | None) -> int | None:
    return None if amount is None else round(amount)


def _numbers(ranges: Iterable[tuple[int, int]], inside: tuple[int, int]) -> set[int]:
    found: set[int] = set()
    for first, until in ranges:
        found.update(range(max(first, inside[0]), min(until, inside[1])))
    return found


def _runs(numbers: Iterable[int], longest: int) -> Iterable[tuple[int, int]]:
    """``numbers`` as ranges of neighbours, none longer than ``longest``."""
    run: list[int] = []
    for number in sorted(numbers):
        if run and (number != run[-1] + 1 or len(run) >= longest):
            yield run[0], run[-1] + 1
            run = []
        run.append(number)
    if run:
        yield run[0], run[-1] + 1
