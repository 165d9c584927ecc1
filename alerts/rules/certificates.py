"""Certificates are about to expire unused, or a month's target rests on some that are not cancelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.certificates.desk import Certificates as Desk
from energy.certificates.holdings import Holding
from energy.figures import ALL
from energy.interval import Period, month_of
from energy.quantity import day_words, energy, month_words
from energy.targets.target import TargetOptions
from runtime.options import Duration, Options

_LISTED = 5
"""Runs of numbers named in the evidence."""

_UNUSED = frozenset({"issued", "held", "allocated"})


class CertificatesOptions(Options):
    """``expiring`` is how long before they expire; ``cancelled_within`` of a month's end its are due."""

    severity: Severity = Severity.MEDIUM
    expiring: Duration = timedelta(days=30)
    cancelled_within: Duration = timedelta(days=45)


@RULES.add("certificates", CertificatesOptions)
class Certificates:
    """One condition per registry, and one per site whose target is the renewable energy factor."""

    cadence = Cadence.LEDGER

    def __init__(self, options: CertificatesOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """By what had been entered ``at`` the time."""
        if read.certificates is None:
            return []
        found = await self._expiring(at, read.certificates)
        for target in read.targets:
            if target.metric == "ref" and target.period == "month":
                found.append(await self._uncancelled(at, target, read, read.certificates))
        return found

    async def _expiring(self, at: datetime, desk: Desk) -> list[Verdict]:
        by = at + self._options.expiring
        soon = await desk.holdings.expiring(at, by)
        unused = [one for one in soon if one.state in _UNUSED]
        return [
            self._of_registry(
                key, rules.tz, sorted((one for one in unused if one.registry == key), key=_expiry)
            )
            for key, rules in desk.rules.items()
        ]

    def _of_registry(self, key: str, zone: ZoneInfo, unused: Sequence[Holding]) -> Verdict:
        wh = sum(one.wh for one in unused)
        first = day_words(unused[0].expires_at.astimezone(zone)) if unused else ""
        return Verdict(
            key=f"certificates/{key}/expiring",
            rule="certificates",
            site=None,
            severity=self._options.severity,
            active=bool(unused),
            title=f"Certificates of {key} are about to expire unused",
            summary=f"{energy(wh)} of certificates in registry {key} are not cancelled; the first of them "
            f"expire on {first}."
            if unused
            else f"No certificate in the registry {key} is about to expire unused.",
            link="/certificates",
            evidence={"unused_wh": wh, "first": {one.numbers: energy(one.wh) for one in unused[:_LISTED]}},
            advice="Allocate them to a site and month on the Certificates page and have the registry cancel "
            "them, or sell them: once expired they prove nothing.",
        )

    async def _uncancelled(self, at: datetime, target: TargetOptions, read: Reading, desk: Desk) -> Verdict:
        keys = list(read.sites) if target.site == ALL else [target.site]
        zone = read.sites[target.site].tz if target.site in read.sites else ZoneInfo("UTC")
        month = _due(at - self._options.cancelled_within, zone)
        sums = [await desk.claims.period(key, _own(month, read.sites[key].tz), at) for key in keys]
        pending = sum(one.pending_wh for one in sums)
        ref = None
        if pending:
            (row,) = await read.figures.kpi(target.site, month, as_of=at, only=["ref"])
            ref = row.ref
        lacking = None if pending and ref is None else bool(pending) and ref is not None and ref < target.goal
        begun = month.start.astimezone(zone)
        return Verdict(
            key=f"certificates/target/{target.name}",
            rule="certificates",
            site=None if target.site == ALL else target.site,
            severity=Severity(target.severity),
            active=lacking,
            title=f"{target.name}: certificates of {month_words(begun)} are not cancelled",
            summary=f"{energy(pending)} allocated to {month_words(begun)} are not cancelled yet, and without "
            "them its target is missed."
            if lacking
            else f"The target of {month_words(begun)} rests on no certificate that is not cancelled.",
            link=f"/certificates?site={target.site}",
            episode=f"{begun:%Y-%m}",
            evidence={"target": target.name, "pending_wh": pending, "start": month.start.isoformat()},
            advice="Have the registry cancel them for this site, and enter its statement on the Certificates "
            "page: only cancelled certificates count.",
        )


def _due(at: datetime, zone: ZoneInfo) -> Period:
    """The newest month that had ended ``at`` that time."""
    return month_of(month_of(at, zone).start - timedelta(days=1), zone)


def _own(month: Period, zone: ZoneInfo) -> Period:
    """The same month as the site itself counts it."""
    return month_of(month.start + (month.end - month.start) / 2, zone)


def _expiry(one: Holding) -> tuple[datetime, str]:
    return one.expires_at, one.numbers
