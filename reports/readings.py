"""One consistent reading of a month from the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from energy.annual import Trailing
from energy.figures import Figures, GridHour, KpiRow, MixRow
from energy.interval import Period, Step
from reports.content import CompletenessLine, LedgerSeries, QualityRange
from reports.evidence import Evidence
from reports.gathering import Asked, Keepers, gather
from reports.quality import completeness_line, ledger_series, quality_ranges
from runtime.errors import StoreError

READ_ATTEMPTS = 3


@dataclass(frozen=True)
class Readings:
    """Everything read from the ledger for one month, and found unchanged at the end of reading.

    ``settled`` is cut to the month's end.
    """

    settled: datetime | None
    total: KpiRow
    mix: MixRow
    days: list[KpiRow]
    day_mix: list[MixRow]
    hours: list[KpiRow]
    grid: list[GridHour]
    completeness: tuple[CompletenessLine, ...]
    ledger: tuple[LedgerSeries, ...]
    ranges: tuple[QualityRange, ...]
    evidence: Evidence
    year: Trailing


@dataclass(frozen=True)
class _Registers:
    completeness: list[CompletenessLine]
    ledger: list[LedgerSeries]
    ranges: list[QualityRange]


async def read_ledger(asked: Asked, figures: Figures, keepers: Keepers) -> Readings:
    """The month of the sites that are ``asked`` for.

    Raises StoreError when the ledger keeps changing meanwhile.
    """
    # The ledger may settle or reopen an interval while we read; a report must not mix two states of it.
    for _ in range(READ_ATTEMPTS):
        readings = await _read(asked, figures, keepers)
        if await _version(asked.site, asked.period, figures) == (readings.settled, readings.total):
            return readings
    raise StoreError(
        f"the ledger of {asked.site!r} changed {READ_ATTEMPTS} times while it was read; issue again"
    )


async def _version(site_key: str, period: Period, figures: Figures) -> tuple[datetime | None, KpiRow]:
    settled = await figures.settled_until(site_key)
    (total,) = await figures.kpi(site_key, period)
    return (None if settled is None else min(settled, period.end)), _bare(total)


def _bare(row: KpiRow) -> KpiRow:
    """``row`` without the formulas behind it, which the method tells once."""
    return replace(row, parts={})


async def _read(asked: Asked, figures: Figures, keepers: Keepers) -> Readings:
    site_key, period = asked.site, asked.period
    settled, total = await _version(site_key, period, figures)
    (mix,) = await figures.mix(site_key, period)
    part = Period(period.start, max(settled or period.start, period.start))
    registers = [await _registers(key, period, part, figures) for key in asked.keys]
    return Readings(
        settled=settled,
        total=total,
        mix=mix,
        days=[_bare(row) for row in await figures.kpi(site_key, period, Step.DAY)],
        day_mix=await figures.mix(site_key, period, Step.DAY),
        hours=[_bare(row) for row in await figures.kpi(site_key, period, Step.HOUR)],
        grid=await figures.grid(site_key, period),
        completeness=tuple(line for found in registers for line in found.completeness),
        ledger=tuple(series for found in registers for series in found.ledger),
        ranges=tuple(one for found in registers for one in found.ranges),
        evidence=await gather(asked, figures, keepers),
        # What is kept for a year comes and goes; a report that stands for good must not depend on it.
        year=(await figures.trailing(site_key, [period.end], whole=True))[0],
    )


async def _registers(site: str, period: Period, settled: Period, figures: Figures) -> _Registers:
    lines = [completeness_line(site, s) for s in await figures.statements(site, period)]
    ledger: list[LedgerSeries] = []
    ranges: list[QualityRange] = []
    # Meter by meter: a large site's month is 100,000 rows, and to hold them all at once stalls the process
    # whenever the garbage collector walks them.
    for meter in dict.fromkeys(line.meter for line in lines):
        rows = [row for row in await figures.rows(site, period, meter) if row.meter == meter]
        own = [line for line in lines if line.meter == meter]
        ledger += await asyncio.to_thread(ledger_series, rows, period)
        ranges += await asyncio.to_thread(quality_ranges, rows, own, settled)
    return _Registers(lines, ledger, ranges)
