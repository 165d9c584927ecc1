"""What every site does at this moment, from the live state alone: the numbers behind tiles, feed and API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.house import House
from energy.site import MeterOptions, Role, SiteOptions, SupplyKind, SupplyOptions
from telemetry.catalogue import COOLING, GPU, METER, SUPPLY, Measurement
from telemetry.frame import Ints

GPU_SILENT_MS = 60_000
"""A GPU that has not spoken for this long is left out of the sum, and counted as silent."""


@dataclass(frozen=True)
class Gauge:
    """One live figure: ``v`` as of ``at`` (ms, the oldest reading in it); None is explained by ``reason``."""

    v: float | None
    at: int | None
    reason: str | None = None


@dataclass(frozen=True)
class SiteNow:
    """Power in W, shares 0..1. ``power_w`` is at the inlet: net import plus on-site generation.

    ``supplies`` holds each supply's power by id, a battery's positive while it discharges;
    ``reporting`` of ``gpus`` GPUs are in ``gpu_w``.
    """

    power_w: Gauge
    grid_w: Gauge
    it_w: Gauge
    gpu_w: Gauge
    cooling_w: Gauge
    pue: Gauge
    green_share: Gauge
    headroom_w: Gauge
    supplies: Mapping[str, Gauge]
    gpus: int
    reporting: int

    def gauges(self) -> dict[str, Gauge]:
        """The figures that the live feed carries, by the second half of their key."""
        return {
            "power_w": self.power_w,
            "grid_w": self.grid_w,
            "it_w": self.it_w,
            "gpu_w": self.gpu_w,
            "cooling_w": self.cooling_w,
            "pue": self.pue,
            "green_share": self.green_share,
            "headroom_w": self.headroom_w,
        }


class Now:
    """Reads the live state; keeps which GPU belongs to which site, which only grows."""

    def __init__(self, house: House) -> None:
        self._live, self._sites = house.live, house.sites
        self._gpus: dict[str, tuple[int, Ints]] = {}

    def site(self, key: str, at_ms: int) -> SiteNow:
        """The figures of one configured site at ``at_ms``."""
        site = self._sites[key]
        grid = self._sum(METER, key, [m.id for m in site.meter if m.role is Role.UTILITY])
        supplies = {s.id: self._gauge(SUPPLY, key, s.id) for s in site.supply}
        onsite = [supplies[s.id] for s in site.supply if s.kind.onsite]
        power = add([grid, *onsite])
        it = self._sum(METER, key, [m.id for m in site.meter if m.role is Role.IT])
        gpu, gpus, reporting = self._gpu(key, at_ms)
        return SiteNow(
            power_w=power,
            grid_w=grid,
            it_w=it,
            gpu_w=gpu,
            cooling_w=self._cooling(key, site),
            pue=divide(power, it),
            green_share=green_share(site, power, grid, supplies),
            headroom_w=headroom(site, grid),
            supplies=supplies,
            gpus=gpus,
            reporting=reporting,
        )

    def everything(self, at_ms: int) -> dict[str, SiteNow]:
        """All sites, and their sum as ``all``; ratios of sums, never means of ratios."""
        found = {key: self.site(key, at_ms) for key in self._sites}
        return {**found, "all": total(list(found.values()))}

    def _gauge(self, measurement: Measurement, site: str, device: str) -> Gauge:
        told = self._live.value(measurement, (site, device), "power_w")
        if told is None:
            return Gauge(None, None, f"{measurement.name} {device} has not reported any power")
        return Gauge(told[0], told[1])

    def _sum(self, measurement: Measurement, site: str, devices: Sequence[str]) -> Gauge:
        if not devices:
            return Gauge(None, None, "no such meter is configured")
        return add([self._gauge(measurement, site, device) for device in devices])

    def _cooling(self, key: str, site: SiteOptions) -> Gauge:
        meters = [m.id for m in site.meter if m.role is Role.COOLING]
        if meters:
            return self._sum(METER, key, meters)
        units = self._live.table(COOLING, {"site": (key,)})
        watts = units.columns["power_w"]
        known = ~np.isnan(watts)
        if not known.any():
            return Gauge(None, None, "no cooling meter or unit has reported any power")
        return Gauge(float(watts[known].sum()), int(units.at_ms[known].min()))

    def _gpu(self, key: str, at_ms: int) -> tuple[Gauge, int, int]:
        table = self._live.table(GPU)
        count, mine = self._gpus.get(key, (-1, np.empty(0, np.int32)))
        if count != len(table.series):
            mine = self._live.table(GPU, {"site": (key,)}).series
            self._gpus[key] = (len(table.series), mine)
        chosen = np.isin(table.series, mine, assume_unique=True)
        watts, at = table.columns["power_w"][chosen], table.at_ms[chosen]
        known = ~np.isnan(watts)
        if not known.any():
            return Gauge(None, None, "no GPU has reported any power"), len(mine), 0
        fresh = known & (at >= at_ms - GPU_SILENT_MS)
        used = fresh if fresh.any() else known
        gauge = Gauge(float(watts[used].sum()), int(at[used].max()))
        return gauge, len(mine), int(fresh.sum())


def add(parts: Iterable[Gauge]) -> Gauge:
    """The sum, as old as its oldest part; unknown as soon as one part is."""
    parts = list(parts)
    for part in parts:
        if part.v is None:
            return Gauge(None, part.at, part.reason)
    times = [part.at for part in parts if part.at is not None]
    return Gauge(sum(part.v for part in parts if part.v is not None), min(times, default=None))


def divide(above: Gauge, below: Gauge) -> Gauge:
    """The quotient, as old as the older; unknown when either is, or when ``below`` is not positive."""
    if above.v is None:
        return Gauge(None, above.at, above.reason)
    if below.v is None:
        return Gauge(None, below.at, below.reason)
    at = min((t for t in (above.at, below.at) if t is not None), default=None)
    if below.v <= 0:
        return Gauge(None, at, "the IT load is not above zero")
    return Gauge(above.v / below.v, at)


def headroom(site: SiteOptions, grid: Gauge) -> Gauge:
    """What the grid contract still allows, W; negative when it is exceeded."""
    if site.contracted_kw is None:
        return Gauge(None, None, "no contracted power is configured")
    if grid.v is None:
        return grid
    return Gauge(site.contracted_kw * 1000 - grid.v, grid.at)


def claims(site: SiteOptions, supply: SupplyOptions) -> bool:
    """Whether a supply may be matched: renewable, certificates kept, delivered in the site's own zone."""
    deliverable = supply.kind.onsite or supply.zone in (None, site.grid)
    return supply.kind.renewable and supply.kind is not SupplyKind.BATTERY and (
        supply.certificates == "kept" and deliverable
    )  # fmt: skip


def green_share(site: SiteOptions, power: Gauge, grid: Gauge, supplies: Mapping[str, Gauge]) -> Gauge:
    """The share of the load at the inlet that contracted supplies deliver now, 0..1, unsettled.

    Unknown while any of them is: what a silent wind farm delivers is not assumed.
    """
    claimed = [s for s in site.supply if claims(site, s)]
    parts = [power, grid, *(supplies[s.id] for s in claimed)]
    oldest = add(parts)
    if oldest.v is None or power.v is None or grid.v is None:
        return oldest
    if power.v <= 0:
        return Gauge(None, oldest.at, "the load is not above zero")
    onsite = sum(max(0.0, supplies[s.id].v or 0.0) for s in claimed if s.kind.onsite)
    remote = sum(max(0.0, supplies[s.id].v or 0.0) for s in claimed if not s.kind.onsite)
    consumed = max(0.0, onsite - max(0.0, -grid.v))
    return Gauge(min(power.v, consumed + remote) / power.v, oldest.at)


def total(sites: Sequence[SiteNow]) -> SiteNow:
    """All sites as one; green power is added site by site, so that no site's surplus covers another."""
    power, it = add(s.power_w for s in sites), add(s.it_w for s in sites)
    green = add(
        Gauge(s.power_w.v * s.green_share.v, s.green_share.at)
        if s.power_w.v is not None and s.green_share.v is not None
        else Gauge(None, s.green_share.at, s.green_share.reason)
        for s in sites
    )
    return SiteNow(
        power_w=power,
        grid_w=add(s.grid_w for s in sites),
        it_w=it,
        gpu_w=add(s.gpu_w for s in sites),
        cooling_w=add(s.cooling_w for s in sites),
        pue=divide(power, it),
        green_share=divide(green, power),
        headroom_w=add(s.headroom_w for s in sites),
        supplies={},
        gpus=sum(s.gpus for s in sites),
        reporting=sum(s.reporting for s in sites),
    )


def expected_every(devices: Iterable[MeterOptions | SupplyOptions]) -> float:
    """The longest reporting period among ``devices``, s: nothing that sums them can be fresher."""
    return max((d.period.total_seconds() for d in devices), default=60.0)
