"""What the accountant knows of the jobs of a site, and how far it has come; as the database has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.proof.tables import CAUSE
from energy.tables import insert_into
from energy.workloads.claims import Seats, Use
from energy.workloads.seats import Counters, load_counters, load_seats
from energy.workloads.spans import LONGEST_SILENCE
from energy.workloads.tables import JOB, REACHED, SPAN
from runtime.clock import from_ms, to_ms
from telemetry.job import is_gpu, is_node

MOST_CHANGES, MOST_NAMED = 900, 200_000
"""Spans of a job in a quarter-hour that are followed, and the nodes and GPUs that these may name together."""


class Payer(NamedTuple):
    """An account: the number of a job, and of its tenant and project."""

    job: int
    owner: int


@dataclass(frozen=True)
class Jobs:
    """Who ran on what in some period; ``who`` of each use is a place in ``payers``."""

    payers: Sequence[Payer]
    uses: Sequence[Use]
    seats: Seats
    counters: Counters
    crowded: frozenset[int] = frozenset()
    """Places of the payers whose job changed too often for all of it to be followed."""

    def quarter(self, quarter: int) -> Jobs:
        """Those of one quarter (a number since 1970), as if nothing else had been asked for."""
        start, end = quarter * QUARTER_MS, (quarter + 1) * QUARTER_MS
        here = [use for use in self.uses if use.start_ms < end and use.end_ms > start]
        here, lost = self._followed(here)
        who = {number: place for place, number in enumerate(sorted({use.who for use in here}))}
        uses = [
            replace(use, who=who[use.who], start_ms=max(use.start_ms, start), end_ms=min(use.end_ms, end))
            for use in here
        ]
        payers = [self.payers[number] for number in who]
        crowded = frozenset(place for place, payer in enumerate(payers) if payer.job in lost)
        return Jobs(payers, uses, self.seats, self.counters, crowded)

    def _followed(self, uses: Sequence[Use]) -> tuple[list[Use], set[int]]:
        """Those of one quarter that can be followed, and the jobs of which later ones are left out."""
        changes: dict[int, int] = defaultdict(int)
        named: dict[int, int] = defaultdict(int)
        kept, lost = [], set()
        for use in sorted(uses, key=lambda one: one.start_ms):
            job = self.payers[use.who].job
            changes[job] += 1
            named[job] += len(use.members)
            if changes[job] > MOST_CHANGES or (changes[job] > 1 and named[job] > MOST_NAMED):
                lost.add(job)
            else:
                kept.append(use)
        return sorted(kept, key=lambda one: (one.who, one.start_ms)), lost


@dataclass(frozen=True)
class Reached:
    """Quarters ``since <= q < until`` are accounted for, and causes up to ``cause`` have been looked at."""

    since: int
    until: int
    cause: int


async def sites_with_jobs(connection: AsyncConnection) -> Mapping[str, int]:
    """Every site that ever had a job, with the quarter in which the first one began."""
    first = select(JOB.c.site, func.min(JOB.c.since).label("since")).where(JOB.c.since.is_not(None))
    rows = await connection.execute(first.group_by(JOB.c.site).order_by(JOB.c.site))
    return {row.site: to_ms(row.since) // QUARTER_MS for row in rows}


async def load_reached(connection: AsyncConnection, site: str, since: int) -> Reached:
    """How far the site's accounts are; ``since`` is where they begin."""
    row = (await connection.execute(select(REACHED).where(REACHED.c.site == site))).first()
    if row is None:
        newest = await connection.scalar(select(func.max(CAUSE.c.id)))
        return Reached(since, since, int(newest or 0))
    return Reached(since, row.until, row.cause)


async def save_reached(connection: AsyncConnection, site: str, reached: Reached) -> None:
    """Remember how far the site is."""
    values = {"since": reached.since, "until": reached.until, "cause": reached.cause}
    row = insert_into(connection, REACHED).values(site=site, **values)
    await connection.execute(row.on_conflict_do_update(index_elements=["site"], set_=values))


async def load_jobs(connection: AsyncConnection, site: str, start: datetime, end: datetime) -> Jobs:
    """Everybody who ran on anything between ``start`` and ``end``."""
    query = select(SPAN, JOB.c.heard).join(JOB, JOB.c.id == SPAN.c.job)
    spans: list[Row[Any]] = []
    # Asked for apart: for both at once SQLite goes through all that the site ever ran.
    for ended in (SPAN.c.until.is_(None), SPAN.c.until > start):
        mine = query.where(SPAN.c.site == site, ended, SPAN.c.since < end)
        spans += (await connection.execute(mine)).all()
    spans.sort(key=lambda row: (row.job, row.since))
    found = []
    for row in spans:
        first = max(to_ms(row.since), to_ms(start))
        last = min(to_ms(row.until or row.heard + LONGEST_SILENCE), to_ms(end))
        if first < last:
            members = tuple(msgspec.json.decode(row.members))
            found.append((Payer(row.job, row.owner), first, last, members, row.share))
    payers = sorted({payer for payer, *_ in found})
    number = {payer: place for place, payer in enumerate(payers)}
    uses = [Use(number[payer], *what) for payer, *what in found]
    uuids = {one for use in uses for one in use.members if not is_node(one) and not is_gpu(one)}
    span = to_ms(start), to_ms(end)
    seats = await load_seats(connection, site, uuids, span)
    return Jobs(payers, uses, seats, await load_counters(connection, site, uuids, span))


def moment(quarter: int) -> datetime:
    """When ``quarter`` begins."""
    return from_ms(quarter * QUARTER_MS)
