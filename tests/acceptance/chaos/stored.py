"""Rows as the stores themselves give them back, beside the service."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import duckdb

from tests.acceptance.chaos.ledger import StoredRow

_ROWS = """
SELECT 'dc/v1/' || concat_ws('/', site, hall, rack, node, 'gpu'), CAST(series.gpu AS INTEGER), at_ms
FROM gpu JOIN series ON series.id = gpu.series WHERE series.measurement = 'gpu'
"""


def in_duckdb(data_dir: Path) -> list[StoredRow]:
    """Every GPU row in the file of a service that does not run."""
    with duckdb.connect(str(data_dir / "telemetry.duckdb"), read_only=True) as file:
        return [(topic, gpu, at) for topic, gpu, at in file.execute(_ROWS).fetchall()]


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


def _topic(labels: dict[str, str]) -> str:
    return "dc/v1/" + "/".join(labels[name] for name in ("site", "hall", "rack", "node")) + "/gpu"
