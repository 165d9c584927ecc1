"""The journal ended before what had been acknowledged: its newest pages are damaged, readings may be lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from runtime.options import Duration, Options


class JournalDamagedOptions(Options):
    """On for ``window`` after the start that found it."""

    severity: Severity = Severity.CRITICAL
    window: Duration = timedelta(hours=24)


@RULES.add("journal_damaged", JournalDamagedOptions)
class JournalDamaged:
    """One condition. What stores had taken before is safe; how many of the others there were is told."""

    cadence = Cadence.LIVE

    def __init__(self, options: JournalDamagedOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Whether batches were found missing within the window; always known."""
        journal = (await read.ingest.status()).journal
        last = journal.lost_at
        verdict = Verdict(
            key="journal/damaged",
            rule="journal_damaged",
            site=None,
            severity=self._options.severity,
            active=last is not None and at - last < self._options.window,
            title="The journal was damaged: acknowledged readings may be lost",
            summary=f"Since the data directory was made {journal.lost} batches were acknowledged that the "
            f"journal no longer held at a start, last on {last:%Y-%m-%d %H:%M} UTC."
            if last is not None
            else "The journal has held all that was acknowledged.",
            link="/system",
            evidence={"lost_batches": journal.lost, "last": last.isoformat() if last else None},
            advice="Check the disk and the memory of the machine before they damage more. Stores are mostly "
            "less than a second behind, so most is stored; see that hour's completeness for what is not.",
        )
        return [verdict]
