"""The mix of a bidding zone per hour, as the store knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from energy.balance import HOUR
from energy.interval import QUARTER_MS
from runtime.clock import from_ms
from telemetry.catalogue import GRID
from telemetry.frame import Floats
from telemetry.store import AT, SeriesQuery, Store, WindowQuery

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
    start = from_ms(first * QUARTER_MS)
    end = from_ms((first + quarters) * QUARTER_MS)
    query = WindowQuery(SeriesQuery(GRID, start, end, {"zone": (zone,)}, _FIELDS), timedelta(hours=1), "mean")
    table = await store.window(query)
    hour = (table[AT].to_numpy() // QUARTER_MS - first) // HOUR
    columns = []
    for name in _FIELDS:
        values = np.full(quarters // HOUR, np.nan)
        values[hour] = table[name].to_numpy()
        columns.append(np.repeat(values, HOUR))
    return GridMix(*columns)
