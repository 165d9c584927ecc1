"""What a configured meter tree gets wrong, each named with its place and its fix."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from energy.configuration.metering import Role, VirtualOptions
from energy.tree import boundary
from energy.tree.ancestry import Ancestry
from energy.tree.boundary import Counted
from energy.tree.dating import stages
from energy.tree.members import Terms, sources, terms_of

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions

DEVICES = ("meter", "supply", "cooling", "heat", "water")
"""The tables of a site whose entries are devices."""

_UNITS = {"heat": "counts heat, not electricity", "water": "counts m³ of water, not Wh"}


def tree_faults(key: str, site: SiteOptions) -> list[str]:
    """Every fault of the tree of ``[sites.key]``; virtual meters with a loop are looked at no further."""
    circular = {one.id for one in site.virtual if _loops(site, one)}
    loops = [
        f"sites.{key}.virtual {name!r}: its members lead back to itself; break the loop"
        for name in sorted(circular)
    ]
    sound = site.model_copy(update={"virtual": tuple(v for v in site.virtual if v.id not in circular)})
    counting = chain.from_iterable(_counting(key, stage) for stage in stages(sound))
    found = (*_parents(key, site), *_members(key, site), *loops, *counting, *_lacking(key, sound))
    return list(dict.fromkeys(found))


def _parents(key: str, site: SiteOptions) -> Iterator[str]:
    tree, meters = Ancestry(site), {meter.id for meter in site.meter}
    for table in ("meter", "cooling"):
        for one in getattr(site, table):
            if one.parent is None:
                continue
            if one.parent not in meters:
                yield f"sites.{key}.{table} {one.id!r}: parent = {one.parent!r} is no meter of this site"
            elif _circular(tree, one.id):
                yield f"sites.{key}.{table} {one.id!r}: its parents lead back to itself; break the loop"


def _circular(tree: Ancestry, name: str) -> bool:
    last = tree.chain(name)[-1]
    return tree.parents.get(last) == name


def _members(key: str, site: SiteOptions) -> Iterator[str]:
    """Members that there are not, or that count something else."""
    known = {*sources(site), *(one.id for one in site.virtual)}
    other = {one.id: table for table in _UNITS for one in getattr(site, table)}
    batteries = {one.id for one in site.supply if one.kind.value == "battery"}
    for one in site.virtual:
        place = f"sites.{key}.virtual {one.id!r}"
        for member in dict.fromkeys((*one.plus, *one.minus)):
            if member in other:
                yield f"{place}: {member!r} {_UNITS[other[member]]}; only electricity can be added up"
            elif member not in known:
                yield f"{place}: {member!r} is no meter, supply or virtual meter of this site"
            elif member in batteries:
                yield f"{place}: {member!r} is a battery, which has two registers; it is accounted by itself"


def _loops(site: SiteOptions, one: VirtualOptions) -> bool:
    try:
        terms_of(site, [one])
    except ValueError:
        return True
    return False


def _counting(key: str, site: SiteOptions) -> Iterator[str]:
    """What a figure counts twice, leaves out, or must not hold."""
    for one in site.virtual:
        yield from _own_members(f"sites.{key}.virtual {one.id!r}", site, one)
    yield from _overlaps(f"sites.{key}: E_DC", site, boundary.counted(site, Role.UTILITY))
    for point in boundary.points(site):
        measured = boundary.measured(site, point)
        yield from _overlaps(f"sites.{key}: E_IT at {point}", site, measured)
        yield from _offices(key, site, terms_of(site, measured))
    yield from _headline(key, site)
    yield from _foreign_inlet(key, site)


def _own_members(place: str, site: SiteOptions, one: VirtualOptions) -> Iterator[str]:
    for member in sorted({m for m in one.plus if one.plus.count(m) + one.minus.count(m) > 1}):
        yield f"{place}: counts {member!r} more than once; name it once"
    for low, high in _twice(site, terms_of(site, [one])):
        yield f"{place}: counts {low!r} twice, as {high!r} holds it; leave one of them out"


def _overlaps(figure: str, site: SiteOptions, counted: list[Counted]) -> Iterator[str]:
    for low, high in _twice(site, terms_of(site, counted)):
        how = "by itself and in a virtual meter" if low == high else f"as {high!r} holds it"
        yield f"{figure} counts {low!r} twice, {how}; give one of them another role or category"


def _twice(site: SiteOptions, terms: Terms) -> Iterator[tuple[str, str]]:
    """Devices that a sum counts more than once, each with what else counts it: itself or one above."""
    tree, times = Ancestry(site), {name: count for (_, name), count in terms.items()}
    for name, count in times.items():
        if count > 0 and sum(times.get(above, 0) for above in tree.chain(name)) > 1:
            yield name, next((a for a in tree.above(name) if times.get(a, 0) > 0), name)


def _offices(key: str, site: SiteOptions, load: Terms) -> Iterator[str]:
    tree, times = Ancestry(site), {name: count for (_, name), count in load.items()}
    for meter in site.meter:
        within = sum(times.get(above, 0) for above in tree.chain(meter.id))
        if meter.role is Role.OFFICE and within > 0:
            yield (
                f"sites.{key}.meter {meter.id!r}: an office meter inside E_IT; measure the IT energy below "
                "it, or take it out with a virtual meter (minus)"
            )


def _headline(key: str, site: SiteOptions) -> Iterator[str]:
    points = boundary.points(site)
    if site.pue_category is not None:
        if points and site.pue_category not in points:
            yield f"sites.{key}.pue_category: no meter measures IT energy there; name one of {points}"
        elif missing := points and boundary.uncovered(site, site.pue_category):
            yield (
                f"sites.{key}.pue_category: at {site.pue_category} the load of {', '.join(missing)} is not "
                "measured; name another, or give the meters below it their parent"
            )
    elif points and boundary.headline(site) is None:
        yield (
            f"sites.{key}: meters of IT energy name the categories {points}, and at none of them all of it "
            "is measured; one PUE needs one"
        )


def _foreign_inlet(key: str, site: SiteOptions) -> Iterator[str]:
    meters = {meter.id for meter in site.meter}
    for one in site.virtual:
        strangers = {name for _, name in terms_of(site, [one])} - meters
        if one.role is Role.UTILITY and strangers:
            yield (
                f"sites.{key}.virtual {one.id!r}: {sorted(strangers)} are no meters; what is imported is "
                "told by meters alone"
            )


def _lacking(key: str, site: SiteOptions) -> Iterator[str]:
    """Figures that can never be known, for want of a meter."""
    told = (
        ("utility", boundary.counted(site, Role.UTILITY), "consumption and green share"),
        ("it", [one for point in boundary.POINTS for one in boundary.measured(site, point)], "PUE"),
    )
    for role, found, figure in told:
        if not found:
            yield f"sites.{key}: no meter has role = {role!r}, so its {figure} can never be known; add one"
    if any(heat.use == "removed" for heat in site.heat) and not boundary.cooling(site):
        yield (
            f"sites.{key}: heat that is removed is metered, but no meter has role = 'cooling', so its CER "
            "can never be known; add one"
        )
    measured = set(boundary.halls(site))
    named = {one.hall for one in boundary.every(site)} | {unit.hall for unit in site.cooling}
    for hall in (
        sorted({hall for hall in named if hall is not None} - measured)
        if boundary.headline(site) is not None
        else ()
    ):
        yield (
            f"sites.{key}: no meter of IT energy names hall = {hall!r}, so its pPUE can never be known; "
            "give the one that measures it that hall"
        )
