"""The ledger is not as it was sealed and signed: somebody or something changed it behind the service."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.proof.difference import Checked, Difference
from energy.quantity import count
from runtime.options import Options

NAMED = 5
"""Differences that the evidence names."""


class LedgerChangedOptions(Options):
    """Judges the last check of the ledger, which the service makes once a day."""

    severity: Severity = Severity.CRITICAL


@RULES.add("ledger_changed", LedgerChangedOptions)
class LedgerChanged:
    """One condition per site."""

    cadence = Cadence.LEDGER

    def __init__(self, options: LedgerChangedOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown before the first check; a replay does not know of later ones."""
        checked = None if read.proof is None else await read.proof.checked()
        if checked is None or checked.at > at:
            return []
        return [self._site(key, checked) for key in read.sites]

    def _site(self, key: str, checked: Checked) -> Verdict:
        found = [one for one in checked.differences if one.site == key]
        return Verdict(
            key=f"ledger_changed/{key}",
            rule="ledger_changed",
            site=key,
            severity=self._options.severity,
            active=bool(found),
            title="The ledger was changed behind the service",
            summary=_summary(found),
            value=len(found),
            limit=0,
            link=f"/ledger?site={key}",
            evidence={"checked": checked.at.isoformat(), "found": [o.in_words() for o in found[:NAMED]]},
            advice="service.py verify names every difference. Keep a copy of the database as it is, "
            "find out who could write to it, and restore it from the last backup that verifies.",
        )


def _summary(found: list[Difference]) -> str:
    if not found:
        return "The ledger is as it was sealed and signed."
    more = f", and {count(len(found) - 1)} more" if len(found) > 1 else ""
    return f"The check found: {found[0].in_words()}{more}."
