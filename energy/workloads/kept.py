"""Spans of jobs as the database has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, and_, bindparam, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.tables import insert_into
from energy.workloads.spans import Owner, Span
from energy.workloads.tables import OWNER, SPAN
from runtime.clock import from_ms, to_ms

_ROWS = 400
"""Rows of one statement at most."""

Range = tuple[int, int | None]
"""Of spans: those that began at ``first <= t <= last``, in ms; None: and all later ones."""

_Spans = Mapping[int, Sequence[Span]]
"""By the number of the job, in time order."""


async def load_running(connection: AsyncConnection, starts: Mapping[int, int]) -> Mapping[int, Span]:
    """The last span of each job, by number, that began before a moment."""
    if not starts:
        return {}
    earlier = SPAN.alias()
    last = [
        and_(
            SPAN.c.job == job,
            SPAN.c.since
            == select(func.max(earlier.c.since))
            .where(earlier.c.job == job, earlier.c.since < from_ms(start))
            .scalar_subquery(),
        )
        for job, start in sorted(starts.items())
    ]
    found = await _load(connection, _query().where(or_(*last)))
    return {job: spans[-1] for job, spans in found.items()}


async def load_spans(connection: AsyncConnection, ranges: Mapping[int, Range]) -> _Spans:
    """The spans of each job, by number, that began in its range."""
    within = []
    for job, (first, last) in sorted(ranges.items()):
        upto = [] if last is None else [SPAN.c.since <= from_ms(last)]
        within.append(and_(SPAN.c.job == job, SPAN.c.since >= from_ms(first), *upto))
    return await _load(connection, _query().where(or_(*within))) if within else {}


def _query() -> Select[Any]:
    columns = (SPAN.c.job, SPAN.c.since, SPAN.c.until, SPAN.c.members, SPAN.c.share)
    known = SPAN.join(OWNER, OWNER.c.id == SPAN.c.owner)
    return select(*columns, OWNER.c.tenant, OWNER.c.project).select_from(known)


async def _load(connection: AsyncConnection, query: Select[Any]) -> _Spans:
    found: dict[int, list[Span]] = defaultdict(list)
    for row in await connection.execute(query.order_by(SPAN.c.job, SPAN.c.since)):
        until = None if row.until is None else to_ms(row.until)
        members = tuple(msgspec.json.decode(row.members))
        owner = Owner(row.tenant, row.project)
        found[row.job].append(Span(to_ms(row.since), until, owner, members, row.share))
    return found


async def remove(connection: AsyncConnection, gone: Sequence[tuple[int, Span]]) -> None:
    """Forget spans of jobs, by number."""
    if gone:
        one = delete(SPAN).where(SPAN.c.job == bindparam("of"), SPAN.c.since == bindparam("began"))
        rows = [{"of": job, "began": from_ms(span.since_ms)} for job, span in gone]
        await connection.execute(one, rows)


async def add(connection: AsyncConnection, site: str, new: Sequence[tuple[int, Span]]) -> None:
    """Keep spans of jobs of ``site``, by number."""
    owners = await _owners(connection, {span.owner for _, span in new})
    rows = [
        {
            "job": job,
            "site": site,
            "owner": owners[span.owner],
            "since": from_ms(span.since_ms),
            "until": None if span.until_ms is None else from_ms(span.until_ms),
            "share": span.share,
            "members": msgspec.json.encode(span.members).decode(),
        }
        for job, span in new
    ]
    for first in range(0, len(rows), _ROWS):
        await connection.execute(insert(SPAN), rows[first : first + _ROWS])


async def _owners(connection: AsyncConnection, owners: Iterable[Owner]) -> Mapping[Owner, int]:
    """The numbers of ``owners``, who get one when they have none."""
    rows = [owner._asdict() for owner in sorted(owners)]
    if not rows:
        return {}
    await connection.execute(insert_into(connection, OWNER).on_conflict_do_nothing(), rows)
    query = select(OWNER).where(OWNER.c.tenant.in_(sorted({row["tenant"] for row in rows})))
    return {Owner(row.tenant, row.project): row.id for row in await connection.execute(query)}
