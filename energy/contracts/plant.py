"""What is known of the plant behind a contract, against which a file is held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from energy.configuration.device import CONTRACTS, RATED_W
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyOptions
from energy.contracts.shares import Buyer, buyers, plant_name
from energy.counting.verdict import HEADROOM
from energy.interval import QUARTER_MS
from runtime.clock import to_ms


@dataclass(frozen=True)
class Plant:
    """The plant of ``supply``, a contract of ``site`` that delivers in the bidding zone ``zone``.

    ``buyers`` are all contracts that name the same plant, so that one file may tell of all of them.
    """

    site: str
    supply: str
    zone: str
    watts: float
    first: int | None = None
    until: int | None = None
    buyers: frozenset[Buyer] = frozenset()

    def most_wh(self, quarters: int) -> float:
        """What it can give in so many quarter-hours, as a register of it would be believed."""
        return HEADROOM * self.watts * quarters / 4

    def there(self, quarter: int) -> bool:
        """Whether the contract is valid then."""
        return (self.first is None or quarter >= self.first) and (self.until is None or quarter < self.until)


def plant_of(sites: Mapping[str, SiteOptions], site: str, supply: str) -> Plant:
    """The plant of a contract whose volumes come from files. Raises ValueError for what is none."""
    if site not in sites:
        raise ValueError(f"site: there is no {site!r}; choose from {', '.join(sites) or 'none'}")
    by_file = [one for one in sites[site].supply if one.volume == "file"]
    known: dict[str, SupplyOptions] = {one.id: one for one in by_file}
    if supply not in known:
        raise ValueError(
            f'supply: {supply!r} takes no files: set volume = "file" in its [[sites.{site}.supply]]; '
            f"those that do: {', '.join(known) or 'none'}"
        )
    found = known[supply]
    unrated = sites[site].contracted_kw
    watts = RATED_W if unrated is None else CONTRACTS * 1000 * unrated
    return Plant(
        site,
        supply,
        found.zone or sites[site].grid,
        watts if found.max_power_kw is None else 1000 * found.max_power_kw,
        None if found.valid_from is None else to_ms(found.valid_from) // QUARTER_MS,
        None if found.valid_until is None else to_ms(found.valid_until) // QUARTER_MS,
        frozenset(buyers(sites, plant_name(site, found))),
    )
