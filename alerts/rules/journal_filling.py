"""The journal fills up: a store does not keep pace, and at the end nothing more is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import percent, quantity, size
from runtime.options import Options


class JournalFillingOptions(Options):
    """Shares of the journal's limit: from ``high`` on, from ``critical`` on, and back below ``clear``."""

    high: float = Field(default=0.80, gt=0, le=1)
    critical: float = Field(default=0.95, gt=0, le=1)
    clear: float = Field(default=0.75, gt=0, le=1)


@RULES.add("journal_filling", JournalFillingOptions)
class JournalFilling:
    """One condition; its severity rises with the journal."""

    cadence = Cadence.LIVE

    def __init__(self, options: JournalFillingOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """How full the journal is; always known."""
        status = await read.ingest.status()
        journal = status.journal
        full = journal.bytes / journal.limit_bytes
        worst = max(status.stores, key=lambda store: store.lag_s, default=None)
        behind = f" {worst.name} is {quantity(worst.lag_s, 's')} behind." if worst and worst.lag_s > 0 else ""
        critical = full >= self._options.critical
        verdict = Verdict(
            key="journal/filling",
            rule="journal_filling",
            site=None,
            severity=Severity.CRITICAL if critical else Severity.HIGH,
            active=full >= self._options.high,
            clears=full < self._options.clear,
            title="The journal is filling up",
            summary=f"The journal holds {size(journal.bytes)}, {percent(100 * full)} of its limit.{behind}",
            value=100 * full,
            limit=100 * self._options.high,
            unit="%",
            link="/system",
            evidence={"entries": journal.entries, "bytes": journal.bytes, "limit_bytes": journal.limit_bytes},
            advice="See on the System page which store is behind and why, and bring it back. At 100 % no "
            "message is acknowledged any more and the broker has to hold them; nothing is dropped here.",
        )
        return [verdict]
