"""What would have fired: the rules over a past period through the same code, telling nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from alerts.board import AlertState
from alerts.reading import Reading
from alerts.state import Memory, advance
from alerts.verdict import Cadence, Rule, Severity
from energy.interval import QUARTER, Period, floor_quarter


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


class Replay:
    """Asks the ledger's ``rules`` every quarter-hour of a period; live values of the past are not kept.

    Figures are those of today's ledger, so late readings and corrections count. Nothing is stored or sent.
    """

    def __init__(self, rules: Mapping[str, Rule], reading: Reading) -> None:
        self._rules = [rule for rule in rules.values() if rule.cadence is Cadence.LEDGER]
        self._reading = reading

    async def run(self, period: Period) -> AsyncIterator[Replayed]:
        """Every transition in ``period``, in order of time, beginning with nothing remembered."""
        memories: dict[str, Memory] = {}
        at = floor_quarter(period.start)
        while at < period.end:
            for rule in self._rules:
                async for change in self._judge(rule, memories, at):
                    yield change
            at += QUARTER

    async def _judge(self, rule: Rule, memories: dict[str, Memory], at: datetime) -> AsyncIterator[Replayed]:
        for verdict in await rule.judge(at, self._reading):
            step = advance(memories.get(verdict.key), verdict, at)
            if step.memory is None:
                memories.pop(verdict.key, None)
            else:
                memories[verdict.key] = step.memory
            for change in (*((step.closes,) if step.closes else ()), *step.changes):
                yield Replayed(
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
