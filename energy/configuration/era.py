"""Which meters and supplies a site had when: what was accounted by one configuration stays so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise

import numpy as np

from energy.configuration.device import Device, devices
from energy.configuration.metering import Dated
from energy.configuration.plan import UNDATED, Plan, planned
from energy.configuration.site import SiteOptions
from energy.settlement.readings import Span
from energy.sums.line import Flags
from energy.tree.boundary import headline
from energy.tree.dating import DATED, Version, dates, resolved
from energy.uncertainty import uncertainties

BEGINNING = 0
"""The quarter from which the first configuration of a site is valid."""

FOREVER = 2**31 - 1
"""The quarter up to which what is configured now is valid."""

DeviceName = tuple[str, str]
"""Measurement and id."""


@dataclass(frozen=True)
class Era:
    """Quarters ``first <= q < until`` in which a site had the meters and supplies of ``site``.

    In an ``absent`` era the whole site was not configured: it has no device then, and none is missing.
    """

    first: int
    until: int
    site: SiteOptions
    absent: bool = False

    @cached_property
    def category(self) -> str | None:
        """The point whose IT energy its PUE divides by; None without any."""
        return headline(self.site)

    @cached_property
    def uncertainty(self) -> Mapping[str, float]:
        """The relative expanded uncertainty (k=2) of each KPI whose meters name their class."""
        return uncertainties(self.site)

    def meets(self, first: int, until: int) -> bool:
        """Whether some of its quarters are among ``first <= q < until``."""
        return self.first < until and first < self.until


def eras(site: SiteOptions, plans: Sequence[Plan], as_of: datetime | None = None) -> tuple[Era, ...]:
    """The eras of ``site``, earliest first and without a gap; one of all time for a site without ``plans``.

    Plans that were recorded after ``as_of`` are not known yet; the first one always is. Of two that begin
    with one quarter the later counts. What no plan keeps (:mod:`energy.configuration.plan`) is as it is
    configured now.

    An entry that says from when until when it is valid counts then, whenever that was noted.
    """
    seen = [p for n, p in enumerate(plans) if n == 0 or as_of is None or p.known_at <= as_of]
    found: list[Era] = []
    until = FOREVER
    for plan in reversed(seen):
        if plan.since < until:
            era = Era(plan.since, until, planned(site, plan.tables), plan.absent)
            if found and (found[-1].site, found[-1].absent) == (era.site, era.absent):
                found[-1] = replace(found[-1], first=era.first)
            else:
                found.append(era)
            until = plan.since
    told = tuple(reversed(found)) or (Era(BEGINNING, FOREVER, site),)
    if not any(plan.dated for plan in seen):
        return told
    return tuple(_dated(told, [Version(plan.since, planned(site, plan.tables)) for plan in seen]))


def _dated(found: Sequence[Era], versions: Sequence[Version]) -> list[Era]:
    """The eras ``found``, each cut where an entry of some version begins or ends by its own account."""
    edges = sorted({quarter for version in versions for quarter in dates(version.site)})
    told: list[Era] = []
    for era in found:
        inner = [edge for edge in edges if era.first < edge < era.until and not era.absent]
        for first, until in pairwise([era.first, *inner, era.until]):
            site = era.site if era.absent else resolved(versions, first)
            if told and (told[-1].site, told[-1].absent) == (site, era.absent):
                told[-1] = replace(told[-1], until=until)
            else:
                told.append(Era(first, until, site, era.absent))
    return told


@dataclass(frozen=True)
class Tenure:
    """A ``device`` as it was configured last, and the ``spans`` in which it was, in time order."""

    device: Device
    spans: tuple[Span, ...]

    @property
    def until(self) -> int:
        """The quarter up to which it is configured; :data:`FOREVER` as long as it is."""
        return self.spans[-1].until

    def within(self, span: Span) -> list[Span]:
        """The parts of ``span`` in which it was configured."""
        cut = (Span(max(s.first, span.first), min(s.until, span.until)) for s in self.spans)
        return [part for part in cut if part.first < part.until]


def tenures(key: str, found: Iterable[Era]) -> dict[DeviceName, Tenure]:
    """Every device that ``[sites.key]`` ever had; whoever was removed keeps its place."""
    told: dict[DeviceName, Tenure] = {}
    for era in found:
        for device in devices(key, era.site):
            name = device.measurement.name, device.id
            spans = told[name].spans if name in told else ()
            first = era.first
            if spans and spans[-1].until == first:
                first, spans = spans[-1].first, spans[:-1]
            told[name] = Tenure(device, (*spans, Span(first, era.until)))
    return told


def valid(
    key: str, found: Iterable[Era], first: int, quarters: int
) -> dict[DeviceName, tuple[Device, Flags]]:
    """Every device of some of ``quarters`` from ``first`` on, as it was last, and in which of them it was."""
    told: dict[DeviceName, tuple[Device, Flags]] = {}
    for era in found:
        if not era.meets(first, first + max(quarters, 1)):
            continue
        for device in devices(key, era.site):
            name = device.measurement.name, device.id
            _, there = told.get(name, (device, np.zeros(quarters, dtype=np.bool_)))
            there[max(0, era.first - first) : max(0, era.until - first)] = True
            told[name] = device, there
    return told


def present(found: Iterable[Era], first: int, until: int) -> list[Era]:
    """The eras in which the site was there in some of the quarters, or in ``first`` if there are none."""
    return [era for era in found if not era.absent and era.meets(first, max(until, first + 1))]


def left(found: Sequence[Era]) -> int | None:
    """The quarter in which the site left the configuration for good; None as long as it is there."""
    return found[-1].first if found[-1].absent else None


def merged(site: SiteOptions, found: Iterable[Era], first: int, until: int) -> SiteOptions:
    """``site`` with every meter and supply that it had in some of the quarters, each as it was last.

    Without any where it was not there at all. Its floor is the highest that it had.
    """
    meeting = [era.site for era in present(found, first, until)]
    if not meeting:
        return site.model_copy(update=dict.fromkeys(DATED, ()))
    if len(meeting) == 1:
        return meeting[0]
    tables = {table: tuple(_last(getattr(one, table) for one in meeting)) for table in DATED}
    kept = {name: getattr(meeting[-1], name) for name in UNDATED}
    kept["completeness_floor"] = max(one.completeness_floor for one in meeting)
    return site.model_copy(update={**tables, **kept})


def _last(lists: Iterable[Sequence[Dated]]) -> Iterable[Dated]:
    """The entries of all ``lists`` by id: those of the last one in its order, then what it has no more."""
    ordered = list(lists)
    known: dict[str, Dated] = {}
    for entries in reversed(ordered):
        for entry in entries:
            known.setdefault(entry.id, entry)
    return known.values()


def categories(found: Iterable[Era], first: int, until: int) -> list[str]:
    """The points whose IT energy the PUE of the quarters divides by, by name."""
    meeting = present(found, first, until)
    return sorted({era.category for era in meeting if era.category is not None})
