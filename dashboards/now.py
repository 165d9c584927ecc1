"""What every site does at this moment, from the live state alone: the numbers behind tiles, feed and API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from dashboards.house import House
from energy.configuration.device import devices
from energy.configuration.metering import RegisterOptions
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind, SupplyOptions
from energy.figures import ALL
from energy.interval import QUARTER_MS
from energy.sums.claims import claimable, matchable, renewables
from energy.tree import boundary
from energy.tree.dating import valid_at
from energy.tree.members import Terms
from runtime.clock import MILLISECOND
from telemetry.catalogue import COOLING, GPU, MEASUREMENTS, METER, SUPPLY, Measurement
from telemetry.frame import Floats, Ints, Millis
from telemetry.live import NEVER, LiveTable

PERIODS_UNTIL_STALE = 3
"""A reading older than this many of its device's periods is unknown: it is no longer what happens now."""

SILENT_MS = 60_000
"""A GPU, or a cooling unit without a table, has no configured period: it is silent after this long."""

GONE_MS = 24 * 3_600_000
"""One that has been silent for longer was taken out, and no longer keeps a sum from being told."""


@dataclass(frozen=True)
class Gauge:
    """One live figure: ``v`` as of ``at`` (ms, the oldest reading in it); None is explained by ``reason``.

    ``note`` is what whoever reads it must know of a figure that is told.
    """

    v: float | None
    at: int | None
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class SiteNow:
    """Power in W, shares 0..1. ``power_w`` is at the inlet: net import plus on-site generation.

    ``load_w`` is that less what charges batteries, plus what leaves their stores: ``green_share`` is of it.

    A figure with a part that is stale or was never told is unknown, never a partial sum. The one exception
    is ``gpu_w``: among 100,000 GPUs one is always silent, so it is the sum of the ``reporting`` of ``gpus``
    GPUs, noted as partial, and unknown below the site's completeness floor. No other figure is made of it.

    ``supplies`` holds each supply's power by id, a battery's positive while it discharges.
    """

    power_w: Gauge
    load_w: Gauge
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
    """Reads the live state; keeps which devices belong to which site, which only grows."""

    def __init__(self, house: House) -> None:
        self._live, self._sites = house.live, house.sites
        self._devices: dict[tuple[str, str], _Known] = {}
        self._trees: dict[str, _Counted] = {}

    def site(self, key: str, at_ms: int) -> SiteNow:
        """The figures of one configured site at ``at_ms``."""
        counted = self._counted(key, at_ms // QUARTER_MS)
        site = counted.site
        inlet = self._gauges((key, site), counted.inlet, at_ms)
        grid = add(inlet) if inlet else Gauge(None, None, "no utility meter is configured")
        offices = add(self._gauges((key, site), counted.office, at_ms))
        supplies = {s.id: self._gauge(SUPPLY, key, s, at_ms) for s in site.supply}
        onsite = [generated(supplies[s.id]) for s in site.supply if s.kind.onsite]
        power = add([grid, *onsite, taken_off(offices)])
        load = load_of(site, power, supplies)
        it = self._sum((key, site), counted.it, at_ms)
        gpu, gpus, reporting = self._gpu(key, site.completeness_floor, at_ms)
        return SiteNow(
            power_w=power,
            load_w=load,
            grid_w=grid,
            it_w=it,
            gpu_w=gpu,
            cooling_w=self._cooling(key, counted, at_ms),
            pue=pue(power, it),
            green_share=green_share(site, load, exported(inlet), supplies),
            headroom_w=headroom(site, grid),
            supplies=supplies,
            gpus=gpus,
            reporting=reporting,
        )

    def everything(self, at_ms: int) -> dict[str, SiteNow]:
        """All sites, and their sum as ``all``; ratios of sums, never means of ratios."""
        found = {key: self.site(key, at_ms) for key in self._sites}
        several = len(found) > 1
        parts = [named(now, self._sites[key].name) if several else now for key, now in found.items()]
        return {**found, ALL: total(parts)}

    def _gauge(self, measurement: Measurement, site: str, device: RegisterOptions, at_ms: int) -> Gauge:
        if isinstance(device, SupplyOptions) and device.volume == "file":
            return Gauge(None, None, f"what {device.id} delivers is known once its file is imported")
        told = self._live.value(measurement, (site, device.id), "power_w")
        if told is None:
            return Gauge(None, None, f"{measurement.name} {device.id} has not reported any power")
        age_s = (at_ms - told[1]) / 1000
        if age_s > PERIODS_UNTIL_STALE * device.period.total_seconds():
            return Gauge(None, told[1], f"{measurement.name} {device.id} has been silent for {age_s:.0f} s")
        return Gauge(told[0], told[1])

    def _counted(self, key: str, quarter: int) -> _Counted:
        """What counts at the site in ``quarter``: a tree changes no sooner."""
        known = self._trees.get(key)
        if known is None or known.quarter != quarter:
            site = valid_at(self._sites[key], quarter)
            terms = (boundary.inlet, boundary.office, boundary.it, boundary.cooling)
            known = self._trees[key] = _Counted(quarter, site, *(of(site) for of in terms))
        return known

    def _gauges(self, which: tuple[str, SiteOptions], terms: Terms, at_ms: int) -> list[Gauge]:
        """One for each of ``terms``, below 0 where that is taken off."""
        key, site = which
        tables = ((METER, site.meter), (SUPPLY, site.supply), (COOLING, site.cooling))
        known = {(m.name, one.id): one for m, table in tables for one in table}
        found = []
        for source, times in terms.items():
            gauge = self._gauge(MEASUREMENTS[source[0]], key, known[source], at_ms)
            found.append(gauge if times > 0 else taken_off(gauge))
        return found

    def _sum(self, which: tuple[str, SiteOptions], terms: Terms, at_ms: int) -> Gauge:
        if not terms:
            return Gauge(None, None, "no IT meter is configured")
        return add(self._gauges(which, terms, at_ms))

    def _cooling(self, key: str, counted: _Counted, at_ms: int) -> Gauge:
        if any(measurement == METER.name for measurement, _ in counted.cooling):
            return self._sum((key, counted.site), counted.cooling, at_ms)
        return self._census(COOLING, key, at_ms).sum("cooling units", floor=1)

    def _gpu(self, key: str, floor: float, at_ms: int) -> tuple[Gauge, int, int]:
        census = self._census(GPU, key, at_ms)
        return (
            noted(census.sum("GPUs", floor), census.reporting, census.known),
            census.known,
            census.reporting,
        )

    def _census(self, measurement: Measurement, site: str, at_ms: int) -> _Census:
        known = self._devices.get((measurement.name, site))
        if known is None or known.named != self._live.named:
            known = self._devices[measurement.name, site] = self._known(measurement, site)
        table = self._live.rows(measurement, known.series)
        return _census(table, known.patience_ms, self._live.silent_since(measurement), at_ms)

    def _known(self, measurement: Measurement, site: str) -> _Known:
        """The devices of ``measurement`` at ``site``, each with the patience that its table asks for."""
        mine = self._live.registered(measurement, {"site": (site,)})
        patience = np.full(len(mine), SILENT_MS, dtype=np.int64)
        tables = [d for d in devices(site, self._sites[site]) if d.measurement is measurement]
        for period in {device.period for device in tables}:
            ids = tuple(device.id for device in tables if device.period == period)
            these = self._live.registered(measurement, {"site": (site,), measurement.labels[1]: ids})
            patience[np.isin(mine, these)] = PERIODS_UNTIL_STALE * period // MILLISECOND
        return _Known(self._live.named, mine, patience)


class _Counted(NamedTuple):
    """A site as it is in ``quarter``, and what counts there in its figures."""

    quarter: int
    site: SiteOptions
    inlet: Terms
    office: Terms
    it: Terms
    cooling: Terms


class _Known(NamedTuple):
    """All ``series`` of one kind at a site when ``named`` names were given; silent after ``patience_ms``."""

    named: int
    series: Ints
    patience_ms: Millis


@dataclass(frozen=True)
class _Census:
    """``reporting`` of ``known`` devices take ``watts`` together; times in ms, None without such a device."""

    watts: float
    known: int
    reporting: int
    oldest_reporting: int | None
    oldest: int | None

    def sum(self, what: str, floor: float) -> Gauge:
        """What those that report take; unknown when they are less than ``floor`` (0..1) of all."""
        if not self.known:
            return Gauge(None, None, f"none of the {what} has reported any power in the last 24 h")
        if not self.reporting or self.reporting < floor * self.known:
            silent = f"{self.known - self.reporting:,} of {self.known:,} {what} are silent"
            return Gauge(None, self.oldest, silent)
        return Gauge(self.watts, self.oldest_reporting)


def _census(table: LiveTable, patience_ms: Millis, silent_since: int | None, now_ms: int) -> _Census:
    """Of these devices; one that still speaks, but no longer tells its power, does not report.

    One of which no row is known may have died before the last start: it is missed until that is surely
    longer ago than a day.
    """
    unknown = table.at_ms == NEVER
    heard = np.where(unknown, now_ms if silent_since is None else silent_since, table.at_ms)
    present = now_ms - heard <= GONE_MS
    at, told_at = table.at_ms[present & ~unknown], table.field_at_ms["power_w"][present]
    fresh = told_at >= now_ms - patience_ms[present]
    return _Census(
        watts=float(table.columns["power_w"][present][fresh].sum()),
        known=int(present.sum()),
        reporting=int(fresh.sum()),
        oldest_reporting=int(told_at[fresh].min()) if fresh.any() else None,
        oldest=int(at.min()) if len(at) else None,
    )


def noted(gauge: Gauge, reporting: int, known: int) -> Gauge:
    """``gauge``, which ``reporting`` of ``known`` devices make up, with a note of how many that is."""
    if gauge.v is None:
        return gauge
    partial = "partial: " if reporting < known else ""
    return replace(gauge, note=f"{partial}{reporting:,} of {known:,} reporting")


def generated(supply: Gauge) -> Gauge:
    """Its generation: an inverter's own use at night shows as negative power and is part of the import."""
    return supply if supply.v is None else Gauge(max(0.0, supply.v), supply.at)


def taken_off(gauge: Gauge) -> Gauge:
    """What is taken off a sum."""
    return gauge if gauge.v is None else Gauge(-gauge.v, gauge.at)


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


def pue(power: Gauge, it: Gauge) -> Gauge:
    """Power at the inlet over IT power. Below 1 it is no PUE but a fault of a meter or of its role."""
    found = divide(power, it)
    if found.v is not None and found.v < 1:
        return Gauge(None, found.at, "the site takes less than its IT: a meter or its role is wrong")
    return found


def headroom(site: SiteOptions, grid: Gauge) -> Gauge:
    """What the grid contract still allows, W; negative when it is exceeded."""
    if site.contracted_kw is None:
        return Gauge(None, None, "no contracted power is configured")
    if grid.v is None:
        return grid
    return Gauge(site.contracted_kw * 1000 - grid.v, grid.at)


def exported(meters: Iterable[Gauge]) -> Gauge:
    """What leaves the site through those of its ``meters`` at the inlet that run backwards."""
    return add(meter if meter.v is None else Gauge(max(0.0, -meter.v), meter.at) for meter in meters)


def load_of(site: SiteOptions, power: Gauge, supplies: Mapping[str, Gauge]) -> Gauge:
    """What is used now: ``power`` at the inlet less what charges batteries, plus what leaves their stores."""
    flows = []
    for battery in (s for s in site.supply if s.kind is SupplyKind.BATTERY):
        gauge = supplies[battery.id]
        if gauge.v is not None:
            gauge = Gauge(gauge.v / battery.efficiency if gauge.v > 0 else gauge.v, gauge.at)
        flows.append(gauge)
    return add([power, *flows])


def green_share(site: SiteOptions, load: Gauge, out: Gauge, supplies: Mapping[str, Gauge]) -> Gauge:
    """The share of the ``load`` that contracted supplies deliver now, 0..1, unsettled.

    Unknown while any of them is: what a silent wind farm delivers is not assumed. ``out`` is what is
    exported. What charged a battery only the ledger knows: what it gives is not green until that is settled.
    """
    matched = [s.id for s in site.supply if matchable(site, s)]
    oldest = add([load, out, *(supplies[name] for name in matched)])
    if oldest.v is None or load.v is None or out.v is None:
        return oldest
    if load.v <= 0:
        return Gauge(None, oldest.at, "the load is not above zero")
    delivered = {s.id: s.share * _watts(generated(supplies[s.id])) for s in renewables(site)}
    claims = claimable(site, delivered, np.asarray(out.v))
    return Gauge(min(load.v, sum(float(claims[name]) for name in matched)) / load.v, oldest.at)


def _watts(gauge: Gauge) -> Floats:
    return np.asarray(np.nan if gauge.v is None else gauge.v)


def named(now: SiteNow, name: str) -> SiteNow:
    """``now`` with the site's ``name`` before every reason: among several, whose meter it is matters."""
    told: dict[str, Any] = {
        key: replace(gauge, reason=f"{name}: {gauge.reason}")
        for key, gauge in now.gauges().items()
        if gauge.reason is not None
    }
    return replace(now, **told)


def total(sites: Sequence[SiteNow]) -> SiteNow:
    """All sites as one; green power is added site by site, so that no site's surplus covers another."""
    power, load, it = (add(getattr(s, name) for s in sites) for name in ("power_w", "load_w", "it_w"))
    green = add(
        Gauge(s.load_w.v * s.green_share.v, s.green_share.at)
        if s.load_w.v is not None and s.green_share.v is not None
        else Gauge(None, s.green_share.at, s.green_share.reason)
        for s in sites
    )
    gpus, reporting = sum(s.gpus for s in sites), sum(s.reporting for s in sites)
    return SiteNow(
        power_w=power,
        load_w=load,
        grid_w=add(s.grid_w for s in sites),
        it_w=it,
        gpu_w=noted(add(s.gpu_w for s in sites), reporting, gpus),
        cooling_w=add(s.cooling_w for s in sites),
        pue=pue(power, it),
        green_share=divide(green, load),
        headroom_w=add(s.headroom_w for s in sites),
        supplies={},
        gpus=gpus,
        reporting=reporting,
    )


def expected_every(devices: Iterable[RegisterOptions]) -> float:
    """The longest reporting period among ``devices``, s: nothing that sums them can be fresher."""
    return max((d.period.total_seconds() for d in devices), default=60.0)
