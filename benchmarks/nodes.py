"""Batches as they come from a hall of 8-GPU nodes, for the benchmarks of journal and stores."""

from __future__ import annotations

import numpy as np

from runtime.clock import SystemClock, to_ms
from telemetry.batch import Batch
from telemetry.catalogue import GPU
from telemetry.series import SeriesRegistry

GPUS = 8


def batches(registry: SeriesRegistry, nodes: int, messages: int, rounds: int) -> list[Batch]:
    """``rounds`` batches of ``messages`` messages; each node speaks once a second."""
    random = np.random.default_rng(1)
    series = [
        [registry.id(GPU, ("site", f"h{n % 8}", f"r{n // 32}", f"n{n}", str(g))) for g in range(GPUS)]
        for n in range(nodes)
    ]
    start = to_ms(SystemClock().now()) - rounds * messages // nodes * 1000 - 60_000
    made = []
    for turn in range(rounds):
        batch = Batch(received=messages)
        rows = batch.rows(GPU)
        for m in range(turn * messages, (turn + 1) * messages):
            rows.series += series[m % nodes]
            rows.at_ms += [start + m // nodes * 1000 + int(random.integers(0, 900))] * GPUS
        count = messages * GPUS
        rows.columns["power_w"] += np.round(random.normal(600, 80, count).clip(0, 4000), 1).tolist()
        rows.columns["util"] += random.integers(0, 101, count).astype(float).tolist()
        rows.columns["temp_c"] += np.round(random.normal(60, 5, count).clip(0, 99), 1).tolist()
        rows.columns["mem_temp_c"] += np.round(random.normal(70, 5, count).clip(0, 99), 1).tolist()
        energy = 9e8 + turn * 700 + random.integers(0, 1_000_000, count)
        rows.columns["energy_j"] += energy.astype(float).tolist()
        made.append(batch)
    return made
