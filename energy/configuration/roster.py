"""The roster of every site in the database: what it had from which quarter on; nothing is deleted.

A site that leaves the configuration stays in the roster, with the quarter from which it was not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import EXPORT, devices
from energy.configuration.era import DeviceName, eras, tenures
from energy.configuration.noting import note_altered
from energy.configuration.plan import ABSENT, CONTRACT, TABLES, Plan, described, filled, planned
from energy.configuration.rejudged import rejudged
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.proof.turn import take_turn
from energy.settlement.due import add_marks
from energy.settlement.readings import Span
from energy.sums.sheet import load_registers, settled_until
from energy.tables import DIRTY, REGISTER, ROSTER, SITE
from runtime.clock import to_ms

log = structlog.get_logger(__name__)


async def load_plans(connection: AsyncConnection, sites: Sequence[str]) -> dict[str, tuple[Plan, ...]]:
    """The plans of each of ``sites``, in the order in which they were recorded, as they read."""
    wanted = select(ROSTER).where(ROSTER.c.site.in_(sites)).order_by(ROSTER.c.site, ROSTER.c.number)
    found: dict[str, list[Plan]] = {site: [] for site in sites}
    for row in await connection.execute(wanted):
        found[row.site].append(Plan(row.since, row.known_at, row.tables))
    return {site: filled(plans) for site, plans in found.items()}


async def record(connection: AsyncConnection, sites: Mapping[str, SiteOptions], at: datetime) -> None:
    """Note what has changed since the newest plan of each site; call it when registers are expected.

    The first plan is valid from the beginning, a later one from where its site is settled, or from the
    quarter of the last reading that waits to be settled: what was read before belongs to the devices that
    stood then. A site of the roster that is not among ``sites`` has left, by the same reckoning. What an
    entry says to be valid from earlier on is opened again from there, and has a cause: a locked month keeps
    what it was until it is restated.
    """
    listed = (await connection.execute(select(ROSTER.c.site).distinct())).scalars()
    plans = await load_plans(connection, [*sites, *(key for key in listed if key not in sites)])
    for key, before in sorted(plans.items()):  # turns are taken in the order of their names
        tables = described(sites[key]) if key in sites else ABSENT
        if before and before[-1].tables == tables:
            continue
        known_at = at
        if before:
            known_at = await take_turn(connection, key, at)
            before = await _completed(connection, key, before, known_at)
            if before[-1].tables == tables:
                continue
            rows = [(await _since(connection, key, before, tables, at), tables)]
            log.info("roster_changed", site=key, since_quarter=rows[0][0], there=tables != ABSENT)
        else:
            rows = await _from_the_beginning(connection, key, sites[key])
        await _add(connection, key, len(before), [Plan(since, known_at, told) for since, told in rows])
        if key in sites and before:
            new = Plan(rows[0][0], known_at, tables)
            await _reopen(connection, (key, sites[key]), before, new)
            await _reread(connection, (key, sites[key]), before[-1])


async def _add(connection: AsyncConnection, key: str, known: int, plans: Sequence[Plan]) -> None:
    """Append ``plans`` to the ``known`` ones of a site."""
    numbered = enumerate(plans, start=known + 1)
    rows = [{"site": key, "number": number, **vars(plan)} for number, plan in numbered]
    await connection.execute(insert(ROSTER), rows)


async def _completed(
    connection: AsyncConnection, key: str, before: Sequence[Plan], known_at: datetime
) -> tuple[Plan, ...]:
    """``before``, and again the last one in which the site was there, if it tells no contract.

    What was kept of the site beside its plans tells the one that held until now. A lock may have signed the
    old ones, so they stay as they are.
    """
    last = max(number for number, plan in enumerate(before) if not plan.absent)
    kept = await connection.scalar(select(SITE.c.told).where(SITE.c.site == key))
    if before[last].complete or kept is None:
        return tuple(before)
    contract = json.loads(kept).get(CONTRACT)
    again = [replace(plan.completed(contract), known_at=known_at) for plan in before[last:]]
    await _add(connection, key, len(before), again)
    return filled((*before, *again))


async def _reread(connection: AsyncConnection, which: tuple[str, SiteOptions], last: Plan) -> None:
    """Mark the settled quarters for which the register of a device is now read otherwise than by ``last``."""
    key, site = which
    settled = await settled_until(connection, key) or 0
    for (measurement, meter), span in rejudged(key, planned(site, last.tables), site):
        since = [r.since for r in await load_registers(connection, key) if r.key[:2] == (measurement, meter)]
        first = max(span.first, min((quarter for quarter in since if quarter is not None), default=settled))
        if first < min(span.until, settled):
            row = {"site": key, "measurement": measurement, "meter": meter, "readings": 0}
            await add_marks(connection, [{**row, "first": first, "until": min(span.until, settled)}])
            log.info("register_read_anew", site=key, device=meter, since_quarter=first)


async def _reopen(
    connection: AsyncConnection, which: tuple[str, SiteOptions], before: Sequence[Plan], new: Plan
) -> None:
    """Mark the settled quarters in which a device now was and by the plans ``before`` was not.

    All in which the site was something else have a cause, also where no register is to be read again.

    Nothing before the first reading of the site: there is nothing to settle.
    """
    key, site = which
    settled = await settled_until(connection, key)
    read = [r.since for r in await load_registers(connection, key) if r.since is not None]
    if settled is None or not read or not any(plan.dated for plan in (*before, new)):
        return
    told = eras(site, before), eras(site, (*before, new))
    await note_altered(connection, key, told, (min(read), settled), new.known_at)
    old = tenures(key, told[0])
    for name, tenure in tenures(key, told[1]).items():
        known = old[name].spans if name in old else ()
        for span in _beyond(tenure.within(Span(min(read), settled)), known):
            await _mark(connection, (key, name), span)
            log.info("device_dated_back", site=key, device=name[1], since_quarter=span.first)


def _beyond(spans: Sequence[Span], known: Sequence[Span]) -> list[Span]:
    """What of ``spans`` lies in none of the ``known`` ones."""
    left = list(spans)
    for one in known:
        cut = ((Span(s.first, min(s.until, one.first)), Span(max(s.first, one.until), s.until)) for s in left)
        left = [part for parts in cut for part in parts if part.first < part.until]
    return left


async def _mark(connection: AsyncConnection, which: tuple[str, DeviceName], span: Span) -> None:
    """Let the ledger settle ``span`` of a device (again), and expect its registers from there on."""
    site, (measurement, meter) = which
    row = {"site": site, "measurement": measurement, "meter": meter, "readings": 0}
    await add_marks(connection, [{**row, "first": span.first, "until": span.until}])
    own = (REGISTER.c.site == site, REGISTER.c.measurement == measurement, REGISTER.c.meter == meter)
    later = update(REGISTER).where(*own, REGISTER.c.expected_from > span.first)
    await connection.execute(later.values(expected_from=span.first))


async def _since(
    connection: AsyncConnection, key: str, before: Sequence[Plan], tables: str, at: datetime
) -> int:
    """The quarter from which ``tables`` are valid for a site that has plans already.

    One of which nothing was ever read was owed until it left, and one that comes back was not there in
    between: for both, what counts is when that is noted.
    """
    read = await _read_until(connection, key)
    unread = tables == ABSENT and not read
    noted = to_ms(max(at, before[0].known_at)) // QUARTER_MS if unread or before[-1].absent else 0
    return max(before[-1].since, read, noted)


async def _read_until(connection: AsyncConnection, site: str) -> int:
    """The quarter up to which ``site`` is settled, or in which its last reading stands; 0 if none."""
    marked = await connection.scalar(select(func.max(DIRTY.c.until)).where(DIRTY.c.site == site))
    return max(await settled_until(connection, site) or 0, int(marked or 1) - 1)


async def _from_the_beginning(
    connection: AsyncConnection, key: str, site: SiteOptions
) -> list[tuple[int, str]]:
    """The plans of a site that has none: as configured, each device from when its registers are expected.

    A ledger from before there was a roster knows of devices that were added, but not of removed ones.
    """
    began = {(d.measurement.name, d.id): 0 for d in devices(key, site)}
    for register in await load_registers(connection, key):
        measurement, meter, channel = register.key
        if (measurement, meter) in began and channel != EXPORT:
            began[measurement, meter] = max(began[measurement, meter], register.expected_from or 0)
    found = []
    for since in sorted({0, *began.values()}):
        there = {meter for (_, meter), first in began.items() if first <= since}
        tables = {table: tuple(d for d in getattr(site, table) if d.id in there) for table in TABLES}
        found.append((since, described(site.model_copy(update=tables))))
    return found
