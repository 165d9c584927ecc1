"""Rows as the stores themselves give them back, beside the service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import duckdb

from runtime.clock import EPOCH
from telemetry.catalogue import GPU, Measurement
from telemetry.journal import Journal
from telemetry.rollup import ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery
from telemetry.stored import LABELS_OF
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.acceptance.chaos.ledger import StoredRow

MinuteRow = tuple[str, int, int, float, float, float, float]
"""Topic, GPU and start in ms of a minute; mean, least and greatest power in W, and number of readings."""

_MINUTE = ("power_w", "power_w_min", "power_w_max", "power_w_count")
_ALL = 1 << 40
_FAR = datetime(2200, 1, 1, tzinfo=UTC)


async def in_duckdb(data_dir: Path) -> list[StoredRow]:
    """Every GPU row of a service that does not run, as its store answers: those in sealed files too."""
    return [(topic, gpu, at) for topic, gpu, at, _ in await _asked(data_dir, GPU, ("power_w",))]


async def minutes_in_duckdb(data_dir: Path) -> list[MinuteRow]:
    """Every minute of every GPU in the store of a service that does not run."""
    return await _asked(data_dir, ROLLUPS["gpu_1m"], _MINUTE)


async def in_journal(path: Path) -> dict[int, list[StoredRow]]:
    """The GPU rows of each batch, by position, in the journal of a service that does not run."""
    registry = SeriesRegistry()
    journal = Journal(path, registry)
    await journal.open()
    try:
        entries = await journal.read(0, _ALL)
    finally:
        await journal.close()
    found: dict[int, list[StoredRow]] = {}
    for entry in entries:
        rows = found[entry.position] = []
        for frame in entry.frames:
            for series, at in zip(frame.series.tolist(), frame.at_ms.tolist(), strict=True):
                if frame.measurement is GPU:
                    labels = registry.labels(series)
                    rows.append((_topic(labels), int(labels["gpu"]), at))
    return found


def sealed_files(data_dir: Path, measurement: Measurement = GPU) -> int:
    """How many files of sealed rows stand beside DuckDB's file."""
    return len(list((data_dir / "telemetry.duckdb.sealed" / measurement.name).glob("*.parquet")))


async def in_influxdb(port: int, database: str, login: tuple[str, str] | None = None) -> list[StoredRow]:
    """Every GPU row in InfluxDB 1.x."""
    asked = {"db": database, "q": "SELECT power_w FROM gpu GROUP BY *", "epoch": "ms"}
    headers = {"Authorization": aiohttp.encode_basic_auth(*login)} if login else {}
    url = f"http://127.0.0.1:{port}/query"
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url, params=asked) as answer:
        found = (await answer.json())["results"][0].get("series", [])
    return [
        (_topic(one["tags"]), int(one["tags"]["gpu"]), int(at)) for one in found for at, _ in one["values"]
    ]


async def in_victoriametrics(port: int) -> list[StoredRow]:
    """Every GPU row in VictoriaMetrics, which merges equal samples itself."""
    url = f"http://127.0.0.1:{port}/api/v1/export"
    asked = {"match[]": "gpu_power_w"}
    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{port}/internal/force_flush"):
            pass  # what it took in the last second would not be found otherwise
        async with http.get(url, params=asked) as answer:
            lines = (await answer.text()).splitlines()
    rows = []
    for series in map(json.loads, lines):
        labels = series["metric"]
        rows += [(_topic(labels), int(labels["gpu"]), int(at)) for at in series["timestamps"]]
    return rows


async def _asked(data_dir: Path, measurement: Measurement, fields: tuple[str, ...]) -> list[Any]:
    """Topic, GPU, time and ``fields`` of all rows of a measurement of GPUs."""
    found: list[Any] = []
    async with _store(data_dir) as store:
        async for batch in store.raw(SeriesQuery(measurement, EPOCH, _FAR, {}, fields)):
            for row in batch.to_pylist():
                found.append((_topic(row), int(row["gpu"]), row["at_ms"], *(row[name] for name in fields)))
    return found


@asynccontextmanager
async def _store(data_dir: Path) -> AsyncIterator[DuckDBStore]:
    registry = SeriesRegistry()
    with duckdb.connect(str(data_dir / "telemetry.duckdb"), read_only=True) as file:
        cursor = file.execute("FROM series ORDER BY id")
        columns = [column[0] for column in cursor.description]
        named = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    registry.restore(
        [(one["measurement"], tuple(one[label] for label in LABELS_OF[one["measurement"]])) for one in named]
    )
    store = DuckDBStore(DuckDBOptions(), registry, data_dir)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def _topic(labels: dict[str, Any]) -> str:
    return "dc/v1/" + "/".join(labels[name] for name in ("site", "hall", "rack", "node")) + "/gpu"
