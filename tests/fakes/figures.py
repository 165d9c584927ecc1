"""Figures of an invented but consistent site, computed from the time alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.annual import ANNUAL, Trailing
from energy.carbon.factor_row import FactorRow
from energy.configuration.site import SiteOptions
from energy.figures import GridHour, KpiRow, LedgerRow, MeterStatement, MixRow
from energy.interval import QUARTER, QUARTER_MS, Period, Step, steps
from energy.reading.rows import Parts
from energy.sums.covered import Covered
from energy.sums.line import Lines
from energy.sums.sheet import LedgerRegister, Sheet
from energy.sums.totals import Totals
from energy.trailing.window import days_of, days_since, year_up_to
from energy.tree.closing import Closure
from energy.tree.closure import closure
from energy.tree.cut import Cut
from reports.headline import kpis
from runtime.clock import to_ms


class SyntheticFigures:
    """IT of about 10 MW, PUE near 1.2, sun by day, wind that fails at the nights listed in ``windless``."""

    def __init__(
        self,
        sites: Mapping[str, SiteOptions],
        settled: datetime,
        windless: Sequence[Period] = (),
        missing: Sequence[Period] = (),
        begins: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        self.sites, self.settled, self.windless, self.missing = sites, settled, windless, missing
        self.begins = begins

    def snapshot(self, over: Period | None = None) -> SyntheticFigures:
        return self

    def until(self, settled: datetime) -> SyntheticFigures:
        """The same story, told as far as ``settled``."""
        return SyntheticFigures(self.sites, settled, self.windless, self.missing, self.begins)

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        return [self._kpi(p) for p in self._parts(site, period, step)]

    async def trailing(
        self, site: str, ends: Sequence[datetime], as_of: datetime | None = None, whole: bool = False
    ) -> list[Trailing]:
        return [self._year(year_up_to(min(end, self.settled), self._tz(site)), site) for end in ends]

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        return [self._mix(p) for p in self._parts(site, period, step)]

    async def grid(self, site: str, period: Period, as_of: datetime | None = None) -> list[GridHour]:
        zones = sorted({s.grid for key, s in self.sites.items() if site in (key, "all")})
        hours = [p.start for p in steps(period, Step.HOUR, self._tz(site))]
        return [_grid_hour(zone, at) for zone in zones for at in hours]

    async def factors(self, site: str, period: Period, as_of: datetime | None = None) -> list[FactorRow]:
        """One line a site: what was not matched, at 700 g/kWh."""
        found = []
        for key in self.sites if site == "all" else [site]:
            zone, wh = self.sites[key].grid, self._mix(period).other_wh or 0.0
            found.append(
                FactorRow(
                    key, "location", "energy from the grid", zone, wh, 700.0, 0.7 * wh,
                    "invented", "told", "hours up to version 1", True,
                )
            )  # fmt: skip
        return found

    async def rows(
        self, site: str, period: Period, meter: str | None = None, as_of: datetime | None = None
    ) -> Sequence[LedgerRow]:
        found = []
        for part in steps(period, Step.QUARTER, self._tz(site)):
            edc, _eit, _pv, _wind = self._quarter(part.start)
            known = edc is not None
            found.append(
                LedgerRow(
                    site, "main-1", "energy", part.start, edc,
                    "ok" if known else "missing", 1, None if known else "no reading arrived",
                )
            )  # fmt: skip
        return found

    async def statements(
        self,
        site: str,
        period: Period,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[MeterStatement]:
        if only is not None and "main-1" not in only:
            return []
        rows = await self.rows(site, period)
        known = [r.energy_wh for r in rows if r.energy_wh is not None]
        return [MeterStatement("main-1", "energy", "utility", sum(known), len(rows), len(known), 0, 0, 0)]

    async def closure(self, site: str, period: Period, as_of: datetime | None = None) -> list[Closure]:
        until = min(period.end, self.settled)
        keys = [key for key in self.sites if site in (key, "all") and period.start < until]
        return [self._closure(key, Period(period.start, until)) for key in keys]

    async def configured(
        self, site: str, period: Period, as_of: datetime | None = None
    ) -> Mapping[str, SiteOptions]:
        return {key: options for key, options in self.sites.items() if site in (key, "all")}

    async def eras(self, site: str, period: Period) -> Mapping[str, Sequence[tuple[Period, SiteOptions]]]:
        return {key: [(period, options)] for key, options in (await self.configured(site, period)).items()}

    async def departed(self) -> Mapping[str, SiteOptions]:
        return {}

    async def began(self, site: str) -> datetime | None:
        return self.begins

    async def settled_until(self, site: str, as_of: datetime | None = None) -> datetime | None:
        return self.settled

    def _year(self, window: Period, site: str) -> Trailing:
        tz = self._tz(site)
        days, of = days_since(to_ms(self.begins) // QUARTER_MS, window, tz), days_of(window, tz)
        if days < of:
            reason = f"{days} of {of} days of settled data at the site's boundary"
            return Trailing(window.start, window.end, days, of, withheld=dict.fromkeys(ANNUAL, reason))
        told = {"pue": 1.2, "ref": 0.7}
        lacking = {name: f"no {name} here" for name in ANNUAL if name not in told}
        figures = {name: told.get(name) for name in ANNUAL}
        return Trailing(window.start, window.end, days, of, figures, lacking, 1.0, 0.0, "settled", 1, "pue1")

    def _closure(self, key: str, period: Period) -> Closure:
        """The tree of ``key`` as its meters would have told it; its battery rests."""
        options = self.sites[key]
        names = [("meter", meter.id, "energy") for meter in options.meter]
        names += [("supply", "pv-roof", "energy")]
        names += [("supply", "battery-1", channel) for channel in ("charge", "discharge")]
        registers = [LedgerRegister(number, name, None, None) for number, name in enumerate(names)]
        first = to_ms(period.start) // QUARTER_MS
        sheet = Sheet.blank(registers, first, -(-period.quarters // 4) * 4)
        for number in range(period.quarters):
            edc, eit, pv, _ = self._quarter(period.start + number * QUARTER)
            told = {"main-1": np.nan if edc is None else edc - pv, "ups-a": eit, "pv-roof": pv}
            sheet.amount[:, number] = [told.get(meter, 0.0) for _, meter, _ in names]
        sheet.quality[:] = 0
        cut = Cut(key, Lines(sheet), slice(0, period.quarters), period)
        hours = np.where(sheet.amount[1].reshape(-1, 4).sum(axis=1) > 0, 7e6, np.nan)
        return closure(options, cut, {"a": hours})

    def _tz(self, site: str):  # type: ignore[no-untyped-def]
        first = next(iter(self.sites)) if site == "all" else site
        return self.sites[first].tz

    def _parts(self, site: str, period: Period, step: Step | None) -> list[Period]:
        return [period] if step is None else list(steps(period, step, self._tz(site)))

    def _quarter(self, at: datetime) -> tuple[float | None, float, float, float]:
        if at >= self.settled or any(p.start <= at < p.end for p in self.missing):
            return None, 0.0, 0.0, 0.0
        hours = to_ms(at) / 3.6e6
        eit = 2.5e6 * (1 + 0.1 * math.sin(hours / 24 * 2 * math.pi))
        edc = eit * (1.2 + 0.03 * math.sin(hours / 7))
        pv = max(0.0, 6e5 * math.sin((at.hour + at.minute / 60 - 6) / 12 * math.pi))
        wind = 2.6e6 * (1.3 + math.sin(hours / 17))
        if any(p.start <= at < p.end for p in self.windless):
            wind = 0.0
        return round(edc), round(eit), round(pv), round(wind)

    def _mix(self, part: Period) -> MixRow:
        edc_sum = green_pv = green_wind = pv_sum = wind_sum = 0.0
        known = total = 0
        at = part.start
        while at < part.end:
            total += 1
            edc, _, pv, wind = self._quarter(at)
            if edc is not None:
                known += 1
                used_pv = min(edc, pv)
                used_wind = min(edc - used_pv, wind)
                edc_sum, green_pv, green_wind = edc_sum + edc, green_pv + used_pv, green_wind + used_wind
                pv_sum, wind_sum = pv_sum + pv, wind_sum + wind
            at += QUARTER
        some = known > 0
        return MixRow(
            start=part.start,
            end=part.end,
            edc_wh=edc_sum if some else None,
            green={"pv-roof": green_pv, "ppa-wind-1": green_wind} if some else {},
            available_wh={"pv-roof": pv_sum if some else None, "ppa-wind-1": wind_sum if some else None},
            other_wh=edc_sum - green_pv - green_wind if some else None,
            unknown_wh=0.0 if some else None,
            surplus_wh=pv_sum + wind_sum - green_pv - green_wind,
            completeness=known / max(total, 1),
            load_wh=edc_sum if some else None,
            rungs={"onsite": green_pv, "storage": 0.0, "ppa": green_wind, "timed": 0.0} if some else {},
        )

    def _kpi(self, part: Period) -> KpiRow:
        mix = self._mix(part)
        enough = mix.completeness >= 0.9
        reason = f"completeness {100 * mix.completeness:.2f} % is below the floor of 90.00 %"
        eit = sum(
            self._quarter(part.start + i * QUARTER)[1]
            for i in range(max(1, (part.end - part.start) // QUARTER))
        )
        edc, green = mix.edc_wh or 0.0, sum(mix.green.values())
        share = green / edc if enough and edc else None
        return KpiRow(
            start=part.start,
            end=part.end,
            edc_wh=mix.edc_wh,
            load_wh=mix.load_wh,
            hourly_matched_upper=share,
            eit_wh=eit if mix.edc_wh is not None else None,
            pue=edc / eit if enough and eit else None,
            pue_category="pue1",
            ref=share,
            hourly_matched=share,
            cfe_score=share,
            green_wh=green if mix.edc_wh is not None else None,
            other_wh=mix.other_wh,
            unknown_wh=mix.unknown_wh,
            cue=None,
            wue=None,
            erf=None,
            ere=None,
            completeness=mix.completeness,
            estimated=0.0,
            state="provisional" if part.end <= self.settled else "open",
            revision=1,
            withheld={
                "wue": "no water meter at Gdańsk",
                "erf": "no heat meter at Gdańsk",
                "ere": "no heat meter at Gdańsk",
                "cue": "the carbon intensity of zone PL is not known",
                **({} if enough else {"pue": reason, "ref": reason, "hourly_matched": reason}),
            },
            covered=_covered(mix.edc_wh, eit, mix.completeness),
            parts=Parts(
                Totals(green=green, renewable=green, cfe=green, edc=edc, load=edc, pue_edc=edc, pue_eit=eit),
                kpis(),
            ),
        )


def _covered(edc: float | None, eit: float, known: float) -> dict[str, Covered]:
    return {} if edc is None else {"edc_wh": Covered(edc, known), "eit_wh": Covered(eit, known)}


def _grid_hour(zone: str, at: datetime) -> GridHour:
    share = round(0.35 + 0.2 * math.sin(to_ms(at) / 3.6e6 / 11), 4)
    return GridHour(zone, at, share, share + 0.05, 700 * (1 - share))


def site(
    name: str = "Gdańsk",
    zone: str = "Europe/Warsaw",
    grid: str = "PL",
    contracted_kw: float = 16_000,
    battery: bool = False,
) -> SiteOptions:
    """A site with one inlet, one UPS output, a roof of panels, a wind contract and perhaps a battery."""
    return SiteOptions.model_validate(
        {
            "name": name,
            "zone": zone,
            "grid": grid,
            "contracted_kw": contracted_kw,
            "meter": [
                {"id": "main-1", "role": "utility", "exports": "none"},
                {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1"},
            ],
            "supply": [
                {"id": "pv-roof", "kind": "onsite_solar"},
                {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": grid},
                *([{"id": "battery-1", "kind": "battery"}] if battery else []),
            ],
        }
    )


def night(day: datetime) -> Period:
    """From 18:00 UTC of ``day`` for twelve hours."""
    start = day.replace(hour=18, minute=0, second=0, microsecond=0)
    return Period(start, start + timedelta(hours=12))
