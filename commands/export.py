"""``service.py export``: telemetry or ledger rows as CSV."""

from __future__ import annotations

import csv
import io
import json

from commands.running import Running

COLUMNS = (
    "site",
    "meter",
    "channel",
    "start",
    "energy_wh",
    "quality",
    "revision",
    "reason",
    "state",
    "cause",
)


async def export_telemetry(api: Running, query: dict[str, str]) -> bytes:
    """The rows of ``query`` (as ``/api/v1/series`` takes it) as CSV. Raises ServiceError."""
    return await api.get("/api/v1/series.csv", **query)


async def export_ledger(api: Running, query: dict[str, str]) -> bytes:
    """The 15-minute rows of ``query`` (as ``/api/v1/ledger`` takes it) as CSV. Raises ServiceError."""
    rows = json.loads(await api.get("/api/v1/ledger", **query))["rows"]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
