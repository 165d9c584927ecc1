"""All that a rule may look at. Rules take this and a time; they touch no socket, file or clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from energy.certificates.desk import Certificates
from energy.configuration.site import SiteOptions
from energy.figures import Figures
from energy.interval import floor_quarter
from energy.outlook.foresight import Outlook
from energy.proof.desk import Pending
from energy.proof.difference import Checked
from energy.targets.judge import judge_target
from energy.targets.target import TargetOptions, TargetVerdict
from runtime.beats import ProcessStatus
from telemetry.completeness_lines import CompletenessView
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


class ProofView(Protocol):
    """How the ledger stands to what was sealed and signed."""

    async def checked(self) -> Checked | None:
        """The last check; None before the first."""
        ...

    async def pending(self, site: str) -> Sequence[Pending]:
        """What waits for locked months of ``site``, or of ``all``."""
        ...


@dataclass(frozen=True)
class ChannelStatus:
    """How a channel fares: ``waiting`` messages, and the ``error`` that its newest attempt ended in, if any.

    ``failing_for`` is how long attempts have failed in a row; ``given_up`` tells that a message among them
    will never be delivered. ``delivered_at`` is the newest success, None when there was none.
    """

    name: str
    waiting: int
    error: str | None
    failing_for: timedelta
    given_up: bool
    delivered_at: datetime | None = None


class DeliveryView(Protocol):
    """The outbox as others see it."""

    def channels(self) -> Sequence[ChannelStatus]:
        """Every configured channel."""
        ...


class ProcessView(Protocol):
    """The processes that share the work."""

    def processes(self) -> Sequence[ProcessStatus]:
        """Each, by name, also those that should run and never gave a sign of life."""
        ...


class IssuedReport(Protocol):
    """What a rule must know of a report."""

    @property
    def site(self) -> str: ...
    @property
    def period(self) -> str: ...


class ReportIndex(Protocol):
    """Which monthly reports there are."""

    async def entries(self, site: str | None = None) -> Sequence[IssuedReport]:
        """The newest revision of each site and month."""
        ...


@dataclass(frozen=True)
class Reading:
    """What rules, pages and reports read."""

    sites: Mapping[str, SiteOptions]
    targets: Sequence[TargetOptions]
    figures: Figures
    live: LiveState
    ingest: IngestView
    deliveries: DeliveryView | None = None
    reports: ReportIndex | None = None
    processes: ProcessView | None = None
    completeness: CompletenessView | None = None
    certificates: Certificates | None = None
    proof: ProofView | None = None
    outlook: Outlook = field(default_factory=Outlook)
    """What was found ahead of the targets; shared by all rules, and from one check to the next."""
    _judged: dict[str, tuple[Figures, TargetVerdict]] = field(default_factory=dict, repr=False)

    async def judged(self, target: TargetOptions, at: datetime) -> TargetVerdict:
        """How ``target`` stands ``at`` a time; several rules that ask from one look are told the same."""
        figures, known = self._judged.get(target.name, (None, None))
        if known is None or figures is not self.figures or (known.target, known.at) != (target, at):
            known = await judge_target(target, self.figures, at, self.outlook)
            self._judged[target.name] = self.figures, known
        return known

    async def settled(self, site: str, at: datetime) -> datetime | None:
        """The end of the last interval of ``site`` that is settled and had ended ``at`` that time.

        None before the first. A replay and a check that a restart makes up for ask of times long past: what
        was settled since then is not theirs to judge.
        """
        settled = await self.figures.settled_until(site)
        return None if settled is None else min(settled, floor_quarter(at))
