"""The scheduled check of every quarter-hour: settle what has ended, then ask whether the targets hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from alerts.verdict import Cadence
from energy.interval import QUARTER
from runtime.backoff import Backoff, insist
from runtime.clock import Clock
from runtime.database import DATABASE_AWAY
from runtime.errors import StoreError

log = structlog.get_logger(__name__)

GREEN_CHECK = "green-check"
"""The name of its job."""

PAST = timedelta(hours=1)
"""A due time longer ago than this is caught up with: what else was due then may not have been done yet."""

_UNSETTLED: tuple[type[Exception], ...] = (StoreError, *DATABASE_AWAY)
"""What keeps the ledger from settling for now."""


class Waits(Protocol):
    """What the check needs of :class:`telemetry.backlog.Backlog`."""

    async def wait(self) -> None:
        """Return once nothing is known to be still on its way."""
        ...


class Settles(Protocol):
    """What the check needs of :class:`energy.settlement.ledger.Ledger`."""

    async def settle(self, at: datetime) -> object:
        """Settle all that had ended ``at`` a time. Raises StoreError or one of the database's."""
        ...


class Judges(Protocol):
    """What the check needs of :class:`alerts.watch.Watch`."""

    async def evaluate(self, at: datetime, cadence: Cadence | None = None) -> None:
        """Ask the rules of ``cadence`` how things stood ``at`` a time. Raises one of the database's."""
        ...


class Issues(Protocol):
    """What the check needs of :class:`reports.due.MonthlyIssue`."""

    async def issue_due(self, due: datetime) -> None:
        """Issue the reports that were due by then."""
        ...


@dataclass
class GreenCheck:
    """The job of the schedule. One settlement serves many due times; rules are asked of each.

    A due time that failed is decided for ever, and a database that is being restarted comes back: so what
    fails for that reason is tried again for some minutes, with ``pause`` between.
    """

    clock: Clock
    backlog: Waits
    ledger: Settles
    watch: Judges
    reports: Issues
    pause: Backoff | None = None
    unsettled: str | None = field(default=None, init=False)
    """Why the ledger is not settled, for people; None while it is."""
    judged: datetime | None = field(default=None, init=False)
    """The last due time of which the rules were asked; None before the first."""
    _settled_at: datetime | None = field(default=None, init=False)

    async def check(self, due: datetime) -> None:
        """Settle and judge. Raises what :meth:`settle` raises."""
        await self.backlog.wait()
        await self.settle(due)
        if self.clock.now() - due > PAST and timedelta(minutes=due.minute) < QUARTER:
            await self._issue_first(due)
        await insist(lambda: self.watch.evaluate(due, Cadence.LEDGER), DATABASE_AWAY, backoff=self.pause)
        self.judged = due

    async def issue(self, due: datetime) -> None:
        """The job that issues reports: not before what they tell is judged, or they would tell of no alert.

        While the checks catch up with a past it does nothing: they issue what was due then in its place.
        """
        if self.judged is not None and due - self.judged <= PAST:
            await self.reports.issue_due(due)

    async def settle(self, due: datetime) -> None:
        """Settle all that has ended by now, unless that was just done.

        A schedule that catches up asks for thousands of due times; one settlement serves all of them until
        a quarter-hour has passed, which while a recording plays is soon. Raises StoreError or one of
        :data:`runtime.database.DATABASE_AWAY`.
        """
        await insist(lambda: self._settle(due), _UNSETTLED, backoff=self.pause)

    async def _settle(self, due: datetime) -> None:
        now = self.clock.now()
        if self._settled_at is None or due > self._settled_at or now - self._settled_at >= QUARTER:
            try:
                await self.ledger.settle(now)
            except _UNSETTLED as error:
                self.unsettled = str(error).partition("\n")[0]
                raise
            self._settled_at, self.unsettled = now, None

    async def _issue_first(self, due: datetime) -> None:
        """Issue what was due in a past hour before that is judged, or it would pass for missing."""
        try:
            await self.reports.issue_due(due)
        except Exception:  # the fence of a job: its own run will tell; the check goes on
            log.exception("report_failed", due=due.isoformat())
