"""How much a site takes, uses and burns in a quarter-hour at most, by what it declares."""

from __future__ import annotations

from dataclasses import dataclass

from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.sums.line import HOUR


@dataclass(frozen=True)
class Rating:
    """Wh per quarter, all 0 without ``contracted_kw``.

    Attributes:
        drawn: what the contract lets the site draw.
        edc: that and what its own plants can give.
        load: that and what batteries can give, with what leaves their stores for it.
        whole: whether contract and power of all of these are declared, so that nothing passes the bounds as
            long as the contract is kept.
        scope1_g: grams that its generators emit at most; NaN where one declares no power or no factor.
    """

    drawn: float
    edc: float
    load: float
    whole: bool
    scope1_g: float

    @property
    def energies(self) -> dict[str, float]:
        """The three in Wh, by name."""
        return {"drawn": self.drawn, "edc": self.edc, "load": self.load}


def rating(site: SiteOptions) -> Rating:
    """That of ``site`` as it is declared."""
    plants = [s for s in site.supply if s.kind.onsite]
    stores = [s for s in site.supply if s.kind is SupplyKind.BATTERY]
    burning = [s for s in site.supply if s.kind is SupplyKind.GENERATOR]
    whole = site.contracted_kw is not None and None not in [s.max_power_kw for s in (*plants, *stores)]
    given = sum(s.max_power_kw or 0.0 for s in plants)
    released = sum((s.max_power_kw or 0.0) / s.efficiency for s in stores)
    drawn = site.contracted_kw or 0.0
    taken = drawn + given if drawn else 0.0
    grams = [_grams(s.max_power_kw, s.carbon_g_per_kwh) for s in burning]
    return Rating(
        drawn=1000 * drawn / HOUR,
        edc=1000 * taken / HOUR,
        load=1000 * (taken + released) / HOUR if drawn else 0.0,
        whole=whole,
        scope1_g=sum(grams, start=0.0),
    )


def _grams(kilowatts: float | None, g_per_kwh: float | None) -> float:
    """Of a quarter; a generator whose factor is 0 emits nothing, however strong it is."""
    if g_per_kwh == 0:
        return 0.0
    return float("nan") if kilowatts is None or g_per_kwh is None else kilowatts / HOUR * g_per_kwh
