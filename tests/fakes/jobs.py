"""Two tenants' jobs in a house of twins, accounted for by the real book and accountant."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from energy.workloads.accountant import Accountant
from energy.workloads.book import keep
from runtime.clock import to_ms
from telemetry.frame import Frame
from telemetry.job import JobEvent
from telemetry.rollup import ALL_ROLLUPS, REGISTER
from tests.fakes.house import FakeHouse

NODES = tuple(f"a/r1/n{number:02}" for number in range(1, 5))
HOURS = 3


def told(began: datetime) -> list[JobEvent]:
    """A training run on two nodes, one with a dangerous name on the third, and a stop that nobody started."""
    start, end = to_ms(began), to_ms(began + timedelta(hours=2))
    return [
        JobEvent("gdansk", "train-7", "start", start, "acme", "llm", "Llama run 7", NODES[:2]),
        JobEvent("gdansk", "train-7", "stop", end),
        JobEvent("gdansk", "serve-1", "start", start, "beta", "", "=cmd|' /C calc'!A0", NODES[2:3]),
        JobEvent("gdansk", "lost", "stop", start),
    ]


async def work(fake: FakeHouse) -> datetime:
    """Let four nodes work for three hours before what is settled, and account for it; when they began."""
    until = fake.figures.settled
    began = until - timedelta(hours=HOURS)
    measurement = ALL_ROLLUPS["gpu_1m"].measurement
    minute = np.arange(60 * HOURS + 1, dtype=np.int64)
    frames = []
    for node in NODES:
        for gpu in range(2):
            labels = ("gdansk", *node.split("/"), str(gpu))
            series = np.full(len(minute), fake.registry.id(measurement, labels), dtype=np.int32)
            columns = {f"{REGISTER}_first": minute * 42_000.0, "power_w": np.full(len(minute), 700.0)}
            frames.append(Frame(measurement, series, to_ms(began) + minute * 60_000, columns))
    await fake.keep(frames)
    async with fake.database.begin() as connection:
        await keep(connection, told(began), began)
    await Accountant(fake.database, fake.store, fake.figures).account(fake.clock.now())
    return began
