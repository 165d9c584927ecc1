"""Who buys of one plant: at no time may all of them together buy more than it gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyOptions
from energy.interval import QUARTER_MS
from energy.tree.dating import begins, ends
from runtime.clock import from_ms

_ROUNDING = 1e-9


class Buyer(NamedTuple):
    """One contract: its site and the id of its supply."""

    site: str
    supply: str

    def __str__(self) -> str:
        return f"sites.{self.site}.supply {self.supply!r}"


def plant_name(site: str, supply: SupplyOptions) -> str:
    """The plant of a supply: as it is called at all sites, or one of its own."""
    return supply.plant or f"{site}/{supply.id}"


def buyers(sites: Mapping[str, SiteOptions], plant: str) -> dict[Buyer, SupplyOptions]:
    """Every contract that buys of ``plant``, or the one supply that it is."""
    return {
        Buyer(key, supply.id): supply
        for key, site in sites.items()
        for supply in site.supply
        if plant_name(key, supply) == plant
    }


def share_faults(sites: Mapping[str, SiteOptions]) -> Iterator[str]:
    """Plants that are of two kinds or zones, or of which more than all is bought at some time."""
    named: dict[str, dict[Buyer, SupplyOptions]] = defaultdict(dict)
    for key, site in sites.items():
        for supply in site.supply:
            if supply.plant is not None:
                named[supply.plant][Buyer(key, supply.id)] = supply
    for plant, found in named.items():
        yield from _unlike(sites, plant, found)
        sold_out = _sold_out(list(found.items()))
        if sold_out is not None:
            quarter, together = sold_out
            when = f" from {from_ms(quarter * QUARTER_MS):%Y-%m-%d %H:%MZ} on" if quarter else ""
            yield (
                f"{' and '.join(str(one) for one, _ in together)}: buy {sum(s.share for _, s in together):g} "
                f"of plant {plant!r}{when}; shares of one plant add up to 1 at most, over all sites"
            )


def _unlike(
    sites: Mapping[str, SiteOptions], plant: str, found: Mapping[Buyer, SupplyOptions]
) -> Iterator[str]:
    told = {one: (supply.kind, supply.zone or sites[one.site].grid) for one, supply in found.items()}
    (first, like), *others = told.items()
    for one, unlike in others:
        if unlike != like:
            yield (
                f"{one}: plant {plant!r} is {unlike[0].value} in {unlike[1]} here and {like[0].value} in "
                f"{like[1]} for {first}; one plant is of one kind and stands in one zone"
            )


def _sold_out(
    found: Sequence[tuple[Buyer, SupplyOptions]],
) -> tuple[int, Sequence[tuple[Buyer, SupplyOptions]]] | None:
    """The first quarter in which more than all of it is bought, and by whom; 0 where that is always so."""
    for quarter in sorted({begins(supply) or 0 for _, supply in found}):
        there = [one for one in found if (begins(one[1]) or 0) <= quarter < ends(one[1])]
        if sum(supply.share for _, supply in there) > 1 + _ROUNDING:
            return quarter, there
    return None
