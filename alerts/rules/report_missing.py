"""Last month's report has not been issued."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.site import SiteOptions
from energy.interval import month_of
from energy.quantity import month_words
from energy.reading.statement import metered
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
        self._issued: set[tuple[str, str]] = set()

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Nothing is missing of months that ended before anything was settled.

        The index of today is asked, whatever ``at`` is: whoever makes up for a past check wants to hear of
        a report that is missing still, and of none that was issued in the meantime.
        """
        if read.reports is None:
            return []
        last = {key: month_of(_month_before(at, site), site.tz) for key, site in read.sites.items()}
        begun = {key: last[key].start.astimezone(site.tz) for key, site in read.sites.items()}
        named = {key: f"{start:%Y-%m}" for key, start in begun.items()}
        if not self._issued.issuperset(named.items()):  # what was issued once stays issued
            self._issued = {(entry.site, entry.period) for entry in await read.reports.entries()}
        found = []
        for key, month in named.items():
            settled = await read.figures.settled_until(key)
            due = at >= last[key].end + self._options.grace and settled is not None
            lacking = due and (key, month) not in self._issued
            missing = lacking and await metered(read.figures, key, last[key])
            found.append(self._verdict(key, begun[key], missing))
        return found

    def _verdict(self, key: str, begun: datetime, missing: bool) -> Verdict:
        month = month_words(begun)
        return Verdict(
            key=f"report/{key}",
            rule="report_missing",
            site=key,
            severity=self._options.severity,
            active=missing,
            title=f"The report for {month} is missing",
            summary=f"The report for {month} has not been issued."
            if missing
            else f"The report for {month} has been issued or is not due.",
            link="/reports",
            episode=f"{begun:%Y-%m}",
            evidence={"month": f"{begun:%Y-%m}"},
            advice="Open the Reports page and issue it there; if that fails, the System page shows why.",
        )


def _month_before(at: datetime, site: SiteOptions) -> datetime:
    """A time in the month before the one that holds ``at``."""
    return month_of(at, site.tz).start - timedelta(days=1)
