"""A process without a sign of life wakes people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from alerts.rules.silent_process import SilentProcess, SilentProcessOptions
from alerts.verdict import Severity, Verdict
from runtime.beats import ProcessStatus
from tests.unit.alerts.test_rules import reading

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)


@dataclass
class Told:
    """Processes that stand like this."""

    found: Sequence[ProcessStatus]

    def processes(self) -> Sequence[ProcessStatus]:
        return self.found


def process(name: str, age_s: float | None) -> ProcessStatus:
    age = None if age_s is None else timedelta(seconds=age_s)
    return ProcessStatus(name, name.partition("/")[0], "1.0", AT, age)


async def verdicts(*found: ProcessStatus) -> list[Verdict]:
    rule = SilentProcess(SilentProcessOptions())
    return list(await rule.judge(AT, reading(processes=Told(found))))


async def test_a_process_is_silent_after_thirty_seconds() -> None:
    well, silent = await verdicts(process("ingest/a", 29.0), process("jobs/one", 31.0))
    assert (well.key, well.active) == ("process/ingest/a/silent", False)
    assert (silent.active, silent.severity, silent.on_delay) == (True, Severity.CRITICAL, timedelta(0))
    assert silent.summary.startswith("jobs/one gave its last sign of life 31")
    assert "nothing is settled" in silent.summary


async def test_one_that_was_never_heard_may_be_starting() -> None:
    (verdict,) = await verdicts(process("ingest/a", None))
    assert (verdict.active, verdict.value) == (True, None)
    assert verdict.on_delay == timedelta(seconds=30)


async def test_one_process_that_does_everything_has_nobody_to_miss() -> None:
    rule = SilentProcess(SilentProcessOptions())
    assert list(await rule.judge(AT, reading())) == []


async def test_a_process_that_the_file_names_no_more_is_told_with_what_it_left() -> None:
    left = replace(process("ingest/c", 31.0), unnamed=True, problems=("2 batches were not stored",))
    (verdict,) = await verdicts(left)
    assert verdict.active
    assert "2 batches were not stored" in verdict.summary
    assert "how a shard is removed" in verdict.advice
