"""PUE above the site's limit, over the last settled hour."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, Period
from energy.quantity import moment, ratio
from runtime.options import Duration, Options

HOUR = timedelta(hours=1)


class PueLimitOptions(Options):
    """``deadband`` is how far below the limit it must come; figures older than ``stale`` tell nothing."""

    severity: Severity = Severity.HIGH
    deadband: float = Field(default=0.02, ge=0)
    on_delay: Duration = 2 * QUARTER
    stale: Duration = timedelta(hours=2)


@RULES.add("pue_limit", PueLimitOptions)
class PueLimit:
    """One condition per site. Energies are summed over four quarter-hours before they are divided."""

    cadence = Cadence.LEDGER

    def __init__(self, options: PueLimitOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown while the hour's PUE is withheld or nothing new is settled."""
        return [await self._site(key, site, at, read) for key, site in read.sites.items()]

    async def _site(self, key: str, site: SiteOptions, at: datetime, read: Reading) -> Verdict:
        pue, reason, hour = None, "nothing is settled yet", None
        settled = await read.settled(key, at)
        if settled is not None and at - settled > self._options.stale:
            reason = f"nothing has been settled since {moment(settled, site.tz)}"
        elif settled is not None:
            hour = Period(settled - HOUR, settled)
            (row,) = await read.figures.kpi(key, hour, only={"pue"})
            pue, reason = row.pue, row.withheld.get("pue", "")
        limit = site.pue_limit
        return Verdict(
            key=f"pue/{key}",
            rule="pue_limit",
            site=key,
            severity=self._options.severity,
            active=None if pue is None else pue > limit,
            clears=pue is not None and pue <= limit - self._options.deadband,
            title="PUE above its limit",
            summary=f"PUE over the last hour is {ratio(pue)}, the limit is {ratio(limit)}."
            if pue is not None
            else f"PUE is not known: {reason}.",
            value=pue,
            limit=limit,
            on_delay=self._options.on_delay,
            link=f"/?site={key}",
            evidence={"start": hour.start.isoformat(), "end": hour.end.isoformat()} if hour else {},
            advice="Compare cooling and loss meters with the hour before: look for failed free cooling, "
            "a set point that was changed, or IT load that fell while the plant ran on.",
        )
