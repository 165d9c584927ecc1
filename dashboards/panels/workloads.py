"""What jobs cost in a month and how green it was, as people see it; the rest that nobody had included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from dashboards.house import House
from dashboards.view import month_name
from energy.interval import Period, floor_quarter
from energy.workloads.amounts import Amounts
from energy.workloads.flag import told
from energy.workloads.lines import Wanted
from energy.workloads.statement import Account, Statement, Workloads

MOST_JOBS = 200
"""Lines that one page lists; the file has all."""

MOST_HOURS = 24 * 14
"""Hours of a job that its page lists."""


@dataclass(frozen=True)
class WorkloadPage:
    """Accounts of ``period`` by ``projects`` and by ``jobs`` (the largest); names of the months beside it."""

    name: str
    before: str
    after: str | None
    period: Period
    projects: Statement
    jobs: Sequence[Account]
    more: int

    @property
    def attributed(self) -> int | None:
        """Wh that jobs had; None if no total is known."""
        known = [one.amounts.total_wh for one in self.projects.accounts if one.amounts.total_wh is not None]
        return sum(known) if known else None

    @property
    def green_share(self) -> float | None:
        """How green the jobs' energy was together; None where nothing is known of it."""
        green = [one.amounts.green_wh for one in self.projects.accounts if one.amounts.green_wh is not None]
        return sum(green) / self.attributed if green and self.attributed else None

    @property
    def carbon_g(self) -> int | None:
        """g CO2e of the jobs, location-based; None where nothing is known of it."""
        known = [one.amounts.co2_location_g for one in self.projects.accounts]
        told = [grams for grams in known if grams is not None]
        return sum(told) if told else None


@dataclass(frozen=True)
class RunSpan:
    """From when to when a job ran on what."""

    since: datetime
    until: datetime | None
    members: Sequence[str]
    share: float | None


@dataclass(frozen=True)
class JobPage:
    """A job with all that it cost; ``hours`` are its last ones, newest first, ``earlier`` how many more."""

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
    earlier: int


async def workload_month(
    house: House, kept: Workloads, site: str, when: tuple[Period, ZoneInfo, datetime]
) -> WorkloadPage:
    """The page of one month of a site, or of all."""
    period, tz, at = when
    until = min(period.end, floor_quarter(at))
    wanted = Wanted(site, Period(period.start, max(period.start, until)))
    found = await kept.statements(wanted, ("project", "job"))
    jobs = found["job"].accounts
    following = month_name(period.end, tz) if period.end <= at else None
    return WorkloadPage(
        name=month_name(period.start, tz),
        before=month_name(period.start - timedelta(days=1), tz),
        after=following,
        period=period,
        projects=found["project"],
        jobs=jobs[:MOST_JOBS],
        more=max(0, len(jobs) - MOST_JOBS),
    )


async def job_page(kept: Workloads, site: str, name: str, at: datetime) -> JobPage | None:
    """The page of one job; None if nobody ever told of it."""
    row = await kept.job(site, name)
    if row is None:
        return None
    spans = [
        RunSpan(one.since, one.until, msgspec.json.decode(one.members), one.share)
        for one in await kept.members(row.id)
    ]
    amounts, hours = None, []
    if row.since is not None:
        period = Period(floor_quarter(row.since), floor_quarter(at) + timedelta(minutes=15))
        wanted = Wanted(site, period, job=name)
        amounts = await kept.total(wanted)
        hours = list(reversed(await kept.hours(wanted)))
    return JobPage(
        site=site,
        job=name,
        name=row.name,
        tenant=row.tenant,
        project=row.project,
        since=row.since,
        until=row.until,
        notes=told(row.flags),
        spans=spans,
        amounts=amounts,
        hours=hours[:MOST_HOURS],
        earlier=max(0, len(hours) - MOST_HOURS),
    )
