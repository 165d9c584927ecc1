"""What works unseen, for the System page: rules, channels, scheduled jobs, and the data directory."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alerts.reading import ChannelStatus
from alerts.watch import Evaluation
from dashboards.house import House
from dashboards.view import View
from runtime.runs import JobRun, RunState

RUNS = 5
"""Newest runs shown of each job."""


@dataclass(frozen=True)
class RuleLine:
    """One rule by its newest evaluation: ``at`` and ``took`` are None before the first.

    ``conditions`` counts the verdicts about the sites shown, of which so many are ``active`` and so many
    ``unknown``. ``error`` is the newest that is remembered, raised at ``error_at``; ``failing`` tells that
    the newest evaluation raised it.
    """

    name: str
    at: datetime | None
    took: timedelta | None
    conditions: int
    active: int
    unknown: int
    error: str | None
    error_at: datetime | None
    failing: bool


@dataclass(frozen=True)
class ChannelLine:
    """One channel; ``failing_since`` is None while it delivers, or when it is not known since when."""

    status: ChannelStatus
    failing_since: datetime | None

    @property
    def failing(self) -> bool:
        """Whether its newest attempt failed or a message of it was lost."""
        return self.status.error is not None or self.status.given_up


@dataclass(frozen=True)
class RunLine:
    """One run of a job; ``took`` is None while it runs."""

    run: JobRun
    took: timedelta | None

    @property
    def failed(self) -> bool:
        """Whether somebody should look at it."""
        return self.run.state is RunState.FAILED


@dataclass(frozen=True)
class DiskUse:
    """Bytes that the data directory takes, and that are free beside it."""

    used: int
    free: int


@dataclass(frozen=True)
class Background:
    """What the house hands out of these; None is what it does not."""

    rules: Sequence[RuleLine] | None
    channels: Sequence[ChannelLine] | None
    runs: Sequence[RunLine] | None
    disk: DiskUse | None

    @property
    def newest(self) -> Sequence[RunLine]:
        """The newest run of each job, those that failed first."""
        first = {line.run.job: line for line in reversed(self.runs or ())}
        return sorted(first.values(), key=lambda line: (not line.failed, line.run.job))

    @property
    def earlier(self) -> Sequence[RunLine]:
        """Every other run that is remembered."""
        newest = {id(line) for line in self.newest}
        return [line for line in self.runs or () if id(line) not in newest]


async def background(house: House, view: View, at: datetime) -> Background:
    """All of it for ``view`` at ``at``."""
    return Background(
        rules=rule_lines(house, view),
        channels=channel_lines(house, at),
        runs=await run_lines(house),
        disk=None if house.data_dir is None else await asyncio.to_thread(disk_use, house.data_dir),
    )


def rule_lines(house: House, view: View) -> list[RuleLine] | None:
    """One for each rule: those that fail first, then by name."""
    if house.rules is None:
        return None
    lines = [rule_line(name, kept, view) for name, kept in house.rules.evaluations().items()]
    return sorted(lines, key=lambda line: (not line.failing, line.name))


def rule_line(name: str, kept: Sequence[Evaluation], view: View) -> RuleLine:
    """The line of one rule from its evaluations, oldest first."""
    if not kept:
        return RuleLine(name, None, None, 0, 0, 0, None, None, failing=False)
    newest = kept[-1]
    shown = [v for v in newest.verdicts if view.every_site or v.site in (view.site, None)]
    broken = next((e for e in reversed(kept) if e.error is not None), None)
    return RuleLine(
        name=name,
        at=newest.at,
        took=newest.took,
        conditions=len(shown),
        active=sum(1 for v in shown if v.active),
        unknown=sum(1 for v in shown if v.active is None),
        error=None if broken is None else broken.error,
        error_at=None if broken is None else broken.at,
        failing=newest.error is not None,
    )


def channel_lines(house: House, at: datetime) -> list[ChannelLine] | None:
    """One for each channel: those that fail first, then by name."""
    if house.deliveries is None:
        return None
    lines = [
        ChannelLine(status, at - status.failing_for if status.failing_for > timedelta(0) else None)
        for status in house.deliveries.channels()
    ]
    return sorted(lines, key=lambda line: (not line.failing, line.status.name))


async def run_lines(house: House) -> list[RunLine] | None:
    """The newest :data:`RUNS` of each job, newest first."""
    if house.jobs is None:
        return None
    runs = [run for job in house.jobs.jobs for run in await house.jobs.history(job, RUNS)]
    return [
        RunLine(run, None if run.finished_at is None else run.finished_at - run.started_at) for run in runs
    ]


def disk_use(folder: Path) -> DiskUse:
    """What ``folder`` takes; blocks for a moment, since it looks at every file."""
    return DiskUse(sum(_sizes(folder)), shutil.disk_usage(folder).free)


def _sizes(folder: Path) -> Iterator[int]:
    for parent, _folders, names in os.walk(folder):
        for name in names:
            try:
                yield os.stat(os.path.join(parent, name), follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # a sealed hour was moved, or a report put in place, meanwhile
