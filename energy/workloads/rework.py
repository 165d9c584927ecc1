"""Works out what new events change of who ran on what: the spans that they touch, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.workloads.heard import Heard, Retold, load_before, load_page, retell, save_marks
from energy.workloads.kept import add, load_running, load_spans, remove
from energy.workloads.opened import EVER_MS, Stretch, open_again
from energy.workloads.spans import Span, Standing, runs, spans, standing
from energy.workloads.tables import JOB, SPAN
from runtime.clock import EPOCH, from_ms
from telemetry.job import JobEvent

PAGE = 64
"""Events of a job that are read at once: as far as one change goes, and little more."""

_MANY = 100
"""Events that are heard beside the event loop; fewer are heard sooner than that is begun."""


@dataclass
class _Job:
    """A job at work: ``fresh`` moments that are not heard yet, and from which on to hear (None: none).

    ``old`` and ``new`` are the spans that were written, by beginning, as they were and as they are.
    """

    number: int
    fresh: list[int]
    start: int | None
    last: Standing | None = None
    old: dict[int, Span] = field(default_factory=dict)
    new: dict[int, Span] = field(default_factory=dict)


async def rework(
    connection: AsyncConnection, site: str, fresh: Mapping[str, Sequence[JobEvent]], at: datetime
) -> None:
    """Work out what ``fresh`` events, which are kept, change of jobs of ``site``; by name as it is kept.

    They are heard from their moment on until the job stands again where it stood, so that the cost is that of
    what changed. That is opened, to be accounted for again.
    """
    jobs = {}
    for name, number in (await _numbers(connection, site, fresh)).items():
        moments = sorted({event.at_ms for event in fresh[name]})
        jobs[name] = _Job(number, moments, moments[0])
    while due := {name: job for name, job in jobs.items() if job.start is not None}:
        await _round(connection, site, due)
    await _write_jobs(connection, jobs, fresh)
    changed = [one for job in jobs.values() for one in differences(job.old.values(), job.new.values())]
    await open_again(connection, site, changed, at)


async def _numbers(connection: AsyncConnection, site: str, names: Iterable[str]) -> dict[str, int]:
    """The numbers of jobs by name; those that have none get one."""
    wanted = sorted(names)
    query = select(JOB.c.job, JOB.c.id).where(JOB.c.site == site, JOB.c.job.in_(wanted))
    numbers: dict[str, int] = {row.job: row.id for row in await connection.execute(query)}
    blank = {"site": site, "tenant": "", "project": "", "name": "", "heard": EPOCH, "flags": 0}
    new = [{**blank, "job": name} for name in wanted if name not in numbers]
    if new:
        made = await connection.execute(insert(JOB).values(new).returning(JOB.c.job, JOB.c.id))
        numbers |= {row.job: row.id for row in made}
    return numbers


async def _round(connection: AsyncConnection, site: str, jobs: Mapping[str, _Job]) -> None:
    """Hear some events of each of ``jobs``, and write what they change."""
    starts = {name: job.start or 0 for name, job in jobs.items()}
    known = await load_before(connection, site, starts)
    starts |= {name: 0 for name, (_, mark) in known.items() if mark is None}  # of an earlier version
    marks = {name: (heard, mark) for name, (heard, mark) in known.items() if mark is not None}
    ran = {jobs[name].number: starts[name] for name, (_, mark) in marks.items() if runs(mark)}
    running = await load_running(connection, ran)
    before = {}
    for name, (heard, mark) in marks.items():
        here = running.get(jobs[name].number)
        before[name] = standing(mark, heard, None if here is None else here.members)
    pages = await load_page(connection, site, starts, PAGE)
    todo = {name: (before.get(name, Standing()), pages.get(name, ())) for name in jobs}
    if sum(map(len, pages.values())) > _MANY:
        retold = await asyncio.to_thread(_retell, todo)
    else:
        retold = _retell(todo)
    await save_marks(connection, [mark for one in retold.values() for mark in one.marks])
    found = []
    for name, job in jobs.items():
        whole = len(pages.get(name, ())) < PAGE and not retold[name].settled
        at_ms = retold[name].turns[-1].at_ms if retold[name].turns else starts[name]
        found.append(
            _Found(job, running.get(job.number), starts[name], None if whole else at_ms, retold[name])
        )
    await _write_spans(connection, site, found)
    for name, one in zip(jobs, found, strict=True):
        _go_on(one, before.get(name, Standing()))


def _retell(todo: Mapping[str, tuple[Standing, Sequence[Heard]]]) -> dict[str, Retold]:
    return {name: retell(*what) for name, what in todo.items()}


@dataclass(frozen=True)
class _Found:
    """What a job comes to from ``start`` up to ``last`` (None: to its end); ``running`` reaches into it."""

    job: _Job
    running: Span | None
    start: int
    last: int | None
    retold: Retold

    @property
    def first(self) -> int:
        return self.start if self.running is None else self.running.since_ms


def _go_on(found: _Found, before: Standing) -> None:
    job = found.job
    if found.last is None:
        job.last = found.retold.turns[-1].now if found.retold.turns else before
        job.start = None
        return
    job.fresh = [at_ms for at_ms in job.fresh if at_ms > (found.last or 0)]
    if found.retold.settled:
        job.start = job.fresh[0] if job.fresh else None
    else:
        job.start = found.last + 1


async def _write_spans(connection: AsyncConnection, site: str, found: Sequence[_Found]) -> None:
    kept = await load_spans(connection, {one.job.number: (one.first, one.last) for one in found})
    gone: list[tuple[int, Span]] = []
    new: list[tuple[int, Span]] = []
    for one in found:
        job, rows = one.job, kept.get(one.job.number, ())
        now = list(spans(one.running, one.retold.turns))
        if one.last is not None and now and now[-1].until_ms is None and rows:
            until = rows[-1].until_ms  # what follows stays as it is
            now[-1] = replace(now[-1], until_ms=until if until is None or until > one.last else None)
        before, after = ({span.since_ms: span for span in each} for each in (rows, now))
        seen = job.old.keys() | job.new.keys()
        job.old |= {since: span for since, span in before.items() if since not in seen}
        job.new = {since: span for since, span in job.new.items() if since not in before} | after
        gone += [(job.number, span) for since, span in before.items() if after.get(since) != span]
        new += [(job.number, span) for since, span in after.items() if before.get(since) != span]
    await remove(connection, gone)
    await add(connection, site, new)


async def _write_jobs(
    connection: AsyncConnection, jobs: Mapping[str, _Job], fresh: Mapping[str, Sequence[JobEvent]]
) -> None:
    """What is known of each job by now."""
    mine = select(SPAN).where(SPAN.c.job == JOB.c.id)
    first = mine.with_only_columns(SPAN.c.since).order_by(SPAN.c.since).limit(1).scalar_subquery()
    last = mine.with_only_columns(SPAN.c.until).order_by(SPAN.c.since.desc()).limit(1).scalar_subquery()
    numbers = [job.number for job in jobs.values()]
    await connection.execute(update(JOB).where(JOB.c.id.in_(numbers)).values(since=first, until=last))
    ends = []
    for name, job in jobs.items():
        if job.last is not None:
            heard = from_ms(max(event.at_ms for event in fresh[name]))
            ends.append(_end(job.number, job.last, max(heard, from_ms(job.last.heard_ms))))
    if ends:
        await connection.execute(update(JOB).where(JOB.c.id == bindparam("number")), ends)


def _end(number: int, last: Standing, heard: datetime) -> dict[str, Any]:
    return {
        "number": number,
        **last.owner._asdict(),
        "name": last.name,
        "heard": heard,
        "flags": int(last.flags),
    }


def differences(old: Iterable[Span], new: Iterable[Span]) -> Iterator[Stretch]:
    """When, in ms, ``old`` and ``new`` (each without overlaps) do not say the same; in time order."""
    sides = [sorted(side, key=lambda span: span.since_ms) for side in (old, new)]
    edges = {edge for side in sides for span in side for edge in (span.since_ms, _end_of(span))}
    places = [0, 0]
    for first, until in pairwise(sorted(edges)):
        said: list[object] = []
        for number, side in enumerate(sides):
            while places[number] < len(side) and _end_of(side[places[number]]) <= first:
                places[number] += 1
            here = side[places[number]] if places[number] < len(side) else None
            inside = here is not None and here.since_ms <= first
            said.append((here.owner, here.members, here.share) if here is not None and inside else None)
        if said[0] != said[1]:
            yield first, until


def _end_of(span: Span) -> int:
    return EVER_MS if span.until_ms is None else span.until_ms
