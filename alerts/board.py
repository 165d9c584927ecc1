"""The alerts as pages, API and reports see them, and what people do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from alerts.verdict import Severity

UNTOLD = "nobody was told"
"""How the line of a timeline begins that says why nobody was told of an alarm."""

SILENCED, HEARD = "silenced until", "silence ended"
"""How the line begins that says that it was silenced, or is no longer."""

RAISED = "severity "
"""How the line begins that says that its severity has risen."""

_WORDS = {UNTOLD: "nobody told", SILENCED: "silenced", HEARD: HEARD, RAISED: "raised"}


class AlertState(StrEnum):
    """ISA-18.2 states, and ``pending`` while the on-delay runs."""

    NORMAL = "normal"
    PENDING = "pending"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"  # back to normal, not yet acknowledged


@dataclass(frozen=True)
class Alert:
    """One condition's current or past alarm. ``id`` is stable for one occurrence; ``rev`` grows with it.

    ``since`` is when the condition began, ``fired_at`` when people were first told: an on-delay later.
    """

    id: int
    key: str
    rule: str
    site: str | None
    severity: Severity
    state: AlertState
    title: str
    summary: str
    value: float | None
    limit: float | None
    unit: str
    since: datetime
    ended: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    note: str | None
    rev: int
    link: str
    evidence: Mapping[str, Any]
    silenced_until: datetime | None = None
    advice: str = ""
    fired_at: datetime | None = None


@dataclass(frozen=True)
class Transition:
    """One line of an alert's timeline; ``who`` is a person or the rule."""

    alert_id: int
    at: datetime
    before: AlertState
    after: AlertState
    who: str
    note: str | None

    @property
    def untold(self) -> bool:
        """Whether this line says why nobody was told."""
        return self.note is not None and self.note.startswith(UNTOLD)

    @property
    def what(self) -> str:
        """What happened, in a word or two: the state that it came to, or what was done while that stayed."""
        if self.before is not self.after:
            return self.after.value
        words = (words for start, words in _WORDS.items() if (self.note or "").startswith(start))
        return next(words, "note")

    @property
    def words(self) -> str:
        """The note, without what :attr:`what` has said already."""
        note = self.note or ""
        for start in (f"{UNTOLD}: ", SILENCED.removesuffix("until"), f"{HEARD}: ", HEARD):
            if self.before is self.after and note.startswith(start):
                return note.removeprefix(start)
        return note


@dataclass(frozen=True)
class Delivery:
    """One outbox row: what was sent to whom, and how it went."""

    message_key: str
    alert_id: int | None
    channel: str
    kind: str
    created_at: datetime
    attempts: int
    delivered_at: datetime | None
    error: str | None


class StaleRevision(Exception):
    """Somebody else changed the alert since the page was drawn; show it anew (HTTP 409)."""


class AlertBoard(Protocol):
    """Reads and commands on alerts."""

    async def alerts(
        self,
        *,
        active: bool | None = None,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        """Unacknowledged first, then what else is active, both by severity and age, then what has ended.

        What has ended comes newest first, after what is pending. ``active``: not normal and not pending. Of
        more than ``limit`` the last of that order are left out.
        """
        ...

    async def alert(self, alert_id: int) -> Alert | None:
        """One alert, or None."""
        ...

    async def timeline(self, alert_id: int) -> Sequence[Transition]:
        """Everything that happened to it, oldest first."""
        ...

    async def deliveries(self, alert_id: int) -> Sequence[Delivery]:
        """Who was told, oldest first."""
        ...

    async def acknowledge(
        self, alert_id: int, *, who: str, note: str | None, rev: int | None, at: datetime
    ) -> Alert:
        """Idempotent. Raises KeyError, or StaleRevision when ``rev`` is not the current one."""
        ...

    async def add_note(self, alert_id: int, *, who: str, note: str, at: datetime) -> Alert:
        """Add a line to its timeline, and make it the note that stands first; its state stays.

        Raises KeyError.
        """
        ...

    async def silence(
        self, alert_id: int, *, who: str, note: str | None, until: datetime, at: datetime
    ) -> Alert:
        """Keep quiet about it until then; it is still judged and logged. Raises KeyError."""
        ...
