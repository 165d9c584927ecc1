"""Issues reports: builds, renders off the event loop, archives, and tells people once a month."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from babel import Locale, UnknownLocaleError
from pydantic import Field, field_validator

from alerts.message import AlertMessage
from reports import alarms
from reports.announcement import announcement
from reports.archive import DRAFT, Archive, Issue
from reports.content import MonthlyReport
from reports.evidence import same_evidence
from reports.monthly import Material, build
from reports.render import json
from reports.renderer import renderers
from reports.report import FORMATS, Format, Progress, ReportEntry
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import StoreError
from runtime.options import Duration, Options

Announce = Callable[[AlertMessage], Awaitable[None]]
"""Hands a message to the outbox; when it returns, the message will be delivered at least once."""

_log = structlog.get_logger(__name__)


class ReportOptions(Options):
    """The ``[reports]`` table: ``locale`` is how numbers are printed, ``after`` how long after the end of a
    month (in the site's zone) its report is issued. ``directory`` holds the issued reports, by default
    ``reports`` in the data directory; processes on several machines must share it.
    """

    locale: str = "en"
    directory: Path | None = None
    after: Duration = Field(default=timedelta(hours=6), ge=timedelta(0), le=timedelta(days=20))

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        try:
            Locale.parse(value)
        except (ValueError, UnknownLocaleError):
            raise ValueError(f"{value!r} is no locale; write for example en, en_GB or pl_PL") from None
        return value


class Desk:
    """A :class:`reports.report.ReportDesk` over the ledger and the alert board, one report at a time.

    ``folder`` holds the archive. Everything that takes long runs in a worker thread: Typst works without
    the interpreter's lock, the rest in steps short enough for the event loop.
    """

    def __init__(
        self,
        material: Material,
        database: Database,
        folder: Path,
        clock: Clock,
        options: ReportOptions | None = None,
    ) -> None:
        self._material, self._clock, self._options = material, clock, options or ReportOptions()
        self._archive = Archive(database, folder)
        self._renderers = renderers()
        self._one_at_a_time = asyncio.Lock()

    async def entries(self, site: str | None = None, as_of: datetime | None = None) -> Sequence[ReportEntry]:
        """The newest revision of each site and month, newest month first."""
        return await self._archive.entries(site, as_of)

    async def issue(
        self, site: str, period: str, *, formats: Sequence[Format] = FORMATS, progress: Progress | None = None
    ) -> ReportEntry:
        """Build, render and archive; the same figures and alarms give the same bytes and the same revision.

        JSON is always archived: every other format, also one asked for later, is made from it. Raises
        ValueError for a month that is none, has not begun or was not metered, and for a site or format that
        is not known.
        """
        unknown = [format for format in formats if format not in self._renderers]
        if unknown:
            raise ValueError(f"no format {unknown[0]!r}; known are {', '.join(self._renderers)}")
        tell = progress or _silent
        async with self._one_at_a_time:
            tell("reading the ledger", 0.0)
            at = self._clock.now()
            report = await build(site, period, at, self._material, locale=self._options.locale)
            issue = await self._archive.newest(site, period)
            before = None if issue is None else await self._archived(issue)
            report = report if before is None else _with_forgotten(report, before)
            if issue is None or not _unchanged(issue, before, report):
                issue = await self._add(_numbered(report, issue), at)
            entry = await self._complete(issue, report, formats, tell)
            tell("done", 1.0)
        return entry

    async def file(self, site: str, period: str, format: Format, revision: int | None = None) -> Path | None:
        """The archived file of a revision, by default the newest, or None; one that was damaged is none."""
        if revision is None:
            issue = await self._archive.newest(site, period)
        else:
            issue = await self._archive.revision(site, period, revision)
        if issue is None or await self._archive.read(issue, format) is None:
            return None
        return self._archive.path(issue, format)

    async def announce_once(self, site: str, period: str, at: datetime, announce: Announce) -> bool:
        """Hand the newest revision to ``announce`` if that is yet to be done; tells whether it was.

        A draft is never announced. A crash in between announces again, with the same key.
        """
        issue = await self._archive.newest(site, period)
        if issue is None or issue.announced or issue.entry.revision == DRAFT:
            return False
        report = await self._stored(issue)
        printed = await self._archive.read(issue, "pdf")
        await announce(announcement(issue.entry, report, printed, at))
        await self._archive.announced(issue.entry, at)
        _log.info("report_announced", site=site, period=period, revision=issue.entry.revision)
        return True

    async def issued(self, site: str, period: str) -> bool:
        """Whether a revision stands; a draft is none."""
        issue = await self._archive.newest(site, period)
        return issue is not None and issue.entry.revision != DRAFT

    async def _add(self, report: MonthlyReport, at: datetime) -> Issue:
        content = await asyncio.to_thread(json.render, report)
        figures = report.figures
        entry = ReportEntry(
            site=figures.site.key,
            period=figures.period.name,
            state=figures.state,
            revision=report.revision,
            issued_at=at,
            sha256={},
        )
        issue = await self._archive.add(entry, report.checksum, {"json": content})
        _log.info("report_issued", site=entry.site, period=entry.period, revision=entry.revision,
                  state=entry.state, checksum=report.checksum)  # fmt: skip
        return issue

    async def _complete(
        self, issue: Issue, built: MonthlyReport, formats: Sequence[Format], tell: Progress
    ) -> ReportEntry:
        """Make what is missing of ``issue``, from what was archived, so that all formats say the same."""
        stored = await self._stored(issue, built)
        wanted = [format for format in self._renderers if format in formats or format == "json"]
        for i, format in enumerate(wanted):
            tell(f"writing {format.upper()}", 0.2 + 0.8 * i / len(wanted))
            if await self._archive.read(issue, format) is None:
                content = await asyncio.to_thread(self._renderers[format].render, stored)
                await self._archive.put(issue, format, content)
        entry = issue.entry
        complete = await self._archive.revision(entry.site, entry.period, entry.revision)
        return (complete or issue).entry

    async def _archived(self, issue: Issue) -> MonthlyReport | None:
        """What was issued, or None if that was lost or damaged."""
        content = await self._archive.read(issue, "json")
        return None if content is None else await asyncio.to_thread(json.parse, content)

    async def _stored(self, issue: Issue, built: MonthlyReport | None = None) -> MonthlyReport:
        found = await self._archived(issue)
        if found is not None:
            return found
        # The archived JSON was lost or damaged: the same figures can be told anew, under the same number.
        _log.error("report_damaged", site=issue.entry.site, period=issue.entry.period, folder=issue.folder)
        if built is None:
            entry = issue.entry
            built = await build(
                entry.site, entry.period, self._clock.now(), self._material, locale=self._options.locale
            )
        if built.checksum != issue.figures_sha256:
            raise StoreError(
                f"{issue.folder} is damaged and the ledger has changed since; "
                f"issue {issue.entry.site} {issue.entry.period} anew for its next revision"
            )
        return replace(built, revision=issue.entry.revision)


def _unchanged(issue: Issue, before: MonthlyReport | None, report: MonthlyReport) -> bool:
    """Whether ``report`` tells the same as ``issue``, which reads ``before`` unless it was damaged."""
    if issue.figures_sha256 != report.checksum:
        return False
    if before is None:
        return True
    told = report.alerts_until == before.alerts_until and alarms.same(report.alerts, before.alerts)
    return told and same_evidence(report.evidence, before.evidence)


def _with_forgotten(report: MonthlyReport, before: MonthlyReport) -> MonthlyReport:
    alerts = alarms.with_forgotten(report.alerts, before.alerts)
    return replace(report, alerts=alerts, alert_counts=alarms.counted(alerts))


def _numbered(report: MonthlyReport, newest: Issue | None) -> MonthlyReport:
    """The next revision; a draft stays 0 unless an issued month was reopened."""
    last = DRAFT if newest is None else newest.entry.revision
    if report.figures.state == "draft" and last == DRAFT:
        return report
    return replace(report, revision=last + 1)


def _silent(_doing: str, _share: float) -> None:
    return None
