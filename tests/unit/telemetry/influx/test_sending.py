"""The InfluxDB store sending: in portions, beside everybody else; and the place that it keeps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import StoreError
from telemetry.catalogue import GPU, METER
from telemetry.influx.line import portions
from telemetry.influx.options import InfluxOptions
from telemetry.influx.place import Place, read_place, write_place
from telemetry.series import SeriesKey, SeriesRegistry
from telemetry.store import StoreCounts
from telemetry.stores.influx import InfluxStore
from tests.fakes.frames import frame
from tests.servers.http import Listener

MAIN = ("gdansk", "main-1")


@asynccontextmanager
async def store(
    registry: SeriesRegistry, folder: Path, status: int, **more: Any
) -> AsyncIterator[InfluxStore]:
    """A store of generation 2 at a server that answers ``status`` to everything."""
    server = Listener(status)
    await server.start()
    url = f"http://127.0.0.1:{server.port}"
    options = InfluxOptions.model_validate({"url": url, "generation": "2", "safety": "0s", **more})
    made = InfluxStore(options, registry, folder)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
        await server.stop()


class Turns(SeriesRegistry):
    """Notes, whenever the first line of a series is made, in which thread and at whose turn that was."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0
        self.made: list[tuple[int, int]] = []

    def key(self, series: int) -> SeriesKey:
        self.made.append((threading.get_ident(), self.turn))
        return super().key(series)


async def test_others_get_their_turn_while_a_large_chunk_becomes_lines(tmp_path: Path) -> None:
    registry = Turns()
    rows = [(("gdansk", "a", "r1", f"n{n}", "0"), 1, {"power_w": 1.0}) for n in range(20_000)]
    large = frame(registry, GPU, rows)

    async def take_turns() -> None:
        while True:
            registry.turn += 1
            await asyncio.sleep(0)

    async with store(registry, tmp_path, 204, batch_lines=1_000) as target:
        others = asyncio.create_task(take_turns())
        await target.append([large], 1)
        others.cancel()
    assert len(registry.made) == len(rows)
    assert threading.get_ident() not in {thread for thread, _ in registry.made}
    starts = [turn for _, turn in registry.made[::1_000]]
    assert len(set(starts)) == len(starts), "between two portions everybody has a turn"


def test_portions_keep_the_order_and_their_size() -> None:
    registry = SeriesRegistry()
    frames = [
        frame(registry, METER, [(MAIN, at, {"power_w": float(at)}) for at in range(first, first + size)])
        for first, size in ((0, 3), (3, 1), (4, 9), (13, 1))
    ]
    found = list(portions(frames, 4))
    assert [sum(map(len, part)) for part in found] == [4, 4, 4, 2]
    told = [power for part in found for one in part for power in one.columns["power_w"].tolist()]
    assert told == [float(n) for n in range(14)]


async def test_created_is_stored_by_generation_2(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    async with store(registry, tmp_path, 201) as target:
        await target.append([frame(registry, METER, [(MAIN, 1, {"power_w": 1.0})])], 1)
        assert await target.counts() == StoreCounts(1, 0)


@pytest.mark.parametrize("content", ["", "{", '{"position": 3}', "[1]", '{"target": "a", "position": "far"}'])
async def test_a_damaged_place_is_the_start_and_the_store_goes_on(content: str, tmp_path: Path) -> None:
    """A power cut may leave an empty file; the journal knows what it still has."""
    (tmp_path / "influx.place.json").write_text(content)
    registry = SeriesRegistry()
    async with store(registry, tmp_path, 204) as target:
        assert await target.open() == 0
        await target.append([frame(registry, METER, [(MAIN, 1, {"power_w": 1.0})])], 7)
        assert await target.open() == 7


def test_a_place_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "influx.place.json"
    for position in (1, 2):
        write_place(path, Place("there", position, 5))
    assert read_place(path, "there") == Place("there", 2, 5)
    assert read_place(path, "elsewhere") == Place("elsewhere")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    with pytest.raises(StoreError, match="cannot be written"):
        write_place(path / "below", Place("there"))
