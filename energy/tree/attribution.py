"""The energy that GPUs tell of themselves, hour by hour: attribution, never a part of E_IT."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from energy.interval import QUARTER_MS
from energy.sums.line import HOUR
from runtime.clock import from_ms
from telemetry.frame import Floats
from telemetry.rollup import ENERGY, PART, ROLLUPS
from telemetry.store import AT, Readings, SeriesQuery, WindowQuery

_HOUR_MS = HOUR * QUARTER_MS


async def gpu_hours(store: Readings, site: str, first: int, until: int) -> Mapping[str, Floats]:
    """Wh by hall in each whole hour of the quarters ``first <= q < until``, NaN where nothing was told.

    Raises StoreError.
    """
    begin, end = -(-first // HOUR), until // HOUR
    if begin >= end:
        return {}
    start, stop = from_ms(begin * _HOUR_MS), from_ms(end * _HOUR_MS)
    select = SeriesQuery(ROLLUPS[f"{PART}_1h"], start, stop, {"site": (site,)}, (ENERGY,))
    table = await store.window(WindowQuery(select, timedelta(hours=1), "sum", ("hall",)))
    hour = table[AT].to_numpy() // _HOUR_MS - begin
    names = np.asarray(table["hall"].to_pylist(), dtype=object)
    energy = table[ENERGY].to_numpy(zero_copy_only=False)
    found: dict[str, Floats] = {}
    for name in sorted(set(names.tolist())):
        own = names == name
        found[name] = np.full(end - begin, np.nan)
        found[name][hour[own]] = energy[own]
    return found
