"""The ``[carbon]`` table, and ``[sites.X.carbon]`` where a site differs: which factors, and whose hours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from energy.carbon.factor import FactorSet, Method
from energy.carbon.library import packaged, unknown_sets
from energy.carbon.zones import BORDERS
from runtime.options import Options

GridSource = Literal["mqtt", "entsoe"]
"""Who tells the hours of a zone: a publisher on ``dc/v1/grid/{zone}``, or documents of ENTSO-E."""

Contracts = Literal["direct", "lifecycle"]
"""What matched energy emits in the market-based figure: nothing, or (once, and never again) what its
technology does over its life."""

Basis = Literal["production", "consumption"]
"""Whose energy the mix of an hour is: what was made in the zone, or what was used there, imports traced."""

DEFAULT, LIFECYCLE = "ipcc-2014-direct", "ipcc-2014-lifecycle"


class SiteCarbonOptions(Options):
    """What differs at one site; a key that is not written is as in ``[carbon]``."""

    factors: str | None = None
    lifecycle: str | None = None
    residual: str | None = None
    contracts: Contracts | None = None
    grid: GridSource | None = None
    basis: Basis | None = None


class CarbonOptions(Options):
    """``factors`` names the set for generation by technology, ``residual`` the one with residual mixes.

    Both are direct: scope 2 is what burns to make the electricity. ``lifecycle`` names the set of the figure
    that counts what is upstream of that too, and is told under its own name.
    """

    factors: str = DEFAULT
    lifecycle: str = LIFECYCLE
    residual: str | None = None
    contracts: Contracts = "direct"
    grid: GridSource = "mqtt"
    basis: Basis = "production"

    def of(self, site: SiteCarbonOptions) -> CarbonOptions:
        """With what differs at ``site``."""
        return self.model_copy(update=site.model_dump(exclude_none=True))


@dataclass(frozen=True)
class Use:
    """The sets of one site, whole: what is computed with them can be computed again from this alone."""

    factors: FactorSet
    residual: FactorSet | None = None
    contracts: Contracts = "direct"
    grid: GridSource = "mqtt"
    basis: Basis = "production"
    lifecycle: FactorSet | None = None

    def told(self) -> str:
        """As it is kept: JSON, equal for equal uses."""
        sets = {"factors": self.factors, "residual": self.residual, "lifecycle": self.lifecycle}
        whole = {name: one and one.model_dump(mode="json", by_alias=True) for name, one in sets.items()}
        chosen = {"contracts": self.contracts, "grid": self.grid, "basis": self.basis}
        return json.dumps({**whole, **chosen}, sort_keys=True)


@lru_cache(maxsize=256)
def use_of(told: str) -> Use:
    """The use that was kept as ``told``, also by a version that knew less of it."""
    kept = json.loads(told)
    sets = {name: kept.get(name) for name in ("factors", "residual", "lifecycle")}
    whole = {name: FactorSet.model_validate(one) for name, one in sets.items() if one is not None}
    return Use(
        whole["factors"],
        whole.get("residual"),
        kept["contracts"],
        kept["grid"],
        kept.get("basis", "production"),
        whole.get("lifecycle"),
    )


def default_use() -> Use:
    """Of a site of which nothing else is known."""
    return Use(packaged()[DEFAULT], lifecycle=packaged()[LIFECYCLE])


def choose(
    carbon: CarbonOptions, sites: Mapping[str, SiteCarbonOptions], known: Mapping[str, FactorSet]
) -> dict[str, Use]:
    """The use of each site; all the sets must be ``known``."""
    chosen = {key: carbon.of(site) for key, site in sites.items()}
    return {
        key: Use(
            known[one.factors],
            known[one.residual] if one.residual else None,
            one.contracts,
            one.grid,
            one.basis,
            known[one.lifecycle],
        )
        for key, one in chosen.items()
    }


def choice_problems(
    carbon: CarbonOptions, sites: Mapping[str, SiteCarbonOptions], known: Mapping[str, FactorSet]
) -> Iterator[str]:
    """What is wrong with the choices, each named with its fix: no figure may mix two methods."""
    places: dict[str, CarbonOptions | SiteCarbonOptions] = {"carbon": carbon}
    places |= {f"sites.{key}.carbon": site for key, site in sites.items()}
    for place, one in places.items():
        named = {f"{place}.{what}": getattr(one, what) for what in ("factors", "residual", "lifecycle")}
        yield from unknown_sets(named, known)
        yield from _mixed(place, one, known)


def traced_problems(
    carbon: CarbonOptions, sites: Mapping[str, tuple[str, SiteCarbonOptions]]
) -> Iterator[str]:
    """The sites (bidding zone and choices) whose imports cannot be traced, each named with its fix."""
    for key, (zone, site) in sites.items():
        whole = carbon.of(site)
        if whole.basis == "consumption" and whole.grid == "entsoe" and zone not in BORDERS:
            yield (
                f"sites.{key}.carbon.basis: not all borders of {zone} are known here (those of "
                f'{", ".join(BORDERS)} are); write basis = "production", or publish such hours: grid = "mqtt"'
            )


def _mixed(
    place: str, one: CarbonOptions | SiteCarbonOptions, known: Mapping[str, FactorSet]
) -> Iterator[str]:
    wanted: tuple[tuple[str, Method, str], ...] = (
        (
            "factors",
            "direct",
            f'write factors = "{DEFAULT}", and lifecycle = "{one.factors}" for a figure of its own',
        ),
        ("residual", "direct", "choose a set of direct factors, as AIB publishes them"),
        ("lifecycle", "lifecycle", f'write lifecycle = "{LIFECYCLE}"'),
    )
    for what, method, fix in wanted:
        chosen = known.get(getattr(one, what) or "")
        if chosen is not None and chosen.method != method:
            of = (
                "scope 2 counts direct emissions"
                if method == "direct"
                else "its figure is over the life cycle"
            )
            yield f"{place}.{what}: the factors of {chosen.id} are {chosen.method}, and {of}; {fix}"
    if one.contracts == "lifecycle":
        yield (
            f"{place}.contracts: what technologies emit over their life is no scope 2; leave it out, "
            "co2_lifecycle_kg tells the figure over the life cycle"
        )
