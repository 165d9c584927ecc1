"""What a site buys beside electricity, as it declares: E_DC here lacks it, and so does what E_DC makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from energy.configuration.site import SiteOptions
from energy.interval import Period

_OF_EDC = ("pue", "ere", "erf", "ref")
_KEY = "other_energy"
_MOMENT = timedelta(milliseconds=1)


def marks(part: Period, sites: Sequence[SiteOptions]) -> Mapping[str, str]:
    """KPI -> what has to be said with it over ``part``, if any of ``sites`` buys other energy in it."""
    names = [site.name for site in sites if _buys(site, part)]
    if not names:
        return {}
    said = (
        f"of electricity alone: {' and '.join(names)} buys chilled water, heat or fuel too (other_energy), "
        "which is not in E_DC here"
    )
    return dict.fromkeys(_OF_EDC, said)


def _buys(site: SiteOptions, part: Period) -> bool:
    """Whether it declares so of one of the calendar years of ``part``, or of all years."""
    first = part.start.astimezone(site.tz).year
    last = max(first, (part.end - _MOMENT).astimezone(site.tz).year)
    general = site.eu.get(_KEY)
    of_years = (site.eu.get(str(year)) for year in range(first, last + 1))
    told = [one.get(_KEY, general) if isinstance(one, dict) else general for one in of_years]
    return "bought" in told
