"""Devices that have stopped talking, grouped so that no hall of silent nodes is a thousand alarms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.device import devices
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.tree.dating import dates, within
from runtime.clock import to_ms
from runtime.options import Duration, Options
from telemetry.status import SourceStatus

NAMED = 20
"""Sources named in the evidence."""

_SHARED = (
    "If it speaks all the same, its topics may belong to no [[shard]]: /readyz of web and jobs, and System, "
    "name one that nobody takes."
)


class SilentSourceOptions(Options):
    """A source is silent after ``periods`` of its period, or when it has said that it is offline.

    ``period`` is that of sources without a table: nodes, weather stations, and devices of a site that are not
    configured. ``on_delay`` lets sources speak again after a restart of the service; those that never spoke
    get ``periods`` of their period.
    """

    severity: Severity = Severity.MEDIUM
    whole: Severity = Severity.HIGH
    periods: float = Field(default=3, ge=1)
    period: Duration = timedelta(seconds=20)
    on_delay: Duration = timedelta(seconds=30)


@dataclass(frozen=True)
class Group:
    """Sources that are one condition; while all of ``above`` is silent, that alone is told."""

    key: str
    title: str
    site: str
    sources: tuple[SourceStatus, ...]
    silent: tuple[SourceStatus, ...]
    above: str | None
    whole: bool

    @property
    def dead(self) -> bool:
        """Whether it is told as a whole and nothing in it speaks, though more than one should."""
        return self.whole and len(self.sources) > 1 and len(self.silent) == len(self.sources)


@RULES.add("silent_source", SilentSourceOptions)
class SilentSource:
    """Conditions: each site as a whole, each hall as a whole, each rack, and each kind of other device."""

    cadence = Cadence.LIVE

    def __init__(self, options: SilentSourceOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """A configured source that never spoke is silent; what the level above explains is left unknown."""
        # Who is not configured (a load test, a typing error, an old name) wakes nobody: System shows it.
        resting = _resting(read.sites, at)
        sources = [
            s
            for s in read.ingest.sources()
            if s.site in read.sites and s.configured and s.source not in resting
        ]
        periods = _periods(read.sites)
        patience = {
            s.source: self._options.periods * periods.get(s.source, self._options.period) for s in sources
        }
        quiet = {s.source for s in sources if _silent(s, at, patience[s.source])}
        groups = {g.key: g for g in _groups(sources, quiet, read.sites)}
        found = [self._verdict(group, groups, patience) for group in groups.values()]
        return (
            found if read.processes is None else [replace(v, advice=f"{v.advice} {_SHARED}") for v in found]
        )

    def _verdict(
        self, group: Group, groups: Mapping[str, Group], patience: Mapping[str, timedelta]
    ) -> Verdict:
        on = group.dead if group.whole else bool(group.silent)
        new = [patience[s.source] for s in group.silent if s.last_at is None]
        named = [source.source for source in group.silent[:NAMED]]
        more = f" and {len(group.silent) - NAMED} more" if len(group.silent) > NAMED else ""
        return Verdict(
            key=group.key,
            rule="silent_source",
            site=group.site,
            severity=self._options.whole if group.whole else self._options.severity,
            active=None if _explained(group, groups) else on,
            title=group.title,
            summary=f"{len(group.silent)} of {len(group.sources)} silent: "
            f"{', '.join(named)}{more}." + _never(len(new), len(group.silent))
            if group.silent
            else "Every source speaks.",
            value=float(len(group.silent)),
            unit="sources",
            on_delay=max([self._options.on_delay, *new]),
            link=f"/system?site={group.site}",
            evidence={"silent": named, "count": len(group.silent), "sources": len(group.sources)},
            advice="Check power and network of what is named, then its gateway. If a whole site is silent, "
            "look at the broker and the bridge first.",
        )


def _never(new: int, silent: int) -> str:
    """A sentence on how many of the silent ones never spoke, if any did not."""
    if new == 0:
        return ""
    if new == silent:
        return " It has never spoken." if new == 1 else " None of them has ever spoken."
    return f" {new} of them {'has' if new == 1 else 'have'} never spoken."


def _silent(source: SourceStatus, at: datetime, patience: timedelta) -> bool:
    return source.online is False or source.last_at is None or at - source.last_at > patience


def _explained(group: Group, groups: Mapping[str, Group]) -> bool:
    above = groups.get(group.above) if group.above else None
    while above is not None:
        if above.dead:
            return True
        above = groups.get(above.above) if above.above else None
    return False


def _resting(sites: Mapping[str, SiteOptions], at: datetime) -> set[str]:
    """Devices whose dates say that they are not there yet, or no more."""
    found: set[str] = set()
    for key, site in sites.items():
        if dates(site):
            there = {device.source for device in devices(key, within(site, to_ms(at) // QUARTER_MS))}
            found |= {device.source for device in devices(key, site)} - there
    return found


def _periods(sites: Mapping[str, SiteOptions]) -> dict[str, timedelta]:
    """The period of every configured device, by the name of its source."""
    found = [device for key, site in sites.items() for device in devices(key, site)]
    return {f"{d.site}/{d.measurement.name}/{d.id}": d.period for d in found}


def _groups(
    sources: Sequence[SourceStatus], quiet: set[str], sites: Mapping[str, SiteOptions]
) -> Iterable[Group]:
    members: dict[Place, list[SourceStatus]] = defaultdict(list)
    for source in sources:
        if source.site is not None:
            for place in _places(source, source.site, sites[source.site].name):
                members[place].append(source)
    for place, found in members.items():
        silent = tuple(s for s in found if s.source in quiet)
        yield Group(place.key, place.title, place.site, tuple(found), silent, place.above, place.whole)


class Place(NamedTuple):
    """One group that a source belongs to."""

    site: str
    key: str
    above: str | None
    title: str
    whole: bool


def _places(source: SourceStatus, site: str, name: str) -> list[Place]:
    top = f"silent/{site}"
    found = [Place(site, top, None, f"{name} is silent", True)]
    parts = source.source.split("/")
    if source.measurement == "gpu" and len(parts) >= 4:
        hall, rack = f"{top}/hall/{parts[1]}", f"{top}/rack/{parts[1]}/{parts[2]}"
        found.append(Place(site, hall, top, f"Hall {parts[1]} is silent", True))
        found.append(Place(site, rack, hall, f"Nodes of rack {parts[1]}/{parts[2]} are silent", False))
    else:
        kind = source.measurement
        found.append(Place(site, f"{top}/{kind}", top, f"A {kind} source is silent", False))
    return found
