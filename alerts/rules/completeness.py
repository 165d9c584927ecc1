"""A meter at the inlet has too many unknown intervals, so that energy and green share are withheld."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.site import SiteOptions
from energy.figures import MeterStatement
from energy.interval import Period
from energy.tree import boundary
from runtime.options import Duration, Options


class CompletenessOptions(Options):
    """The share of known intervals over the last ``window`` is held against the site's completeness floor."""

    severity: Severity = Severity.MEDIUM
    window: Duration = timedelta(hours=1)


RECENT = timedelta(days=1)
"""A meter that told nothing for so long before the window is not newly missing."""


@RULES.add("completeness", CompletenessOptions)
class Completeness:
    """One condition per utility meter."""

    cadence = Cadence.LEDGER

    def __init__(self, options: CompletenessOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown before anything is settled."""
        found: list[Verdict] = []
        for key, site in read.sites.items():
            settled = await read.settled(key, at)
            if settled is None:
                continue
            period = Period(settled - self._options.window, settled)
            now = await _inlet(read, key, period)
            begun = set[str]()
            if any(_low(statement, site) for statement in now):
                # A meter that has only begun has missed nothing, one that has long been dead is known to be.
                before = await _inlet(read, key, Period(period.start - RECENT, period.start))
                begun = {s.meter for s in before if s.known}
            found += [self._meter(key, site, s, period, s.meter in begun) for s in now]
        return found

    def _meter(
        self, key: str, site: SiteOptions, statement: MeterStatement, period: Period, begun: bool
    ) -> Verdict:
        share = statement.known / statement.expected if statement.expected else None
        low = _low(statement, site)
        missing = statement.expected - statement.known
        return Verdict(
            key=f"completeness/{key}/{statement.meter}",
            rule="completeness",
            site=key,
            severity=self._options.severity,
            active=None if share is None or (low and not begun) else low,
            title=f"Meter {statement.meter} is missing at the inlet",
            summary=f"{missing} of the last {statement.expected} intervals of {statement.meter} "
            f"{'is' if missing == 1 else 'are'} unknown, "
            "so energy, PUE and green share of the site are withheld there.",
            value=None if share is None else 100 * share,
            limit=100 * site.completeness_floor,
            unit="%",
            link=f"/system?site={key}",
            evidence={"start": period.start.isoformat(), "end": period.end.isoformat(), "missing": missing},
            advice="Check the meter and its gateway. If it kept counting, its register fills the gap as an "
            "estimate once it reports again; missing energy is never counted as green.",
        )


def _low(statement: MeterStatement, site: SiteOptions) -> bool:
    expected = statement.expected
    return expected > 0 and statement.known / expected < site.completeness_floor


async def _inlet(read: Reading, key: str, period: Period) -> list[MeterStatement]:
    """How complete the imports of each utility meter are."""
    inlet = {name for _, name in boundary.inlet(read.sites[key])}
    statements = await read.figures.statements(key, period, only=inlet)
    return [s for s in statements if s.channel == "energy"]
