"""What a process that keeps nothing knows after its start: names and newest values of a shared store."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from runtime.clock import ManualClock, from_ms
from runtime.errors import StoreError
from telemetry.catalogue import GPU, METER
from telemetry.completeness_book import FULL, NOTHING
from telemetry.completeness_lines import CompletenessLines
from telemetry.intake import COMPLETENESS
from telemetry.intake_tally import HOUR_MS
from telemetry.live import LiveState
from telemetry.recall import Recall
from telemetry.rollup import ALL_ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.eventually import eventually
from tests.fakes.frames import T0, frame

MAIN, NODE = ("gdansk", "main-1"), ("gdansk", "a", "r1", "n01")
HOUR = T0 // HOUR_MS * HOUR_MS


class SharedStore(MemoryStore):
    """A server that others have filled; while ``away`` it cannot be reached."""

    away = False
    permanent = False

    async def open(self) -> int:
        if self.away:
            raise StoreError("connection refused", permanent=self.permanent)
        return await super().open()


class Recalled:
    """A start over a store with a meter and a node of two GPUs, and the account of an hour."""

    def __init__(self, folder: Path) -> None:
        self.written = SeriesRegistry()
        self.store = SharedStore(MemoryOptions(), self.written, folder)
        self.registry = SeriesRegistry()
        self.live = LiveState(self.registry)
        self.book = SourceBook(self.registry, self.live)
        clock = ManualClock(from_ms(T0) + timedelta(seconds=30))
        self.recall = Recall(self.registry, self.store, self.live, self.book, clock)

    async def fill(self) -> None:
        gpus = [((*NODE, str(gpu)), second, {"power_w": 700.0 + gpu}) for gpu in (0, 1) for second in (1, 2)]
        rows = [
            frame(self.written, METER, [(MAIN, 1, {"power_w": 5.0}), (MAIN, 2, {"power_w": 6.0})]),
            frame(self.written, GPU, gpus),
        ]
        since = (HOUR - T0) / 1000
        for source, received in (("gdansk/meter/main-1", 30.0), ("gdansk/a/r1/n01/gpu", 60.0)):
            told = {"received": received, "expected": 60.0, "rows": received}
            rows.append(frame(self.written, COMPLETENESS, [((source,), since, told)]))
        await self.store.append(rows, 1)


@pytest.fixture
async def recalled(tmp_path: Path) -> Recalled:
    found = Recalled(tmp_path)
    await found.fill()
    return found


async def begun(recalled: Recalled) -> asyncio.Task[None]:
    """The recall at work, once it has remembered."""
    task = asyncio.create_task(recalled.recall.run())

    async def known() -> bool:
        if task.done():
            task.result()
        return recalled.live.value(METER, MAIN, "power_w") is not None

    await eventually(known)
    return task


async def test_newest_values_names_and_groups_are_known(recalled: Recalled) -> None:
    task = await begun(recalled)
    assert recalled.live.value(METER, MAIN, "power_w") == (6.0, T0 + 2_000)
    assert recalled.live.value(GPU, (*NODE, "1"), "power_w") == (701.0, T0 + 2_000)
    assert [one.source for one in recalled.book.statuses()] == ["gdansk/a/r1/n01/gpu", "gdansk/meter/main-1"]
    rack = ALL_ROLLUPS["rack_1m"].measurement
    assert recalled.registry.find(rack, ("gdansk", "a", "r1")) is not None
    task.cancel()


async def test_a_meter_is_looked_for_further_back_however_many_gpus_there_are(recalled: Recalled) -> None:
    recalled.registry.id(METER, ("gdansk", "slow"))
    hours_ago = (HOUR - 5 * HOUR_MS - T0) / 1000
    await recalled.store.append(
        [frame(recalled.written, METER, [(("gdansk", "slow"), hours_ago, {"power_w": 1.0})])], 2
    )
    for gpu in range(3_000):
        recalled.registry.id(GPU, ("gdansk", "b", "r1", "n01", str(gpu)))
    task = await begun(recalled)

    async def found() -> bool:
        return recalled.live.value(METER, ("gdansk", "slow"), "power_w") is not None

    await eventually(found)
    task.cancel()


async def test_the_account_of_the_hours_is_told_from_the_store(recalled: Recalled) -> None:
    task = await begun(recalled)
    lines = CompletenessLines(recalled.recall, recalled.recall.hours, recalled.recall)
    at = from_ms(T0)
    shares = lines.shares(at)
    assert shares["gdansk/meter/main-1"] == [NOTHING] * 23 + [FULL // 2]
    assert shares["gdansk/a/r1/n01/gpu"][-1] == FULL
    told = await lines.lines(from_ms(HOUR), from_ms(HOUR + HOUR_MS))
    assert [(line.source, line.received, line.expected, line.missing) for line in told] == [
        ("gdansk/a/r1/n01/gpu", 60, 60, 0),
        ("gdansk/meter/main-1", 30, 60, 30),
    ]
    task.cancel()


async def test_a_source_that_fell_silent_before_the_start_is_listed(recalled: Recalled) -> None:
    hours_ago = (HOUR - 5 * HOUR_MS - T0) / 1000
    row = ("gdansk/a/r9/n09/gpu",), hours_ago, {"received": 1.0, "expected": 60.0}
    await recalled.store.append([frame(recalled.written, COMPLETENESS, [row])], 2)
    task = await begun(recalled)
    found = {one.source: one.last_at for one in recalled.book.statuses()}
    assert found["gdansk/a/r9/n09/gpu"] is None
    task.cancel()


async def test_a_store_that_is_away_is_waited_for(recalled: Recalled) -> None:
    recalled.store.away = True
    task = asyncio.create_task(recalled.recall.run())

    async def told() -> bool:
        return recalled.recall.problem == "connection refused"

    await eventually(told)
    recalled.store.away = False

    async def known() -> bool:
        return recalled.recall.problem is None

    await eventually(known)
    assert recalled.live.value(METER, MAIN, "power_w") == (6.0, T0 + 2_000)
    task.cancel()


async def test_a_store_that_waiting_cannot_mend_ends_the_process(recalled: Recalled) -> None:
    recalled.store.away = recalled.store.permanent = True
    with pytest.raises(StoreError, match="connection refused"):
        await recalled.recall.run()
