"""The System page: who has fallen silent, what was refused, how far stores are, what works unseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dashboards.house import House
from dashboards.panels.background import Background, background
from dashboards.panels.ledger import ProofStand, proof_stand
from dashboards.panels.sections import Section, sections
from dashboards.view import View
from runtime.beats import ProcessStatus
from runtime.errors import StoreError
from telemetry.completeness_book import FULL
from telemetry.status import IngestStatus, SourceStatus

SHOWN = 100
"""Sources listed; a gigafactory has 12,500 and the worst are what a person can act on."""

UNFOLDED = 12
"""Sources that report and still stand unfolded where a screen is wide; more hide what stands below them."""

NOT_CONFIGURED = "not configured"
"""Standing of a source that is kept, and of which nothing is accounted."""

SILENT_PERIODS = 3
_DEFAULT_PERIOD = timedelta(seconds=60)


@dataclass(frozen=True)
class SourceLine:
    """One source and how long ago it spoke; ``standing`` says in a word or two what people should know."""

    status: SourceStatus
    age: timedelta | None
    standing: str
    hours: Sequence[int] = ()
    """How full the last 24 hours were, as :mod:`telemetry.completeness_book` tells."""
    expected: int | None = None
    """Messages to be expected in them, and how many of those are missing; None where nobody knows."""
    missing: int | None = None

    @property
    def lacking(self) -> int:
        """How much of the last hours is not there."""
        return sum(FULL - share for share in self.hours if share <= FULL)

    @property
    def silent(self) -> bool:
        """Whether somebody should look at it."""
        return self.standing != "reporting"


@dataclass(frozen=True)
class SystemPage:
    """Everything on the page. ``sources`` are the worst :data:`SHOWN` of ``total``.

    ``processes`` is empty where one does everything. What bears the name of a site that is not configured
    belongs to no view, so it is shown in each.
    """

    sources: Sequence[SourceLine]
    total: int
    silent: int
    unconfigured: int
    ingest: IngestStatus
    journal_share: float
    problems: Sequence[str]
    processes: Sequence[ProcessStatus]
    background: Background
    proof: ProofStand | None = None

    @property
    def long(self) -> bool:
        """Whether so many of ``sources`` report that they are folded on a wide screen too."""
        return sum(not line.silent for line in self.sources) > UNFOLDED

    @property
    def sections(self) -> Sequence[Section]:
        """What stands on the page, worst first."""
        sources = self.total, self.silent
        return sections(self.ingest, self.processes, sources, self.background, self.proof)


async def system_page(house: House, view: View, at: datetime) -> SystemPage:
    """The page for ``view`` at ``at``."""
    periods = expected_periods(house)
    shares = {} if house.completeness is None else house.completeness.shares(at)
    lines = [
        replace(
            source_line(status, periods.get(status.source, _DEFAULT_PERIOD), at),
            hours=shares.get(status.source, ()),
        )
        for status in house.ingest.sources()
        if view.every_site or status.site in (view.site, None) or status.site not in house.sites
    ]
    ingest = await house.ingest.status()
    return SystemPage(
        sources=await _counted(house, worst_first(lines)[:SHOWN], at),
        total=len(lines),
        silent=sum(1 for line in lines if line.silent),
        unconfigured=sum(1 for line in lines if not line.status.configured),
        ingest=ingest,
        journal_share=ingest.journal.bytes / max(1, ingest.journal.limit_bytes),
        problems=await house.readiness.problems(),
        processes=() if house.processes is None else house.processes.processes(),
        background=await background(house, view, at),
        proof=await proof_stand(house, view),
    )


def expected_periods(house: House) -> Mapping[str, timedelta]:
    """How often each configured source reports, by its name in :class:`SourceStatus`."""
    found: dict[str, timedelta] = {}
    for key, site in house.sites.items():
        found |= {f"{key}/meter/{meter.id}": meter.period for meter in site.meter}
        found |= {f"{key}/supply/{supply.id}": supply.period for supply in site.supply}
    return found


def source_line(status: SourceStatus, period: timedelta, at: datetime) -> SourceLine:
    """``not configured``, ``never heard``, ``offline`` (its own last will), ``silent`` or ``reporting``."""
    if not status.configured:
        age = None if status.last_at is None else at - status.last_at
        return SourceLine(status, age, NOT_CONFIGURED)
    if status.last_at is None:
        return SourceLine(status, None, "never heard")
    age = at - status.last_at
    if status.online is False:
        return SourceLine(status, age, "offline")
    return SourceLine(status, age, "silent" if age > SILENT_PERIODS * period else "reporting")


async def _counted(house: House, lines: Sequence[SourceLine], at: datetime) -> Sequence[SourceLine]:
    """``lines`` with what was expected of each in the last 24 hours, and what is missing of that."""
    if house.completeness is None or not lines:
        return lines
    until = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    names = [line.status.source for line in lines]
    try:
        hours = await house.completeness.lines(until - timedelta(hours=24), until, only=names)
    except StoreError:  # the store's own line on this page tells of it
        return lines
    expected: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for hour in hours:
        if hour.expected is not None:
            expected[hour.source] += hour.expected
        if hour.missing is not None:
            missing[hour.source] += hour.missing
    return [
        replace(line, expected=expected.get(line.status.source), missing=missing.get(line.status.source))
        for line in lines
    ]


def worst_first(lines: Sequence[SourceLine]) -> list[SourceLine]:
    """Never heard, offline, silent, not configured; then who lacks most, the oldest; names settle ties."""

    def badness(line: SourceLine) -> tuple[int, int, float, str]:
        rank = ("never heard", "offline", "silent", NOT_CONFIGURED, "reporting").index(line.standing)
        age = 0.0 if line.age is None else line.age.total_seconds()
        return rank, -line.lacking, -age, line.status.source

    return sorted(lines, key=badness)
