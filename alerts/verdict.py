"""What a rule says: is this condition on, off, or unknown, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from alerts.reading import Reading
from runtime.registry import Registry


class Severity(StrEnum):
    """ISA-18.2 priorities, highest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def number(self) -> int:
        """1 for critical to 4 for low, as shown on every chip."""
        return list(Severity).index(self) + 1


@dataclass(frozen=True)
class Verdict:
    """A rule's judgement of one condition at one time.

    ``key`` names the condition for ever (``pue/gdansk``); no value or time may be part of it. ``active`` is
    None when missing data leaves it unknown: that neither starts an alarm nor ends one. ``clears`` is True
    only when the value is back beyond the deadband, so an active alarm with ``active=False, clears=False``
    stays on. ``on_delay`` and ``off_delay`` are how long a condition must last before it counts.
    ``advice`` tells whoever is called what to do. A change of ``episode`` (a target's new month) ends one
    alarm, which keeps what was last said of its own period; if the condition holds in the new one, another
    starts, though it never paused.
    """

    key: str
    rule: str
    site: str | None
    severity: Severity
    active: bool | None
    title: str
    summary: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    clears: bool = True
    on_delay: timedelta = timedelta(0)
    off_delay: timedelta = timedelta(0)
    link: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""
    episode: str = ""


class Cadence(StrEnum):
    """``live`` rules read the newest values every few seconds, ``ledger`` rules settled quarter-hours."""

    LIVE = "live"
    LEDGER = "ledger"


class Rule(Protocol):
    """Judges a set of conditions; pure but for what it reads through :class:`alerts.reading.Reading`."""

    @property
    def cadence(self) -> Cadence:
        """When it is asked."""
        ...

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """One verdict per condition that it watches."""
        ...


RULES: Registry[Rule] = Registry("rule")
