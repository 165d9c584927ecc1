"""One consistent reading of a month from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from energy.figures import Figures, KpiRow, LedgerRow, MixRow
from energy.interval import Period, Step
from energy.site import SiteOptions
from reports.content import CompletenessLine
from reports.quality import completeness_line
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
    rows: list[LedgerRow]
    completeness: tuple[CompletenessLine, ...]


async def read_ledger(
    site_key: str, sites: Mapping[str, SiteOptions], period: Period, figures: Figures
) -> Readings:
    """``period`` of ``site_key``, whose registers are those of ``sites``.

    Raises StoreError when the ledger keeps changing meanwhile.
    """
    # The ledger may settle or reopen an interval while we read; a report must not mix two states of it.
    for _ in range(READ_ATTEMPTS):
        readings = await _read(site_key, sites, period, figures)
        if await _version(site_key, period, figures) == (readings.settled, readings.total):
            return readings
    raise StoreError(
        f"the ledger of {site_key!r} changed {READ_ATTEMPTS} times while it was read; issue again"
    )


async def _version(site_key: str, period: Period, figures: Figures) -> tuple[datetime | None, KpiRow]:
    settled = await figures.settled_until(site_key)
    (total,) = await figures.kpi(site_key, period)
    return (None if settled is None else min(settled, period.end)), total


async def _read(
    site_key: str, sites: Mapping[str, SiteOptions], period: Period, figures: Figures
) -> Readings:
    settled, total = await _version(site_key, period, figures)
    (mix,) = await figures.mix(site_key, period)
    rows: list[LedgerRow] = []
    completeness: list[CompletenessLine] = []
    for key in sites:
        rows += await figures.rows(key, period)
        completeness += [completeness_line(key, s) for s in await figures.statements(key, period)]
    return Readings(
        settled=settled,
        total=total,
        mix=mix,
        days=await figures.kpi(site_key, period, Step.DAY),
        day_mix=await figures.mix(site_key, period, Step.DAY),
        hours=await figures.kpi(site_key, period, Step.HOUR),
        rows=rows,
        completeness=tuple(completeness),
    )
