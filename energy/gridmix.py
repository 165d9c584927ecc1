"""The mix of a bidding zone per hour, as the store knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from energy.figures import GridHour
from energy.interval import QUARTER_MS, Period
from energy.line import HOUR
from runtime.clock import from_ms, to_ms
from telemetry.catalogue import GRID
from telemetry.frame import Floats
from telemetry.store import AT, SeriesQuery, Store, WindowQuery

HOUR_MS = HOUR * QUARTER_MS

_FIELDS = ("carbon_free_share", "carbon_g_per_kwh")


@dataclass(frozen=True)
class GridMix:
    """Per quarter, NaN where the hour is not known: carbon-free share (0..1) and gCO2e/kWh of grid power."""

    carbon_free_share: Floats
    carbon_g_per_kwh: Floats

    @classmethod
    def unknown(cls, quarters: int) -> GridMix:
        """Nothing is known of the grid."""
        return cls(np.full(quarters, np.nan), np.full(quarters, np.nan))


async def load_gridmix(store: Store, zone: str, first: int, quarters: int) -> GridMix:
    """Hourly means of ``zone`` from quarter ``first`` (a whole hour) on. Raises StoreError."""
    columns = await _hourly(store, zone, (first, quarters), _FIELDS)
    return GridMix(*(np.repeat(column, HOUR) for column in columns))


async def grid_hours(store: Store, zone: str, period: Period) -> list[GridHour]:
    """The mix of ``zone`` in every hour that ``period`` touches. Raises StoreError."""
    first = to_ms(period.start) // HOUR_MS * HOUR
    hours = -(-to_ms(period.end) // HOUR_MS) - first // HOUR
    columns = await _hourly(store, zone, (first, hours * HOUR), ("renewable_share", *_FIELDS))
    told = ([None if np.isnan(value) else float(value) for value in column] for column in columns)
    starts = (from_ms((first // HOUR + hour) * HOUR_MS) for hour in range(hours))
    return [GridHour(zone, start, *mix) for start, *mix in zip(starts, *told, strict=True)]


async def _hourly(
    store: Store, zone: str, quarters: tuple[int, int], fields: tuple[str, ...]
) -> list[Floats]:
    """The mean of each of ``fields`` per hour, NaN where nothing was told; (first, count) of ``quarters``."""
    first, count = quarters
    start, end = from_ms(first * QUARTER_MS), from_ms((first + count) * QUARTER_MS)
    query = WindowQuery(SeriesQuery(GRID, start, end, {"zone": (zone,)}, fields), timedelta(hours=1), "mean")
    table = await store.window(query)
    hour = (table[AT].to_numpy() // QUARTER_MS - first) // HOUR
    columns = []
    for name in fields:
        values = np.full(count // HOUR, np.nan)
        values[hour] = table[name].to_numpy()
        columns.append(values)
    return columns
