"""Every decoder gives for each folder of ``tests/cases/<its name>`` what is expected there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from collectors.connect import open_decoder
from collectors.source import Message
from telemetry.batch import Batch
from telemetry.series import SeriesRegistry

CASES = Path(__file__).parents[2] / "cases"
FOLDERS = sorted(path.parent.relative_to(CASES).as_posix() for path in CASES.rglob("expected.json"))
ARRIVED = 1_764_000_005_000


def rows_of(batch: Batch, registry: SeriesRegistry) -> list[dict[str, Any]]:
    """The rows of ``batch`` as the cases spell them: missing values left out."""
    rows = []
    for frame in batch.frames():
        for k, series in enumerate(frame.series):
            values = {name: float(column[k]) for name, column in frame.columns.items()}
            rows.append(
                {
                    "measurement": frame.measurement.name,
                    "labels": registry.labels(int(series)),
                    "at_ms": int(frame.at_ms[k]),
                    "values": {name: value for name, value in values.items() if not math.isnan(value)},
                }
            )
    return rows


@pytest.mark.parametrize("case", FOLDERS)
def test_case(case: str) -> None:
    folder = CASES / case
    payload = next(folder.glob("input.*")).read_bytes()
    expected = json.loads((folder / "expected.json").read_text())
    registry = SeriesRegistry()
    batch = Batch()
    message = Message((folder / "topic").read_text().rstrip("\n"), payload)
    open_decoder(folder.parent.name, registry).decode([message], batch, ARRIVED)
    assert batch.received == 1
    assert rows_of(batch, registry) == expected.get("rows", [])
    assert list(batch.rejected) == ([expected["rejected"]] if "rejected" in expected else [])
    assert batch.statuses == expected.get("statuses", {})
    assert batch.unknown_fields == expected.get("unknown_fields", 0)
    assert sum(batch.unstamped.values()) == expected.get("unstamped", 0)
