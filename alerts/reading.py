"""All that a rule may look at. Rules take this and a time; they touch no socket, file or clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from energy.figures import Figures
from energy.site import SiteOptions
from energy.target import TargetOptions
from telemetry.live import LiveState
from telemetry.status import IngestStatus, SourceStatus


class IngestView(Protocol):
    """The ingest as others see it."""

    async def status(self) -> IngestStatus:
        """Counters, journal and stores now."""
        ...

    def sources(self) -> Sequence[SourceStatus]:
        """Every device that ever spoke, and every configured one that did not."""
        ...


@dataclass(frozen=True)
class Reading:
    """What rules, pages and reports read."""

    sites: Mapping[str, SiteOptions]
    targets: Sequence[TargetOptions]
    figures: Figures
    live: LiveState
    ingest: IngestView
