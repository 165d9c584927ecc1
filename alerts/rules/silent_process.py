"""A process that takes in, shows or settles gives no sign of life."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import quantity
from runtime.beats import SILENT, ProcessStatus
from runtime.options import Duration, Options

_MEANING = {
    "ingest": "Nothing of its shard is taken in: the broker keeps it while its session lasts and its queue "
    "has room. What is missing is unknown, and never green.",
    "jobs": "If no other one is at work, nothing is settled, judged or told.",
    "web": "Its pages cannot be reached.",
}

_LOOK = (
    "Look whether it runs on its machine and what its log says last, then whether that machine reaches the "
    "database."
)

_NAME_OR_RETIRE = (
    "Whoever took its shard out of the file left messages behind: docs/scale.md says how a shard is removed."
)


class SilentProcessOptions(Options):
    """On after ``limit`` without a sign of life."""

    severity: Severity = Severity.CRITICAL
    limit: Duration = SILENT
    on_delay: Duration = timedelta(0)


@RULES.add("silent_process", SilentProcessOptions)
class SilentProcess:
    """One condition per process; none where one process does everything."""

    cadence = Cadence.LIVE

    def __init__(self, options: SilentProcessOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Whether each has given a sign of life lately; always known."""
        return [self._process(one) for one in read.processes.processes()] if read.processes else []

    def _process(self, process: ProcessStatus) -> Verdict:
        age = process.age
        told = "never" if age is None else f"{quantity(age.total_seconds(), 's')} ago"
        limit, meaning = self._options.limit, _MEANING.get(process.role, "")
        if process.unnamed:
            meaning = "; ".join(process.problems)
        return Verdict(
            key=f"process/{process.name}/silent",
            rule="silent_process",
            site=None,
            severity=self._options.severity,
            active=age is None or age > limit,
            title=f"Process {process.name} is silent",
            summary=f"{process.name} gave its last sign of life {told}. {meaning}".strip(),
            value=None if age is None else age.total_seconds(),
            limit=limit.total_seconds(),
            unit="s",
            # One that was never heard may be starting beside us.
            on_delay=self._options.on_delay if age is not None else max(limit, self._options.on_delay),
            link="/system",
            evidence={"role": process.role, "address": process.address, "version": process.version},
            advice=_NAME_OR_RETIRE if process.unnamed else _LOOK,
        )
