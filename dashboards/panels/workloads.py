"""What jobs cost in a month and how green it was, as people see it; the rest that nobody had included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from dashboards.view import month_name
from energy.interval import Period, floor_quarter
from energy.workloads.flag import told
from energy.workloads.lines import Wanted
from energy.workloads.statement import Account, Statement, Workloads
from energy.workloads.told import Amounts

MOST_JOBS = 200
"""Lines that one page lists; the next page has more, and the file all."""

MOST_SPANS = 100
"""Spans of a job that its page lists."""

MOST_HOURS = 24 * 14
"""Hours of a job that its page lists."""


@dataclass(frozen=True)
class WorkloadPage:
    """Accounts of ``period`` by ``projects`` and by ``jobs``; names of the months beside it.

    The jobs are those of the page ``number`` (1 has the largest) of ``pages``.
    """

    name: str
    before: str
    after: str | None
    period: Period
    projects: Statement
    jobs: Sequence[Account]
    number: int
    pages: int


@dataclass(frozen=True)
class RunSpan:
    """From when to when a job ran on what."""

    since: datetime
    until: datetime | None
    members: Sequence[str]
    share: float | None


@dataclass(frozen=True)
class JobPage:
    """A job with all that it cost; ``hours`` and ``spans`` are its last ones, newest first.

    ``earlier``: there are hours before; ``all_spans`` is how many there are.
    """

    site: str
    job: str
    name: str
    tenant: str
    project: str
    since: datetime | None
    until: datetime | None
    notes: Sequence[str]
    spans: Sequence[RunSpan]
    amounts: Amounts | None
    hours: Sequence[tuple[datetime, Amounts]]
    earlier: bool
    all_spans: int


async def workload_month(
    kept: Workloads, site: str, when: tuple[Period, ZoneInfo, datetime], number: int = 1
) -> WorkloadPage:
    """The page of one month of a site, or of all, with some of its jobs."""
    period, tz, at = when
    until = min(period.end, floor_quarter(at))
    wanted = Wanted(site, Period(period.start, max(period.start, until)))
    found = await kept.statements(wanted, ("project", "job"))
    jobs = found["job"].accounts
    pages = max(1, -(-len(jobs) // MOST_JOBS))
    first = (min(number, pages) - 1) * MOST_JOBS
    following = month_name(period.end, tz) if period.end <= at else None
    return WorkloadPage(
        name=month_name(period.start, tz),
        before=month_name(period.start - timedelta(days=1), tz),
        after=following,
        period=period,
        projects=found["project"],
        jobs=jobs[first : first + MOST_JOBS],
        number=min(number, pages),
        pages=pages,
    )


async def job_page(kept: Workloads, site: str, name: str, at: datetime) -> JobPage | None:
    """The page of one job; None if nobody ever told of it."""
    row = await kept.job(site, name)
    if row is None:
        return None
    members, count = await kept.members(row.id, MOST_SPANS)
    spans = [RunSpan(one.since, one.until, msgspec.json.decode(one.members), one.share) for one in members]
    amounts, hours, earlier, notes = None, [], False, told(row.flags)
    if row.since is not None:
        end = floor_quarter(at) + timedelta(minutes=15)
        had = await kept.total(Wanted(site, Period(floor_quarter(row.since), end), job=name))
        amounts, flags = had or (None, 0)
        notes = told(row.flags | flags)
        upto = min(end, floor_quarter(row.until) + timedelta(minutes=15)) if row.until else end
        since = max(floor_quarter(row.since), upto - timedelta(hours=MOST_HOURS))
        earlier = since > row.since
        hours = list(reversed(await kept.hours(Wanted(site, Period(since, upto), job=name))))
    return JobPage(
        site=site,
        job=name,
        name=row.name,
        tenant=row.tenant,
        project=row.project,
        since=row.since,
        until=row.until,
        notes=notes,
        spans=spans,
        amounts=amounts,
        hours=hours,
        earlier=earlier,
        all_spans=count,
    )
