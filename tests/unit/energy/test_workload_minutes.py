"""Minutes of GPUs are put in order by GPU and time, however the store tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from energy.interval import Period
from energy.workloads.minutes import MINUTE, Told, gpu_minutes
from runtime.clock import to_ms
from telemetry.frame import Frame
from telemetry.rollup import FELL, MINUTE_MS, REGISTER
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery
from telemetry.stores.memory import MemoryOptions, MemoryStore

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
QUARTER = Period(START, START + timedelta(minutes=15))


class ByTime(MemoryStore):
    """Tells the latest minutes first, in batches of five rows, as another store may."""

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows."""
        table = pa.Table.from_batches([batch async for batch in super().raw(query)])
        for batch in table.sort_by([("at_ms", "descending")]).to_batches(max_chunksize=5):
            yield batch


async def told(kind: type[MemoryStore], folder: Path) -> Told:
    """Two GPUs of which one skips the minutes around the quarter-hour's beginning."""
    registry = SeriesRegistry()
    store = kind(MemoryOptions(), registry, folder)
    await store.open()
    for number, (place, minutes) in enumerate((("a/r-1/n1/0", range(-9, 20)), ("a/r/n1/0", (-9, 5, 6, 7)))):
        at = np.array(minutes)
        columns = {f"{REGISTER}_first": at * 60.0, FELL: (at == 6).astype(float), "power_w": at * 1.0}
        series = np.full(len(at), registry.id(MINUTE, ("gdansk", *place.split("/"))), dtype=np.int32)
        await store.append([Frame(MINUTE, series, to_ms(START) + at * MINUTE_MS, columns)], number + 1)
    return await gpu_minutes(store, "gdansk", QUARTER)


@pytest.mark.parametrize("kind", [MemoryStore, ByTime])
async def test_the_minutes_of_each_gpu_and_the_last_before_where_it_was_silent(
    tmp_path: Path, kind: type[MemoryStore]
) -> None:
    found = await told(kind, tmp_path)
    minutes = found.minutes
    assert found.places == ["a/r-1/n1/0", "a/r/n1/0"]
    at = (minutes.at_ms - to_ms(START)) // MINUTE_MS
    assert at[minutes.gpu == 0].tolist() == list(range(-2, 17))
    assert at[minutes.gpu == 1].tolist() == [-9, 5, 6, 7]
    assert sorted(minutes.gpu.tolist()) == minutes.gpu.tolist()
    assert minutes.register_j.tolist() == (at * 60.0).tolist()
    assert minutes.fell.tolist() == (at == 6).tolist()
