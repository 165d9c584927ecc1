"""Changes wait for a locked month: its figures and its report are not the newest knowledge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.proof.desk import Pending
from runtime.options import Options


class LedgerPendingOptions(Options):
    """On as long as anything waits for a restatement."""

    severity: Severity = Severity.MEDIUM


@RULES.add("ledger_pending", LedgerPendingOptions)
class LedgerPending:
    """One condition per site."""

    cadence = Cadence.LEDGER

    def __init__(self, options: LedgerPendingOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """A replay does not know of what became known later."""
        found = [] if read.proof is None else [p for p in await read.proof.pending("all") if p.since <= at]
        return [self._site(key, [one for one in found if one.site == key]) for key in read.sites]

    def _site(self, key: str, found: Sequence[Pending]) -> Verdict:
        intervals = sum(one.intervals for one in found)
        months = ", ".join(one.period for one in found)
        told = "; ".join(sorted({one.in_words() for one in found}))
        return Verdict(
            key=f"ledger_pending/{key}",
            rule="ledger_pending",
            site=key,
            severity=self._options.severity,
            active=bool(found),
            title="Changes wait for a locked month",
            summary=f"What came after the lock would change {months}: {told}."
            if found
            else "Nothing waits for a locked month.",
            value=intervals + sum(len(one.certificates) for one in found),
            limit=0,
            link=f"/ledger/{found[0].period}?site={key}" if found else f"/ledger?site={key}",
            evidence={"months": [one.period for one in found], "because": _because(found)},
            advice="Look at what would change, and restate the month if it is to stand: service.py restate "
            "MONTH --site SITE --who NAME --reason TEXT, then issue its report anew.",
        )


def _because(found: Sequence[Pending]) -> list[str]:
    return [why for one in found for why in one.because][:10]
