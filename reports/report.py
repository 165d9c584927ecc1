"""What the pages, the API and the schedule need of reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from reports.renderer import renderers

Format = str
"""The name of a format: one of :data:`FORMATS`."""

_RENDERERS = renderers()

FORMATS: tuple[Format, ...] = tuple(_RENDERERS)
"""Every format that there is, in the order in which people choose from them."""

CONTENT_TYPES: Mapping[Format, str] = {name: one.content_type for name, one in _RENDERERS.items()}
"""What a file of each format is served as."""

Progress = Callable[[str, float], None]
"""Told what is being done and the share done, 0..1."""


@dataclass(frozen=True)
class ReportEntry:
    """One issued report; ``sha256`` by format. A new revision is made only when a figure or an alarm of the
    month has changed."""

    site: str
    period: str
    state: Literal["draft", "provisional", "final"]
    revision: int
    issued_at: datetime
    sha256: Mapping[str, str]


class ReportDesk(Protocol):
    """Issues monthly reports and keeps them."""

    async def entries(self, site: str | None = None, as_of: datetime | None = None) -> Sequence[ReportEntry]:
        """The newest revision of each site and month, newest month first; of those issued ``as_of`` a time.

        Of drafts only the newest is kept.
        """
        ...

    async def issue(
        self, site: str, period: str, *, formats: Sequence[Format] = FORMATS, progress: Progress | None = None
    ) -> ReportEntry:
        """Build, render and archive; the same figures and alarms give the same bytes and revision.

        Raises ValueError for a month that is none, has not begun or was not metered, and for a site that is
        not configured.
        """
        ...

    async def file(self, site: str, period: str, format: Format, revision: int | None = None) -> Path | None:
        """The archived file, or None."""
        ...
