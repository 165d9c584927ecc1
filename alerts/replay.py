"""What would have fired: the rules over a past period through the same code, telling nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.board import AlertState
from alerts.reading import Reading
from alerts.state import Change, Memory, Step, advance
from alerts.verdict import Cadence, Rule, Severity, Verdict
from energy.interval import QUARTER, Period, floor_quarter
from energy.outlook.foresight import Outlook


@dataclass(frozen=True)
class Replayed:
    """One transition that would have been; ``told`` is whether people would have heard of it."""

    at: datetime
    rule: str
    key: str
    site: str | None
    severity: Severity
    before: AlertState
    after: AlertState
    title: str
    summary: str
    told: bool


Remembered = dict[str, tuple[Memory, Verdict]]
"""What is not normal, by key, with what was last said of it while it held."""


class Replay:
    """Asks the ledger's ``rules`` every quarter-hour of a period; live values of the past are not kept.

    Figures are those of today's ledger, so late readings and corrections count. Nothing is stored or sent;
    whoever stops listening ends it.
    """

    def __init__(self, rules: Mapping[str, Rule], reading: Reading) -> None:
        self._rules = [rule for rule in rules.values() if rule.cadence is Cadence.LEDGER]
        self._reading = reading
        self._alone = asyncio.Lock()  # each asks every rule a hundred times a day: two would starve the pages

    async def run(self, period: Period) -> AsyncGenerator[Replayed, None]:
        """Every transition in ``period``, in order of time, beginning with nothing remembered."""
        async with aclosing(self.judged(period)) as judged:
            async for _at, changes in judged:
                for change in changes:
                    yield change

    async def judged(self, period: Period) -> AsyncGenerator[tuple[datetime, Sequence[Replayed]], None]:
        """Every quarter-hour of ``period`` with the transitions that it brought, most often none."""
        async with self._alone:
            memories: Remembered = {}
            figures = self._reading.figures.snapshot(over=period)
            reading = replace(self._reading, figures=figures, outlook=Outlook())
            at = floor_quarter(period.start)
            while at < period.end:
                yield at, await self._judge(memories, at, reading)
                await asyncio.sleep(0)  # what the rules read is at hand, so nothing else lets others in
                at += QUARTER

    async def _judge(self, memories: Remembered, at: datetime, reading: Reading) -> list[Replayed]:
        return [
            change
            for rule in self._rules
            for verdict in await rule.judge(at, reading)
            for change in _changes(memories, verdict, at)
        ]


def _changes(memories: Remembered, verdict: Verdict, at: datetime) -> Iterator[Replayed]:
    memory, said = memories.get(verdict.key, (None, verdict))
    step = advance(memory, verdict, at)
    if step.memory is None:
        memories.pop(verdict.key, None)
    else:
        memories[verdict.key] = step.memory, verdict if verdict.active else said
    if step.closes is not None:
        yield _replayed(step.closes, said, step, at)
    for change in step.changes:
        yield _replayed(change, said if step.keeps else verdict, step, at)


def _replayed(change: Change, verdict: Verdict, step: Step, at: datetime) -> Replayed:
    return Replayed(
        at=at,
        rule=verdict.rule,
        key=verdict.key,
        site=verdict.site,
        severity=verdict.severity,
        before=change.before,
        after=change.after,
        title=verdict.title,
        summary=verdict.summary,
        told=step.notice.tells,
    )
