"""Rules, channels and jobs as the pages see them, told in advance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.reading import ChannelStatus
from alerts.verdict import Severity, Verdict
from alerts.watch import Evaluation
from runtime.beats import ProcessStatus
from runtime.runs import JobRun, RunState


@dataclass
class ToldRules:
    """Rules whose evaluations are these."""

    kept: Mapping[str, Sequence[Evaluation]] = field(default_factory=dict)

    def evaluations(self) -> Mapping[str, Sequence[Evaluation]]:
        return self.kept


@dataclass
class ToldChannels:
    """Channels that fare like this."""

    statuses: Sequence[ChannelStatus] = ()

    def channels(self) -> Sequence[ChannelStatus]:
        return self.statuses


@dataclass
class ToldJobs:
    """Jobs with these runs, newest first."""

    runs: Sequence[JobRun] = ()

    @property
    def jobs(self) -> Sequence[str]:
        return list(dict.fromkeys(run.job for run in self.runs))

    async def history(self, job: str | None = None, limit: int = 50) -> Sequence[JobRun]:
        return [run for run in self.runs if job in (None, run.job)][:limit]


@dataclass
class ToldProcesses:
    """Processes that stand like this."""

    found: Sequence[ProcessStatus] = ()

    def processes(self) -> Sequence[ProcessStatus]:
        return self.found


def processes(at: datetime) -> ToldProcesses:
    """Two that take in, of which one is silent, one with pages, one at work and one that stands by."""
    since, second = at - timedelta(days=2), timedelta(seconds=1)
    known = ("0.1.0", since)
    return ToldProcesses(
        [
            ProcessStatus("ingest/hall-a", "ingest", *known, second, "http://127.0.0.1:9101"),
            ProcessStatus("ingest/rest", "ingest", *known, 95 * second, "http://127.0.0.1:9102"),
            ProcessStatus("jobs/dc-1", "jobs", *known, second, "http://127.0.0.1:9201", "at work"),
            ProcessStatus("jobs/dc-2", "jobs", *known, 2 * second, "http://127.0.0.1:9201", "standing by"),
            ProcessStatus("web/dc-1", "web", *known, second, "http://127.0.0.1:8080", "", ("broker: gone",)),
        ]
    )


def evaluation(at: datetime, *active: bool | None, error: str | None = None) -> Evaluation:
    """One that took 12 ms; verdicts are about gdansk and kaunas in turn."""
    verdicts = tuple(
        Verdict(f"rule/{i}", "rule", ("gdansk", "kaunas")[i % 2], Severity.LOW, on, "title", "summary")
        for i, on in enumerate(active)
    )
    return Evaluation(at, timedelta(milliseconds=12), verdicts, error)


def rules(at: datetime) -> ToldRules:
    """One that is well, one that fails, one that failed before, and one that was never asked."""
    before = at - timedelta(seconds=10)
    return ToldRules(
        {
            "pue_limit": [evaluation(before, False, False), evaluation(at, True, False)],
            "completeness": [evaluation(before, False, False), evaluation(at, error="KeyError: 'ups-z'")],
            "silent_source": [evaluation(before, error="StoreError: busy"), evaluation(at, None, True)],
            "green_target": [],
        }
    )


def channels(at: datetime) -> ToldChannels:
    """One that delivers, one that fails and has lost a message, and one that has not been needed."""
    an_hour = timedelta(hours=1)
    return ToldChannels(
        [
            ChannelStatus("on-call", 0, None, timedelta(0), False, at - an_hour),
            ChannelStatus("pager", 3, "HTTP 503 from 127.0.0.1:9093", an_hour, True, at - 3 * an_hour),
            ChannelStatus("archive", 0, None, timedelta(0), False),
        ]
    )


def jobs(at: datetime) -> ToldJobs:
    """Seven green checks, the newest under way and one failed, and a report."""
    quarter = at.replace(minute=0, second=0, microsecond=0)
    checks = [
        JobRun(
            "green-check",
            quarter - i * timedelta(minutes=15),
            RunState.DONE,
            at,
            at + timedelta(seconds=1.4),
            None,
        )
        for i in range(7)
    ]
    checks[0] = JobRun("green-check", checks[0].due, RunState.RUNNING, at, None, None)
    checks[2] = JobRun(
        "green-check", checks[2].due, RunState.FAILED, at, at + timedelta(seconds=3), "StoreError: busy"
    )
    report = JobRun("monthly-report", quarter, RunState.DONE, at, at + timedelta(milliseconds=80), None)
    return ToldJobs([*checks, report])
