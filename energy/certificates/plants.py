"""Which supply the plant of a certificate is: what proves metered energy, and adds nothing beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from energy.certificates.mapping import MappingOptions
from energy.certificates.registry import RegistryRules
from energy.certificates.technology import Technology
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind

NONE = "none"
"""What a mapping says of a plant that is no supply of any site."""

SHARED = "*/"
"""Before the name of a plant of which several contracts may buy; others are named ``site/supply``."""

_MADE_BY: Mapping[SupplyKind, Technology] = {
    SupplyKind.ONSITE_SOLAR: Technology.SOLAR,
    SupplyKind.ONSITE_WIND: Technology.WIND,
    SupplyKind.PPA_SOLAR: Technology.SOLAR,
    SupplyKind.PPA_WIND: Technology.WIND,
}


def named_plant(sites: Mapping[str, SiteOptions], text: str | None) -> str | None:
    """The plant that a mapping calls ``text``, as it is kept with certificates; None for :data:`NONE`.

    ``text`` is the id of a supply, ``site/supply``, or what contracts name in ``plant``. Raises ValueError
    with the fix for what is none of these, or several.
    """
    if text is None or text == NONE:
        return None
    found = {
        _kept(key, supply.plant, supply.id)
        for key, site in sites.items()
        for supply in site.supply
        if supply.kind.renewable and text in (supply.id, f"{key}/{supply.id}", supply.plant)
    }
    if not found:
        known = sorted(f"{key}/{supply.id}" for key, site in sites.items() for supply in site.supply)
        raise ValueError(
            f"{text[:80]!r} is no renewable supply of any site; there are: {', '.join(known)}; one "
            "that has ended stays in the configuration, with valid_until"
        )
    if len(found) > 1:
        raise ValueError(f"{text[:80]!r} is several: write {' or '.join(sorted(found))}")
    return found.pop()


def belongs(plant: str | None, site: str) -> bool:
    """Whether certificates of ``plant`` prove what a supply of ``site`` gave.

    A name without a site is from before plants had one: it is of whatever site they serve.
    """
    if plant is None:
        return False
    where, slash, _ = plant.partition("/")
    return not slash or where in ("*", site)


def supply_of(plant: str, site: str) -> str | None:
    """The name by which ``site`` knows its supply: an id, or a plant that contracts name; None of others."""
    if plant.startswith(SHARED):
        return plant
    where, slash, supply = plant.partition("/")
    if not slash:
        return plant
    return supply if where == site else None


def shared(plant: str) -> str:
    """The name of a plant that contracts call ``plant``, see :func:`supply_of`."""
    return f"{SHARED}{plant}"


def in_words(plant: str | None) -> str | None:
    """``plant`` as people call it."""
    return None if plant is None else plant.removeprefix(SHARED)


def holders(sites: Mapping[str, SiteOptions], plants: Iterable[str | None]) -> list[str]:
    """The sites of which one of ``plants`` is a supply."""
    found = set()
    for plant in plants:
        for key, site in sites.items():
            names = {_kept(key, supply.plant, supply.id) for supply in site.supply}
            if plant is not None and (plant in names or plant in {supply.id for supply in site.supply}):
                found.add(key)
    return sorted(found)


def with_plants(
    rules: Mapping[str, RegistryRules], sites: Mapping[str, SiteOptions]
) -> dict[str, RegistryRules]:
    """``rules`` whose mappings name plants as they are kept, and what each registry must not leave open."""
    named = {named_plant(sites, text) for one in rules.values() for text in (one.supplies or {}).values()}
    told = {plant: holders(sites, [plant]) for plant in named if plant is not None}
    open_ = doubtful(sites.items(), told)
    return {
        key: replace(
            one,
            supplies=_plants(sites, one),
            doubtful={} if none_is_ours(one) else open_,
            named=told,
        )
        for key, one in rules.items()
    }


def _plants(sites: Mapping[str, SiteOptions], rules: RegistryRules) -> Mapping[str, str | None] | None:
    """What the mapping of a registry says, as it is kept; None where nobody told."""
    if rules.supplies is None:
        return None
    return {name: named_plant(sites, text) for name, text in rules.supplies.items()}


def none_is_ours(rules: RegistryRules) -> bool:
    """Whether somebody said that no plant of the registry is a supply."""
    return rules.supplies is not None and not rules.supplies


def mapping_faults(options: Iterable[MappingOptions], sites: Mapping[str, SiteOptions]) -> Iterator[str]:
    """What is wrong with the plants that ``[[certificates]]`` tables name, each with its fix."""
    for number, one in enumerate(options):
        for plant, text in (one.supplies or {}).items():
            try:
                named_plant(sites, text)
            except ValueError as error:
                yield f"certificates[{number}].supplies {plant!r}: {error}"


def doubtful(
    sites: Iterable[tuple[str, SiteOptions]], named: Collection[str]
) -> dict[tuple[str, Technology], str]:
    """By zone and technology, a supply whose certificates are kept and whose plant is none of ``named``.

    Its meter tells of the energy already: a certificate of the same plant must not add to that.
    """
    return {
        (supply.zone or site.grid, _MADE_BY[supply.kind]): f"{key}/{supply.id}"
        for key, site in sites
        for supply in site.supply
        if supply.certificates == "kept"
        and supply.kind in _MADE_BY
        and _kept(key, supply.plant, supply.id) not in named
    }


def _kept(site: str, plant: str | None, supply: str) -> str:
    return f"{site}/{supply}" if plant is None else shared(plant)
