"""A report desk that writes small files into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import month
from reports.report import FORMATS, Format, Progress, ReportEntry


class FolderDesk:
    """Issues each month once: a second issue of the same figures is the same revision.

    A month that has not ended is a draft.
    """

    def __init__(self, folder: Path, sites: Mapping[str, SiteOptions], now: datetime) -> None:
        self._folder, self._sites, self._now = folder, sites, now
        self._entries: dict[tuple[str, str], ReportEntry] = {}

    async def entries(self, site: str | None = None, as_of: datetime | None = None) -> Sequence[ReportEntry]:
        issued = (e for e in self._entries.values() if as_of is None or e.issued_at <= as_of)
        found = [e for e in issued if site in (None, e.site)]
        return sorted(found, key=lambda e: e.period, reverse=True)

    async def issue(
        self, site: str, period: str, *, formats: Sequence[Format] = FORMATS, progress: Progress | None = None
    ) -> ReportEntry:
        if site not in (*self._sites, ALL):
            raise ValueError(f"there is no site {site!r}")
        span = month(period, ZoneInfo("UTC") if site == ALL else self._sites[site].tz)
        if span.start > self._now:
            raise ValueError(f"{period} has not begun")
        digests = {}
        for number, format in enumerate(formats):
            if progress is not None:
                progress(f"rendering {format}", number / len(formats))
            content = f"{site} {period} {format}\n".encode()
            (self._folder / f"{site}-{period}.{format}").write_bytes(content)
            digests[format] = hashlib.sha256(content).hexdigest()
        state: Literal["draft", "provisional"] = "provisional" if span.end <= self._now else "draft"
        entry = ReportEntry(site, period, state, 1, self._now, digests)
        self._entries[site, period] = entry
        return entry

    async def file(self, site: str, period: str, format: Format, revision: int | None = None) -> Path | None:
        entry = self._entries.get((site, period))
        if entry is None or format not in entry.sha256 or revision not in (None, entry.revision):
            return None
        return self._folder / f"{site}-{period}.{format}"
