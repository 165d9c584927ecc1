"""Which meters make E_DC and E_IT, by rule from the tree (ISO/IEC 30134-2, EN 50600-4-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from energy.configuration.metering import Category, MeterOptions, Role, VirtualOptions
from energy.tree.ancestry import Ancestry
from energy.tree.members import Source, Terms, terms_of
from telemetry.catalogue import COOLING, METER

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions

POINTS: tuple[Category, ...] = get_args(Category)
"""From the least to the most advanced."""

Counted = MeterOptions | VirtualOptions
"""What may count in a figure."""


def every(site: SiteOptions) -> list[Counted]:
    """All meters and virtual meters of ``site``."""
    return [*site.meter, *site.virtual]


def counted(site: SiteOptions, *roles: Role) -> list[Counted]:
    """The meters and virtual meters of ``site`` that have one of ``roles``."""
    return [one for one in every(site) if one.role in roles]


def inlet(site: SiteOptions) -> Terms:
    """What is imported at the inlet: all utility meters.

    On-site generation, which E_DC adds, and exports, which it takes off, are not among them.
    """
    return terms_of(site, counted(site, Role.UTILITY))


def office(site: SiteOptions) -> Terms:
    """What passes the inlet and is no part of the data centre: the topmost office meters."""
    found, above = counted(site, Role.OFFICE), Ancestry(site).above
    names = {one.id for one in found}
    return terms_of(site, [one for one in found if not names & set(above(one.id))])


def measured(site: SiteOptions, point: Category) -> list[Counted]:
    """The meters and virtual meters that measure IT energy at ``point``."""
    return [one for one in every(site) if one.point == point]


def points(site: SiteOptions) -> list[Category]:
    """The points at which ``site`` measures IT energy, the least advanced first."""
    return [point for point in POINTS if measured(site, point)]


def it(site: SiteOptions, point: Category | None = None) -> Terms:
    """What E_IT is at ``point``, by default that of the headline PUE; empty without such a meter."""
    chosen = point or headline(site)
    return {} if chosen is None else terms_of(site, measured(site, chosen))


def headline(site: SiteOptions) -> Category | None:
    """The point whose E_IT the PUE divides by: the configured one, else the most advanced that covers all.

    None for a site that measures no IT energy, or at no point all of it.
    """
    if site.pue_category is not None:
        return site.pue_category
    return next((point for point in reversed(points(site)) if not uncovered(site, point)), None)


def uncovered(site: SiteOptions, point: Category) -> list[str]:
    """The meters of IT energy, by id, whose load is not all measured at ``point``.

    It is where the meter itself counts there, or one that it hangs below, or all those directly below it
    that measure IT energy cover theirs.
    """
    tree, there = Ancestry(site), terms_of(site, measured(site, point))
    taken = {name for (_, name), times in there.items() if times > 0}
    pointed = taken | {one.id for one in site.meter if one.point is not None}
    for one in site.virtual:
        if one.point is not None:
            pointed |= {name for (_, name), times in terms_of(site, [one]).items() if times > 0}

    def covered(name: str) -> bool:
        if taken & set(tree.chain(name)):
            return True
        nearest = [other for other in tree.below(name) if other in pointed]
        nearest = [other for other in nearest if not pointed & set(_between(tree, other, name))]
        return bool(nearest) and all(map(covered, nearest))

    tops = [name for name in pointed if not pointed & set(tree.above(name))]
    return sorted(name for name in tops if not covered(name))


def cooling(site: SiteOptions) -> Terms:
    """What the cooling uses: meters of that role; without one, the cooling units. Nothing twice."""
    meters = counted(site, Role.COOLING)
    if meters:
        return _topmost(site, terms_of(site, meters))
    return _topmost(site, {(COOLING.name, unit.id): 1 for unit in site.cooling})


def halls(site: SiteOptions) -> list[str]:
    """The named sub-boundaries in which IT energy is measured at the point of the headline PUE."""
    chosen = headline(site)
    found = [] if chosen is None else measured(site, chosen)
    return list(dict.fromkeys(one.hall for one in found if one.hall is not None))


def hall_it(site: SiteOptions, hall: str) -> Terms:
    """E_IT of the sub-boundary ``hall``."""
    chosen = headline(site)
    found = [] if chosen is None else measured(site, chosen)
    return terms_of(site, [one for one in found if one.hall == hall])


def hall_all(site: SiteOptions, hall: str) -> Terms:
    """All energy of the sub-boundary ``hall``: its topmost meters and cooling units, each once."""
    tree = Ancestry(site)
    own: list[Source] = [(METER.name, one.id) for one in site.meter if one.hall == hall]
    own += [(COOLING.name, one.id) for one in site.cooling if one.hall == hall]
    names = {name for _, name in own}
    found = {source: 1 for source in own if not names & set(tree.above(source[1]))}
    for one in (v for v in site.virtual if v.hall == hall):
        terms = terms_of(site, [one])
        if not all(names & set(tree.chain(name)) for (_, name), times in terms.items() if times > 0):
            for source, times in terms.items():
                found[source] = found.get(source, 0) + times
    return {source: times for source, times in found.items() if times}


def _topmost(site: SiteOptions, terms: Terms) -> Terms:
    tree = Ancestry(site)
    names = {name for (_, name), times in terms.items() if times > 0}
    return {
        source: times
        for source, times in terms.items()
        if times < 0 or not names & set(tree.above(source[1]))
    }


def _between(tree: Ancestry, low: str, high: str) -> list[str]:
    above = tree.above(low)
    return above[: above.index(high)]
