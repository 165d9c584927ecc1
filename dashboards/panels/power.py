"""Power over the last hours: site, IT and GPUs, in equal steps, with holes where something was silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from dashboards.house import House
from energy.site import Role
from runtime.clock import from_ms, to_ms
from telemetry.catalogue import GPU, METER, SUPPLY, Measurement
from telemetry.frame import Floats
from telemetry.store import AT, SeriesQuery, WindowQuery

STEP = timedelta(minutes=5)
_STEP_MS = STEP // timedelta(milliseconds=1)


@dataclass(frozen=True)
class PowerHistory:
    """Mean W per step; ``t`` are the steps' starts in ms. NaN: at least one meter of the sum was silent."""

    step_s: int
    t: Sequence[int]
    site: Floats
    it: Floats
    gpu: Floats
    limit_w: float | None

    def as_json(self) -> dict[str, Any]:
        """Columns for a chart; null for what is not known."""
        return {
            "step_s": self.step_s,
            "t": list(self.t),
            "power_w": _nulls(self.site),
            "it_w": _nulls(self.it),
            "gpu_w": _nulls(self.gpu),
            "limit_w": self.limit_w,
        }

    def rows(self) -> list[tuple[datetime, list[float | None]]]:
        """One row per step for a table: time, then site, IT and GPU power."""
        columns = [_nulls(self.site), _nulls(self.it), _nulls(self.gpu)]
        return [(from_ms(at), [column[i] for column in columns]) for i, at in enumerate(self.t)]


async def power_history(house: House, keys: Sequence[str], at: datetime, back: timedelta) -> PowerHistory:
    """The sum over the sites ``keys`` from ``at - back`` to ``at``. Raises StoreError."""
    first = to_ms(at - back) // _STEP_MS * _STEP_MS
    grid = np.arange(first, to_ms(at), _STEP_MS, dtype=np.int64)
    period = SeriesPeriod(from_ms(first), at, grid)
    site, it, gpu = (np.zeros(len(grid)) for _ in range(3))
    for key in keys:
        options = house.sites[key]
        inlets = [m.id for m in options.meter if m.role is Role.UTILITY]
        loads = [m.id for m in options.meter if m.role is Role.IT]
        onsite = [s.id for s in options.supply if s.kind.onsite]
        site += await _summed(house, METER, key, inlets, period)
        if onsite:
            site += await _summed(house, SUPPLY, key, onsite, period)
        it += await _summed(house, METER, key, loads, period)
        gpu += await _gpus(house, key, period)
    limit = house.sites[keys[0]].contracted_kw if len(keys) == 1 else None
    return PowerHistory(
        int(STEP.total_seconds()), grid.tolist(), site, it, gpu, None if limit is None else limit * 1000
    )


@dataclass(frozen=True)
class SeriesPeriod:
    """A range and its steps."""

    start: datetime
    end: datetime
    grid: np.ndarray[Any, np.dtype[np.int64]]

    def column(self, at_ms: Sequence[int], values: Sequence[float | None]) -> Floats:
        """``values`` laid onto the steps; NaN in steps that no row fills."""
        column = np.full(len(self.grid), np.nan)
        index = (np.asarray(at_ms, np.int64) - self.grid[0]) // _STEP_MS
        inside = (index >= 0) & (index < len(self.grid))
        column[index[inside]] = np.asarray(values, np.float64)[inside]
        return column


async def _summed(
    house: House, measurement: Measurement, site: str, devices: Sequence[str], period: SeriesPeriod
) -> Floats:
    if not devices:
        return np.full(len(period.grid), np.nan)
    label = measurement.labels[-1]
    where = {"site": (site,), label: tuple(devices)}
    query = SeriesQuery(measurement, period.start, period.end, where, ("power_w",))
    table = await house.store.window(WindowQuery(query, STEP))
    names = np.asarray(table.column(label).to_pylist(), dtype=object)
    at, watts = table.column(AT).to_numpy(), table.column("power_w").to_numpy()
    columns = [period.column(at[names == device], watts[names == device]) for device in devices]
    # A plain sum keeps NaN: a silent feed must not look like a saved megawatt.
    return np.asarray(np.sum(columns, axis=0), np.float64)


async def _gpus(house: House, site: str, period: SeriesPeriod) -> Floats:
    query = SeriesQuery(GPU, period.start, period.end, {"site": (site,)}, ("power_w",))
    table = await house.store.window(WindowQuery(query, STEP, group_by=("site",)))
    return period.column(table.column(AT).to_numpy(), table.column("power_w").to_numpy())


def _nulls(column: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in column]
