"""The ``[carbon]`` table, and ``[sites.X.carbon]`` where a site differs: which factors, and whose hours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from energy.carbon.factor import FactorSet
from energy.carbon.library import packaged, unknown_sets
from runtime.options import Options

GridSource = Literal["mqtt", "entsoe"]
"""Who tells the hours of a zone: a publisher on ``dc/v1/grid/{zone}``, or documents of ENTSO-E."""

Contracts = Literal["direct", "lifecycle"]
"""What matched energy emits in the market-based figure: nothing, or what its technology does."""

DEFAULT = "ipcc-2014-lifecycle"


class SiteCarbonOptions(Options):
    """What differs at one site; a key that is not written is as in ``[carbon]``."""

    factors: str | None = None
    residual: str | None = None
    contracts: Contracts | None = None
    grid: GridSource | None = None


class CarbonOptions(Options):
    """``factors`` names the set for generation by technology, ``residual`` the one with residual mixes."""

    factors: str = DEFAULT
    residual: str | None = None
    contracts: Contracts = "direct"
    grid: GridSource = "mqtt"

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

    def told(self) -> str:
        """As it is kept: JSON, equal for equal uses."""
        return json.dumps(
            {
                "factors": self.factors.model_dump(mode="json", by_alias=True),
                "residual": self.residual and self.residual.model_dump(mode="json", by_alias=True),
                "contracts": self.contracts,
                "grid": self.grid,
            },
            sort_keys=True,
        )


@lru_cache(maxsize=256)
def use_of(told: str) -> Use:
    """The use that was kept as ``told``."""
    kept = json.loads(told)
    residual = kept["residual"]
    return Use(
        FactorSet.model_validate(kept["factors"]),
        None if residual is None else FactorSet.model_validate(residual),
        kept["contracts"],
        kept["grid"],
    )


def default_use() -> Use:
    """Of a site of which nothing else is known."""
    return Use(packaged()[DEFAULT])


def choose(
    carbon: CarbonOptions, sites: Mapping[str, SiteCarbonOptions], known: Mapping[str, FactorSet]
) -> dict[str, Use]:
    """The use of each site; all the sets must be ``known``."""
    chosen = {key: carbon.of(site) for key, site in sites.items()}
    return {
        key: Use(known[one.factors], known[one.residual] if one.residual else None, one.contracts, one.grid)
        for key, one in chosen.items()
    }


def choice_problems(
    carbon: CarbonOptions, sites: Mapping[str, SiteCarbonOptions], known: Mapping[str, FactorSet]
) -> Iterator[str]:
    """What is wrong with the choices, each named with its fix."""
    places: dict[str, CarbonOptions | SiteCarbonOptions] = {"carbon": carbon}
    places |= {f"sites.{key}.carbon": site for key, site in sites.items()}
    for place, one in places.items():
        named = {f"{place}.factors": one.factors, f"{place}.residual": one.residual}
        yield from unknown_sets(named, known)
    for place, whole in {
        "carbon": carbon,
        **{f"sites.{k}.carbon": carbon.of(s) for k, s in sites.items()},
    }.items():
        used = known.get(whole.factors)
        if whole.contracts == "lifecycle" and used is not None and used.method != "lifecycle":
            yield (
                f"{place}.contracts: lifecycle emissions are not in {used.id}, which is direct; "
                'write contracts = "direct" or choose a lifecycle set'
            )
            break
