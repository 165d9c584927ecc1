"""Settles what is due: readings become intervals, intervals become append-only rows."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from energy.carbon.feed import GridFeed
from energy.configuration.device import Device, devices
from energy.configuration.era import DeviceName, Era, Tenure, eras, tenures
from energy.configuration.estate import load_departed
from energy.configuration.roster import load_plans
from energy.configuration.site import SiteOptions
from energy.contracts.delivered import Registers, delivered
from energy.estimation.substitution import Substitution, estimate_anew, meters_of
from energy.interval import QUARTER_MS
from energy.proof.writing import Order, Writing
from energy.settlement.account import account, fields_in_use
from energy.settlement.doubt import doubts
from energy.settlement.due import Job, Mark, advance, by_site, clear, jobs, late, load_marks
from energy.settlement.readings import Span, gather
from energy.settlement.revisions import Entry, Written, write
from energy.sums.sheet import LedgerRegister, expect, load_registers, settled_until
from runtime.clock import from_ms, to_ms
from runtime.database import Database
from telemetry.store import Store

log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=2)
"""How long after its end an interval waits for readings that are on their way."""


@dataclass(frozen=True)
class Settlement:
    """What one run did: every interval of ``sites`` that ended by ``until`` is settled.

    ``written`` intervals were settled for the first time, ``corrected`` ones got a new revision.
    """

    at: datetime
    until: datetime
    written: int
    corrected: int
    sites: tuple[str, ...]


class Ledger:
    """The ledger's only writer.

    Args:
        caught_up: returns once ``store`` and the :class:`energy.settlement.marker.Marker` have taken all that
            the journal holds at the time of the call, so that nothing is settled beyond what the store knows.
        grace: how long an interval waits after its end.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        sites: Mapping[str, SiteOptions],
        caught_up: Callable[[], Awaitable[None]],
        grace: timedelta = GRACE,
    ) -> None:
        self._database, self._store, self._caught_up, self._grace = database, store, caught_up, grace
        self._sites = sites
        self._grid = GridFeed(database, store, sites)
        self._alone = asyncio.Lock()
        self._waiting: dict[str, tuple[int, frozenset[Mark]]] = {}

    async def settle(self, at: datetime) -> Settlement:
        """Settle every interval that ended at least the grace ago, and those that late readings opened.

        Running it again changes nothing. Raises StoreError when the store cannot be read.
        """
        async with self._alone:
            return await self._settle(at)

    async def resettle(self, what: tuple[str, str], span: Span, order: Order, at: datetime) -> Written:
        """Account a device (``what``: site and id) anew, as it is configured now, over ``span``.

        Only what is settled of that is; the rest will be. What it once measured and the store no longer keeps
        stays as it is. Raises ValueError for a site or device that never was, and where nothing of it is
        settled; StoreError when the store cannot be read.
        """
        site, device = what
        async with self._alone:
            await self._caught_up()
            async with self._database.read() as connection:
                sites = {**self._sites, **await load_departed(connection, self._sites)}
                if site not in sites:
                    raise ValueError(f"site: there is no {site!r}; choose from {', '.join(sites)}")
                watermark = await settled_until(connection, site)
                plans = (await load_plans(connection, [site]))[site]
            found = eras(sites[site], plans)
            known = tenures(site, found)
            chosen = {name: tenure for name, tenure in known.items() if name[1] == device}
            if not chosen:
                ids = ", ".join(sorted(name[1] for name in known))
                raise ValueError(f"meter: {site} never had a {device!r}; choose from {ids}")
            until = min(span.until, watermark or 0)
            if span.first >= until:
                raise ValueError(
                    "from: nothing of this time is settled yet; it will be from what has arrived"
                )
            marks = [Mark(site, name, Span(span.first, until), 0) for name in chosen]
            ends = {name: tenure.until for name, tenure in chosen.items()}
            work = jobs([tenure.device for tenure in chosen.values()], marks, until, until, ends)
            registers = await self._registers(site, devices(site, sites[site]))
            writing = Writing(site, at, watermark, watermark or until, order=order)
            return await self._write(work, registers, (found, known), writing)

    async def _settle(self, at: datetime) -> Settlement:
        due = to_ms(at - self._grace) // QUARTER_MS
        await self._caught_up()
        async with self._database.read() as connection:
            marks = by_site(await load_marks(connection))
            sites = {**self._sites, **await load_departed(connection, self._sites)}
            grid = await self._grid.marks(connection, due)
        # A mark may run ahead of the store; waiting again makes the readings behind each mark readable.
        await self._caught_up()
        await self._grid.settle(grid, at)
        written, touched = Written(), []
        for key, site in sites.items():
            done = await self._settle_site((key, site), (marks.get(key, []), due, at))
            if done is not None:
                written += done
                touched.append(key)
        result = Settlement(at, from_ms(due * QUARTER_MS), written.first, written.corrected, tuple(touched))
        log.info("ledger_settled", until=result.until.isoformat(), written=result.written,
                 corrected=result.corrected, sites=len(touched))  # fmt: skip
        return result

    async def _settle_site(
        self, which: tuple[str, SiteOptions], what: tuple[list[Mark], int, datetime]
    ) -> Written | None:
        (site, options), (marks, due, at) = which, what
        if self._waiting.get(site) == (due, frozenset(marks)):
            return None  # the same readings that waited for the same quarter to end when it was last settled
        async with self._database.read() as connection:
            watermark = await settled_until(connection, site)
            plans = (await load_plans(connection, [site]))[site]
        found = eras(options, plans)
        known = tenures(site, found)
        if watermark is None:  # a file may tell of years before: readings begin a site, and it waits for them
            marks = [m for m in marks if m.device not in known or not known[m.device].device.by_file]
        ends = {name: tenure.until for name, tenure in known.items()}
        work = jobs([tenure.device for tenure in known.values()], marks, watermark, due, ends)
        if not work:
            return None
        registers = await self._registers(site, devices(site, options))
        writing = Writing(site, at, watermark, due, late(marks, watermark))
        written = await self._write(work, registers, (found, known), writing)
        async with self._database.begin() as connection:
            await clear(connection, marks, due)
            if watermark is None or due > watermark:
                await writing.turn(connection)
                await advance(connection, site, due, writing.at)
        self._waiting[site] = due, frozenset(mark for mark in marks if mark.span.first >= due)
        return written

    async def _write(
        self,
        work: Sequence[Job],
        registers: Registers,
        which: tuple[Sequence[Era], Mapping[DeviceName, Tenure]],
        writing: Writing,
    ) -> Written:
        """Settle ``work``, then estimate what it left missing: not in one transaction, but always both.

        Only when both are written are the marks of the work cleared.
        """
        found, known = which
        written = Written()
        touched: dict[str, list[Span]] = defaultdict(list)
        for job in work:
            entries = await self._entries(job, registers, writing.due, known)
            for entry in entries:
                touched[entry.register.key[1]].append(entry.span)
            async with self._database.begin() as connection:
                written += await write(connection, entries, writing)
                for device in (d for d in job.devices if d.by_file):
                    tenure = known[device.measurement.name, device.id]
                    told, order = await delivered(connection, tenure, registers, job.span)
                    by = writing if order is None or writing.order else replace(writing, order=order)
                    written += await write(connection, told, by)
        estimated = [era for era in found if era.site.estimate != "none"]
        meters = meters_of(tenures(writing.site, estimated).values(), registers)
        substitution = Substitution(meters, found[-1].site.tz)
        async with self._database.begin() as connection:
            written += await estimate_anew(connection, substitution, touched, writing)
        return written

    async def _entries(
        self, job: Job, registers: Registers, due: int, known: Mapping[DeviceName, Tenure]
    ) -> list[Entry]:
        heard = [device for device in job.devices if not device.by_file]
        if not heard:
            return []
        own = {d.id: registers[d.measurement.name, d.id] for d in heard}
        fields = {d.id: fields_in_use(d, own[d.id]) for d in heard}
        gathered = await gather(self._store, heard, (job.span, due), fields)
        alive = [r for d in heard if gathered[d.id].readings.any() for r in own[d.id].values()]
        async with self._database.read() as connection:
            wide = await doubts(connection, alive, job.span)
        for device in (d for d in heard if d.id in wide):
            gathered |= await gather(self._store, [device], (job.span, due), fields, wide[device.id])
        entries = []
        for device in heard:
            read = gathered[device.id]
            for part in known[device.measurement.name, device.id].within(read.hull):
                found = account(device, own[device.id], read.readings, part)
                entries += [Entry(register, span, intervals) for register, span, intervals in found]
        return entries

    async def _registers(self, site: str, found: Sequence[Device]) -> Registers:
        """The registers of every configured device; required ones are made before they ever spoke."""
        async with self._database.read() as connection:
            known = await load_registers(connection, site)
        wanted = {(d.measurement.name, d.id, c.name) for d in found for c in d.channels if c.required}
        if not wanted <= {register.key for register in known}:
            async with self._database.begin() as connection:
                await expect(connection, found)
                known = await load_registers(connection, site)
        registers: dict[tuple[str, str], dict[str, LedgerRegister]] = defaultdict(dict)
        for register in known:
            measurement, meter, channel = register.key
            registers[measurement, meter][channel] = register
        return registers
