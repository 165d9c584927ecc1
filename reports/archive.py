"""Issued reports for good: files under ``{site}/{yyyy-mm}/r{revision}``, and the index that says what counts.

The files are written first, durably, then the index in one transaction. A crash between the two leaves a
folder that no index knows; it is never served, and the next issue of that revision replaces it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from reports import shelf
from reports.content import ReportState
from reports.renderer import renderers
from reports.report import Format, ReportEntry
from reports.tables import report_file, report_revision
from runtime.database import Database

DRAFT = 0


@dataclass(frozen=True)
class Issue:
    """One revision as the index knows it; ``announced`` tells whether people were told."""

    entry: ReportEntry
    figures_sha256: str
    folder: str
    announced: bool


class Archive:
    """The archive in ``folder``, indexed in ``database``."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    async def newest(self, site: str, period: str) -> Issue | None:
        """The highest revision of a month; the draft only while there is no other."""
        issues = await self._issues(site, period)
        return issues[0] if issues else None

    async def revision(self, site: str, period: str, revision: int) -> Issue | None:
        """One revision, or None."""
        found = [i for i in await self._issues(site, period) if i.entry.revision == revision]
        return found[0] if found else None

    async def entries(self, site: str | None = None, as_of: datetime | None = None) -> list[ReportEntry]:
        """The newest revision of each site and month, issued ``as_of``: newest month first, then by site."""
        newest: dict[tuple[str, str], ReportEntry] = {}
        for issue in await self._issues(site, None):
            if as_of is not None and issue.entry.issued_at > as_of:
                continue
            newest.setdefault((issue.entry.site, issue.entry.period), issue.entry)
        by_site = sorted(newest.values(), key=lambda entry: entry.site)
        return sorted(by_site, key=lambda entry: entry.period, reverse=True)

    async def add(self, entry: ReportEntry, figures_sha256: str, files: Mapping[Format, bytes]) -> Issue:
        """Archive a new revision, or a new draft in the place of the last; ``entry.sha256`` is filled in."""
        folder = f"{entry.site}/{entry.period}/{_folder_name(entry.revision, figures_sha256)}"
        named = {file_name(entry, format): content for format, content in files.items()}
        await asyncio.to_thread(shelf.place_folder, self._folder / folder, named)
        last = await self.revision(entry.site, entry.period, DRAFT)
        async with self._database.begin() as connection:
            # A draft makes room for the next draft, and for the report that the month becomes.
            await _forget(connection, entry.site, entry.period, DRAFT)
            await connection.execute(
                insert(report_revision).values(_revision_row(entry, figures_sha256, folder))
            )
            for format, content in files.items():
                await connection.execute(insert(report_file).values(_file_row(entry, format, content)))
        if last is not None and last.folder != folder:
            await asyncio.to_thread(shelf.remove_folder, self._folder / last.folder)
        issue = await self.revision(entry.site, entry.period, entry.revision)
        if issue is None:
            raise LookupError(
                f"{entry.site} {entry.period} r{entry.revision} is not in the index after writing"
            )
        return issue

    async def put(self, issue: Issue, format: Format, content: bytes) -> None:
        """Add a format to an issued revision, or mend a file that was lost or damaged."""
        entry = issue.entry
        path = self._folder / issue.folder / file_name(entry, format)
        await asyncio.to_thread(shelf.place_file, path, content)
        async with self._database.begin() as connection:
            await connection.execute(
                delete(report_file).where(
                    report_file.c.site == entry.site,
                    report_file.c.period == entry.period,
                    report_file.c.revision == entry.revision,
                    report_file.c.format == format,
                )
            )
            await connection.execute(insert(report_file).values(_file_row(entry, format, content)))

    async def read(self, issue: Issue, format: Format) -> bytes | None:
        """An archived file, or None if it was never made, is gone, or is not what was archived."""
        expected = issue.entry.sha256.get(format)
        if expected is None:
            return None
        return await asyncio.to_thread(shelf.read_checked, self.path(issue, format), expected)

    def path(self, issue: Issue, format: Format) -> Path:
        """Where a file of ``issue`` is, or would be."""
        return self._folder / issue.folder / file_name(issue.entry, format)

    async def announced(self, entry: ReportEntry, at: datetime) -> None:
        """People have been told of ``entry``."""
        async with self._database.begin() as connection:
            await connection.execute(
                update(report_revision)
                .where(
                    report_revision.c.site == entry.site,
                    report_revision.c.period == entry.period,
                    report_revision.c.revision == entry.revision,
                )
                .values(announced_at=at)
            )

    async def _issues(self, site: str | None, period: str | None) -> list[Issue]:
        """Highest revision first."""
        revisions, files = select(report_revision), select(report_file)
        if site is not None:
            revisions = revisions.where(report_revision.c.site == site)
            files = files.where(report_file.c.site == site)
        if period is not None:
            revisions = revisions.where(report_revision.c.period == period)
            files = files.where(report_file.c.period == period)
        async with self._database.read() as connection:
            rows = (await connection.execute(revisions.order_by(report_revision.c.revision.desc()))).all()
            sums = (await connection.execute(files)).all()
        checksums: dict[tuple[str, str, int], dict[str, str]] = {}
        for one in sums:
            checksums.setdefault((one.site, one.period, one.revision), {})[one.format] = one.sha256
        return [_issue(row, checksums.get((row.site, row.period, row.revision), {})) for row in rows]


def file_name(entry: ReportEntry, format: Format) -> str:
    """``amberwatt-gdansk-2026-10-r1.pdf``: a name that still tells everything in a mailbox."""
    mark = f"r{entry.revision}" if entry.revision else "draft"
    return f"amberwatt-{entry.site}-{entry.period}-{mark}.{format}"


def _folder_name(revision: int, figures_sha256: str) -> str:
    # Drafts come and go under names of their own, so that a reader of the last one is not disturbed.
    return f"r{revision}" if revision else f"draft-{figures_sha256[:16]}"


async def _forget(connection: AsyncConnection, site: str, period: str, revision: int) -> None:
    for table in (report_file, report_revision):
        await connection.execute(
            delete(table).where(table.c.site == site, table.c.period == period, table.c.revision == revision)
        )


def _revision_row(entry: ReportEntry, figures_sha256: str, folder: str) -> dict[str, Any]:
    return {
        "site": entry.site,
        "period": entry.period,
        "revision": entry.revision,
        "state": entry.state,
        "figures_sha256": figures_sha256,
        "folder": folder,
        "issued_at": entry.issued_at,
        "announced_at": None,
    }


def _file_row(entry: ReportEntry, format: Format, content: bytes) -> dict[str, Any]:
    return {
        "site": entry.site,
        "period": entry.period,
        "revision": entry.revision,
        "format": format,
        "name": file_name(entry, format),
        "sha256": shelf.sha256(content),
        "bytes": len(content),
    }


def _issue(row: Row[Any], checksums: Mapping[str, str]) -> Issue:
    state: ReportState = row.state
    ordered: Sequence[str] = [format for format in renderers() if format in checksums]
    entry = ReportEntry(
        site=row.site,
        period=row.period,
        state=state,
        revision=row.revision,
        issued_at=row.issued_at,
        sha256={format: checksums[format] for format in ordered},
    )
    return Issue(entry, row.figures_sha256, row.folder, row.announced_at is not None)
