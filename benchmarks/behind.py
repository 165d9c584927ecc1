"""A data directory whose journal holds what its store has not taken yet, as after an outage of the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.rig import SITE
from runtime.clock import SystemClock, to_ms
from simulator.frames import node_topic
from telemetry.catalogue import GPU
from telemetry.frame import Floats, Frame, Millis
from telemetry.journal import Journal
from telemetry.series import SeriesRegistry

GPUS = 8
_PARTS = 20
"""Batches a second, as the collector makes them under load."""


@dataclass(frozen=True)
class Behind:
    """What was put into the journal; ``bytes`` are those of the pages that it takes there."""

    rows: int
    messages: int
    bytes: int


async def fall_behind(data_dir: Path, nodes: int, rate: float, seconds: float) -> Behind:
    """Commit the ``seconds`` before now to the journal of ``data_dir``, which no service has open."""
    registry = SeriesRegistry()
    journal = Journal(data_dir / "journal.sqlite", registry)
    await journal.open()
    before = journal.status().bytes
    rows = messages = 0
    for frame in frames(registry, nodes, rate, seconds):
        count = len(frame) // GPUS
        counters = {"received": count, "acknowledged": count, "rows": len(frame)}
        await journal.append([frame], counters)
        rows, messages = rows + len(frame), messages + count
    size = journal.status().bytes - before
    await journal.close()
    return Behind(rows, messages, size)


def frames(registry: SeriesRegistry, nodes: int, rate: float, seconds: float) -> Iterator[Frame]:
    """The rows of the ``seconds`` before now, in batches as the collector makes them under load."""
    labels = [node_topic(SITE, n).split("/")[2:-1] for n in range(nodes)]
    ids = [[registry.id(GPU, (*one, str(g))) for g in range(GPUS)] for one in labels]
    series = np.array(ids, dtype=np.int32)
    random = np.random.default_rng(1)
    size = max(1, round(rate / _PARTS))
    end_ms, total = to_ms(SystemClock().now()), round(rate * seconds)
    for first in range(0, total, size):
        numbers = np.arange(first, min(first + size, total))
        at_ms = np.repeat(end_ms - ((total - numbers) * 1000 / rate).astype(np.int64), GPUS)
        values = _values(random.normal(0, 1, (4, len(at_ms))), at_ms - end_ms)
        yield Frame(GPU, series[numbers % nodes].ravel(), at_ms, values)


def _values(noise: Floats, since_ms: Millis) -> dict[str, Floats]:
    """GPUs near full load, in the steps in which they tell it; the register rises by what they take."""
    load, warm, memory, drawn = noise
    return {
        "power_w": (600 + 20 * load).round(1),
        "util": (95 + 3 * load).round().clip(0, 100),
        "temp_c": (61 + warm).round(),
        "mem_temp_c": (72 + memory).round(),
        "energy_j": (9e8 + 0.6 * since_ms + 20 * drawn).round(),
    }
