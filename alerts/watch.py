"""Asks the rules, each behind its own fence, and hands what they say to the book."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from alerts.book import Book, OpenAlarms
from alerts.reading import Reading
from alerts.verdict import Cadence, Rule, Severity, Verdict
from runtime.clock import Clock
from runtime.database import DATABASE_AWAY

log = structlog.get_logger(__name__)

KEPT = 20
"""Evaluations remembered per rule."""

RULE_FAILING = "rule_failing"


@dataclass(frozen=True)
class Evaluation:
    """One asking of one rule ``at`` a time: what it said and how long it took, or the ``error`` it raised."""

    at: datetime
    took: timedelta
    verdicts: tuple[Verdict, ...]
    error: str | None


class Watch:
    """Evaluates ``rules`` (by the name that the registry knows) over ``reading`` into ``book``."""

    def __init__(self, rules: Mapping[str, Rule], reading: Reading, book: Book, clock: Clock) -> None:
        self._rules, self._reading, self._book, self._clock = dict(rules), reading, book, clock
        self._kept: dict[str, deque[Evaluation]] = {name: deque(maxlen=KEPT) for name in rules}
        self._trouble: str | None = None

    async def evaluate(self, at: datetime, cadence: Cadence | None = None) -> None:
        """Ask the rules of ``cadence`` (or all) how things stand ``at`` a time, then send reminders.

        A rule that raises stops no other, leaves its alarms as they are, and is itself an alarm. Raises
        one of :data:`runtime.database.DATABASE_AWAY`; asking again later loses nothing but time.
        """
        reading = replace(self._reading, figures=self._reading.figures.snapshot())
        asked = [n for n, rule in self._rules.items() if cadence is None or rule.cadence is cadence]
        for name in asked:
            await self._ask(name, at, reading)
        known = await self._book.open_alarms()
        for name in asked:
            await self._record(name, at, known)
        health = [self._health(name) for name in self._rules]
        if known.differ(RULE_FAILING, health, at):
            await self._book.record(RULE_FAILING, health, at)
        await self._book.remind(at)

    async def evaluate_live(self, at: datetime) -> None:
        """Ask the live rules; while the database is away they are asked in vain, which is logged once."""
        trouble = None
        try:
            await self.evaluate(at, Cadence.LIVE)
        except DATABASE_AWAY as error:
            trouble = f"{type(error).__name__}: {error}"
        if trouble is not None and trouble != self._trouble:
            log.warning("watch_database_failed", error=trouble)
        elif trouble is None and self._trouble is not None:
            log.info("watch_database_back")
        self._trouble = trouble

    def evaluations(self) -> Mapping[str, Sequence[Evaluation]]:
        """The newest evaluations of each rule, oldest first, for the System page."""
        return {name: tuple(kept) for name, kept in self._kept.items()}

    async def _ask(self, name: str, at: datetime, reading: Reading) -> None:
        began, error = self._clock.now(), None
        verdicts: tuple[Verdict, ...] = ()
        try:
            verdicts = tuple(await self._rules[name].judge(at, reading))
        except Exception as failure:
            error = self._failed(name, at, failure)
        self._kept[name].append(Evaluation(at, self._clock.now() - began, verdicts, error))

    async def _record(self, name: str, at: datetime, known: OpenAlarms) -> None:
        newest = self._kept[name][-1]
        if newest.error is not None:
            return
        try:
            if known.differ(name, newest.verdicts, at):
                await self._book.record(name, newest.verdicts, at)
        except Exception as failure:
            self._kept[name][-1] = replace(newest, error=self._failed(name, at, failure))

    def _failed(self, name: str, at: datetime, failure: Exception) -> str:
        """What the rule raised; logged once as long as it stays the same."""
        error = f"{type(failure).__name__}: {failure}"
        told = [one.error for one in self._kept[name] if one.at < at][-1:]
        if told != [error]:
            log.exception("rule_failed", rule=name, at=at.isoformat())
        return error

    def _health(self, name: str) -> Verdict:
        newest = self._kept[name][-1] if self._kept[name] else None
        failed = None if newest is None else newest.error is not None
        return Verdict(
            key=f"rule/{name}",
            rule=RULE_FAILING,
            site=None,
            severity=Severity.HIGH,
            active=failed,
            title=f"Rule {name} fails",
            summary=f"It raised {newest.error}" if newest and newest.error else "It runs again.",
            link="/system",
            evidence={"error": newest.error if newest else None},
            advice="What this rule watches is not watched now. The log holds the whole error.",
        )
