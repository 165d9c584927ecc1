"""Where the power at a site comes from at this moment, and where it goes: two bars of equal length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.now import Gauge, SiteNow
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.sums.claims import matchable
from reports.render.parts import parts

_SOURCES = ("solar", "wind", "battery", "generator", "ppa", "grid")
_GREEN = frozenset({"solar", "wind", "battery", "ppa"})
"""Sources whose share is rounded down, so that none looks greener than it is."""

_NAMES = {
    "solar": "On-site solar",
    "wind": "On-site wind",
    "battery": "Battery",
    "generator": "Generator",
    "ppa": "Grid, contracted green",
    "grid": "Grid, other",
    "it": "IT",
    "cooling": "Cooling",
    "charge": "Battery charging",
    "export": "Export",
    "losses": "Losses and other",
}
_KINDS = {
    SupplyKind.ONSITE_SOLAR: "solar",
    SupplyKind.ONSITE_WIND: "wind",
    SupplyKind.GENERATOR: "generator",
}


@dataclass(frozen=True)
class Segment:
    """A piece of a bar: ``start`` and ``share`` are fractions of the whole bar.

    ``written`` is the share as it is told: those of a bar add up to 100.00 %.
    """

    name: str
    label: str
    watts: float
    start: float
    share: float
    written: float


@dataclass(frozen=True)
class Flow:
    """Two bars over the same ``total_w``; ``missing`` says what is not known and so not drawn."""

    total_w: float | None
    sources: Sequence[Segment]
    uses: Sequence[Segment]
    missing: Sequence[str]


def flow(sites: Sequence[tuple[SiteOptions, SiteNow]]) -> Flow:
    """The flow of ``sites`` together. Without the inlet there is no whole to draw shares of."""
    missing = _missing(sites)
    sources: dict[str, float] = {}
    uses: dict[str, float] = {}
    for site, now in sites:
        if now.grid_w.v is None:
            return Flow(None, (), (), missing)
        for name, watts in _site_sources(site, now, now.grid_w.v).items():
            sources[name] = sources.get(name, 0.0) + watts
        for name, watts in _site_uses(site, now, now.grid_w.v).items():
            uses[name] = uses.get(name, 0.0) + watts
    total = sum(sources.values())
    rest = total - sum(uses.values())
    if rest < -0.02 * total:
        missing = [*missing, "the meters below the inlet add up to more than the inlet"]
    uses["losses"] = max(0.0, rest)
    if total <= 0:
        return Flow(0.0, (), (), missing)
    return Flow(
        total, _bar(sources, total, _SOURCES), _bar(uses, max(total, sum(uses.values())), uses), missing
    )


def _missing(sites: Sequence[tuple[SiteOptions, SiteNow]]) -> list[str]:
    found = []
    for site, now in sites:
        gauges: list[Gauge] = [now.grid_w, now.it_w, now.cooling_w, *now.supplies.values()]
        found += [f"{site.name}: {gauge.reason}" for gauge in gauges if gauge.v is None and gauge.reason]
    return list(dict.fromkeys(found))


def _site_sources(site: SiteOptions, now: SiteNow, grid: float) -> dict[str, float]:
    found = dict.fromkeys(_SOURCES, 0.0)
    contracted = 0.0
    for supply in site.supply:
        watts = max(0.0, now.supplies[supply.id].v or 0.0)
        if supply.kind is SupplyKind.BATTERY:
            found["battery"] += watts
        elif supply.kind in _KINDS:
            found[_KINDS[supply.kind]] += watts
        elif matchable(site, supply):
            contracted += supply.share * watts
    imported = max(0.0, grid)
    found["ppa"] = min(imported, contracted)
    found["grid"] = imported - found["ppa"]
    return found


def _site_uses(site: SiteOptions, now: SiteNow, grid: float) -> dict[str, float]:
    charging = sum(
        max(0.0, -(now.supplies[s.id].v or 0.0)) for s in site.supply if s.kind is SupplyKind.BATTERY
    )
    return {
        "it": max(0.0, now.it_w.v or 0.0),
        "cooling": max(0.0, now.cooling_w.v or 0.0),
        "charge": charging,
        "export": max(0.0, -grid),
    }


def _bar(
    watts: Mapping[str, float], total: float, order: Sequence[str] | Mapping[str, float]
) -> list[Segment]:
    known = [name for name in order if watts[name] > 0]
    claimed = [name for name in known if name in _GREEN]
    rest = [name for name in known if name not in _GREEN]
    told = dict(
        zip(claimed + rest, parts([watts[n] for n in claimed], [watts[n] for n in rest]), strict=True)
    )
    segments, start = [], 0.0
    for name in known:
        share = watts[name] / total
        segments.append(Segment(name, _NAMES[name], watts[name], start, share, told[name]))
        start += share
    return segments
