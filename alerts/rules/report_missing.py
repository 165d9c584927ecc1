"""Last month's report has not been issued."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.interval import month_of
from runtime.options import Duration, Options


class ReportMissingOptions(Options):
    """It is missed once ``grace`` has passed since the month ended."""

    severity: Severity = Severity.MEDIUM
    grace: Duration = timedelta(hours=30)


@RULES.add("report_missing", ReportMissingOptions)
class ReportMissing:
    """One condition per site; each month is an episode of its own."""

    cadence = Cadence.LEDGER

    def __init__(self, options: ReportMissingOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Nothing is missing of months that ended before anything was settled."""
        if read.reports is None:
            return []
        found = []
        issued = {(entry.site, entry.period) for entry in await read.reports.entries()}
        for key, site in read.sites.items():
            this = month_of(at, site.tz)
            last = month_of(this.start - timedelta(days=1), site.tz)
            name = f"{last.start.astimezone(site.tz):%Y-%m}"
            settled = await read.figures.settled_until(key)
            due = at >= last.end + self._options.grace and settled is not None
            lacking = due and (key, name) not in issued
            began = lacking and any(s.known for s in await read.figures.statements(key, last))
            found.append(self._verdict(key, name, began))
        return found

    def _verdict(self, key: str, month: str, missing: bool) -> Verdict:
        return Verdict(
            key=f"report/{key}",
            rule="report_missing",
            site=key,
            severity=self._options.severity,
            active=missing,
            title="The monthly report is missing",
            summary=f"The report for {month} has not been issued."
            if missing
            else f"The report for {month} is not missing.",
            link="/reports",
            episode=month,
            evidence={"month": month},
            advice="Open the Reports page and issue it there; if that fails, the System page shows why.",
        )
