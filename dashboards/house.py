"""Everything that the windows look into, in one value; the composition root fills it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import Field

from alerts.board import AlertBoard
from alerts.reading import DeliveryView, IngestView, ProcessView
from alerts.replay import Replay
from alerts.watch import Evaluation
from dashboards.users import Users
from energy.certificates.desk import Certificates
from energy.configuration.site import SiteOptions
from energy.figures import Figures
from energy.outlook.foresight import Outlook
from energy.outlook.peak import Peaks
from energy.proof.desk import ProofDesk
from energy.targets.target import TargetOptions
from energy.workloads.statement import Workloads
from reports.eu.desk import EuDesk
from reports.report import ReportDesk
from runtime.clock import Clock
from runtime.options import Options
from runtime.runs import JobRun
from telemetry.completeness_lines import CompletenessView
from telemetry.live import LiveState
from telemetry.store import Readings


class Readiness(Protocol):
    """What ``/readyz`` asks."""

    async def problems(self) -> list[str]:
        """Why the service is not ready; empty when it is."""
        ...


class HistoryProgress(Protocol):
    """How far a recorded past has been loaded (the demo's first half minute)."""

    def loading(self) -> float | None:
        """Share loaded, 0..1; None when nothing is being loaded."""
        ...


class AuthOptions(Options):
    """The ``[auth]`` table."""

    anonymous: str | None = Field(default=None, pattern="^viewer$")
    anonymous_anywhere: bool = False
    session_hours: float = Field(default=12, gt=0, le=24 * 30)


class RuleView(Protocol):
    """How the rules fare."""

    def evaluations(self) -> Mapping[str, Sequence[Evaluation]]:
        """The newest evaluations of each rule, oldest first."""
        ...


class JobView(Protocol):
    """How the scheduled jobs fare."""

    @property
    def jobs(self) -> Sequence[str]:
        """The names of all jobs."""
        ...

    async def history(self, job: str | None = None, limit: int = 50) -> Sequence[JobRun]:
        """The newest runs first, of one job or of all."""
        ...


@dataclass(frozen=True)
class House:
    """Read-only handles to all rooms below; what is None has no place on the pages."""

    clock: Clock
    sites: Mapping[str, SiteOptions]
    targets: tuple[TargetOptions, ...]
    store: Readings
    live: LiveState
    ingest: IngestView
    figures: Figures
    alerts: AlertBoard
    reports: ReportDesk
    users: Users
    readiness: Readiness
    history: HistoryProgress
    auth: AuthOptions
    version: str
    replay: Replay | None = None
    rules: RuleView | None = None
    deliveries: DeliveryView | None = None
    jobs: JobView | None = None
    data_dir: Path | None = None
    hosts: Collection[str] = ()
    """Our names in lower case, besides ``localhost``: only by these may browsers read without a login."""
    completeness: CompletenessView | None = None
    processes: ProcessView | None = None
    """None where one process does everything."""
    workloads: Workloads | None = None
    eu: EuDesk | None = None
    certificates: Certificates | None = None
    outlook: Outlook = field(default_factory=Outlook)
    """What pages have found ahead of the targets."""
    peaks: Peaks = field(default_factory=Peaks)
    """The highest demands that pages have looked up."""
    proof: ProofDesk | None = None


@dataclass(frozen=True)
class Side:
    """What a process without pages lets be seen: whether it is well, and what it takes in."""

    users: Users
    auth: AuthOptions
    hosts: Collection[str]
    readiness: Readiness
    version: str
    ingest: IngestView | None = None
    processes: ProcessView | None = None
