"""Two processes that share the world keep in one store what one process would have kept."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from collectors.shard import WHOLE, ShardOptions, shard
from collectors.source import Message
from collectors.topic import matcher
from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms
from telemetry.catalogue import Measurement
from telemetry.completeness_lines import SourceHour
from telemetry.influx.options import InfluxOptions
from telemetry.intake import ADDED, COMPLETENESS, COUNTS, is_nobody
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, Store
from telemetry.stored import STORED
from telemetry.stores.influx import InfluxStore
from tests.fakes.frames import T0
from tests.fakes.part import OpenStore, Part
from tests.fakes.sharing import Server, SharedStore
from tests.servers.influxdb import shared_influxdb

MINUTE = 60_000
SHARDS = (
    ShardOptions(name="hall-a", topics=("dc/v1/gdansk/a/#",)),
    ShardOptions(name="rest", topics=("dc/v1/gdansk/b/#", "dc/v1/gdansk/meter/#", "dc/v1/grid/#")),
)
PERIODS = {f"gdansk/meter/{name}": timedelta(minutes=1) for name in ("main-1", "ups-a", "never")}
DAY = (from_ms(T0), from_ms(T0 + 86_400_000))
TOLD = {"gpu", "rack", "hall", "site", "meter", "grid", "completeness"}
NODES = ("a/r1/n1", "a/r1/n2", "b/r1/n1")


def told(topic: str, payload: object) -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(f"dc/v1/{topic}", data)


def minute(number: int) -> list[Message]:
    """What is published in one minute of it all, which lacks something now and then."""
    at = T0 + number * MINUTE
    found = [
        told(
            f"gdansk/{node}/gpu",
            {"ts": at + k, "seq": number, "gpus": [_gpu(number, k, i) for i in range(2)]},
        )
        for k, node in enumerate(NODES)
        if (number + k) % 17
    ]
    for k, name in enumerate(("main-1", "ups-a")):
        found.append(
            told(f"gdansk/meter/{name}", {"ts": at, "power_w": 10.0 * number + k, "energy_wh": number})
        )
    if number % 15 == 0:
        found.append(told("grid/pl", {"ts": at, "renewable_share": 0.5, "carbon_g_per_kwh": 300 + number}))
        found += [told(f"gdansk/{hall}/oops", {}) for hall in "ab"]
        found += [told("gdansk/a/r1/n1/gpu", b"?"), told("gdansk/meter/main-1/status", b"online")]
    if number % 20 == 7:  # from an hour ago: what was missing then, and what was not
        found += [one for one in minute(number - 71) if b"gpus" in one.payload] if number > 71 else []
        found += minute(number - 3)[:2]
    return found


def _gpu(number: int, node: int, i: int) -> dict[str, float]:
    known = {"i": i, "power_w": 600 + number + node / 8 + i, "energy_j": 36_000.0 * number}
    return known | ({"util": (7 * number + i) % 100} if (number + i) % 5 else {})


@pytest.fixture(params=["memory", "influxdb"])
async def places(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], OpenStore]]:
    """Gives a store that several may open, a new one each time."""
    if request.param == "memory":

        def server() -> OpenStore:
            rows = Server()
            return lambda registry, folder: SharedStore(rows, registry, folder.name)

        yield server
        return

    def database() -> OpenStore:
        url = f"http://127.0.0.1:{shared_influxdb().port}"
        options = InfluxOptions.model_validate({"url": url, "database": f"test-{uuid4().hex}"})
        return lambda registry, folder: InfluxStore(
            options, registry, folder, backoff=lambda: Backoff(0.001, 0.002)
        )

    yield database


class World:
    """All processes of one way to share the world; each gets the messages that its topics match."""

    def __init__(self, folder: Path, shards: Sequence[Any], clock: ManualClock, place: OpenStore) -> None:
        folder.mkdir()
        self.folder, self.place = folder, place
        self.parts = [Part(folder / (one.name or "all"), one, clock, place) for one in shards]
        self.waiting: dict[str | None, list[Message]] = {one.name: [] for one in shards}

    async def start(self) -> None:
        for part in self.parts:
            await part.start(PERIODS)

    async def hear(self, messages: Sequence[Message], without: str | None = "") -> None:
        """The broker keeps what the process ``without`` would get until it is back."""
        for part in self.parts:
            takes = [matcher(one) for one in part.shard.filters]
            mine = self.waiting[part.shard.name]
            mine += [one for one in messages if any(matches(one.topic) for matches in takes)]
            if part.shard.name != without and mine:
                await part.hear(mine)
                mine.clear()

    async def tend(self, without: str = "") -> None:
        for part in self.parts:
            if part.shard.name != without:
                await part.tend()

    async def restart(self, name: str | None = None) -> None:
        for part in self.parts:
            if name in (None, part.shard.name):
                await part.kill()
                await part.start(PERIODS)

    async def rows(self, measurement: Measurement) -> list[dict[str, Any]]:
        """All that is stored, read by somebody who knows every name."""
        registry = SeriesRegistry()
        registry.restore(list(dict.fromkeys(key for part in self.parts for key in _keys(part.registry))))
        store: Store = self.place(registry, self.folder)
        await store.open()
        query = SeriesQuery(measurement, *DAY)
        batches = [batch async for batch in store.raw(query)]
        await store.close()
        return pa.Table.from_batches(batches).to_pylist() if batches else []


def _keys(registry: SeriesRegistry) -> list[Any]:
    return [registry.key(number) for number in range(len(registry))]


@dataclass
class Worlds:
    """The same messages to ``two`` processes, and to one: ``calm``, and ``shaken`` whenever a part of it is.

    What the ledger says of a source differs after a start of its process; so each part is held against the
    one process that was started as often.
    """

    two: World
    calm: World
    shaken: World

    @property
    def all(self) -> tuple[World, World, World]:
        return self.two, self.calm, self.shaken

    async def play(self, clock: ManualClock) -> None:
        """Three hours. All are started anew twice; ``hall-a`` is also killed alone, and away for a while."""
        for number in range(190):
            clock.set(from_ms(T0 + number * MINUTE + 1_000))
            away = "hall-a" if 100 <= number < 104 else ""
            for world in self.all:
                await world.hear(minute(number), without=away)
                if number % 10 == 9:
                    await world.tend()
                if number in (64, 131):
                    await world.restart()
            if number in (99, 103, 160):  # right after a batch: nothing of it may be lost, or counted twice
                await self.two.restart("hall-a")
                await self.shaken.restart()
        clock.advance(timedelta(minutes=65))
        for world in (*self.all, *self.all):
            await world.tend()

    async def wanted(self, measurement: Measurement) -> list[dict[str, Any]]:
        """What one process has of it; of the completeness ledger, by source, the one that is comparable."""
        calm = await self.calm.rows(measurement)
        if measurement is not COMPLETENESS:
            return calm
        takes = self.two.parts[0].shard.takes
        shaken = await self.shaken.rows(measurement)
        return [r for r in shaken if takes(r["source"])] + [r for r in calm if not takes(r["source"])]


async def test_rows_rollups_and_completeness_are_those_of_one_process(
    places: Callable[[], OpenStore], tmp_path: Path
) -> None:
    clock = ManualClock(from_ms(T0))
    shards = [shard(SHARDS, one.name) for one in SHARDS]
    worlds = Worlds(
        World(tmp_path / "two", shards, clock, places()),
        World(tmp_path / "calm", [WHOLE], clock, places()),
        World(tmp_path / "shaken", [WHOLE], clock, places()),
    )
    async with AsyncExitStack() as opened:
        for world in worlds.all:
            await world.start()
            for part in world.parts:
                opened.push_async_callback(part.kill)
        await worlds.play(clock)
        await same_rows(worlds)
        books = [sorted(s.source for p in world.parts for s in p.book.statuses()) for world in worlds.all]
        assert books[0] == books[1] == books[2]
        hall_a, rest = [await part.lines.lines(*DAY) for part in worlds.two.parts]
        calm = await worlds.calm.parts[0].lines.lines(*DAY)
        takes = worlds.two.parts[1].shard.takes
        assert named(rest) == [line for line in named(calm) if takes(line.source)]
        assert {line.source for line in named(hall_a)} == {f"gdansk/{node}/gpu" for node in NODES[:2]}


def named(lines: Sequence[SourceHour]) -> list[SourceHour]:
    return [line for line in lines if line.source]


async def same_rows(worlds: Worlds) -> None:
    for name, measurement in STORED.items():
        found, wanted = await worlds.two.rows(measurement), await worlds.wanted(measurement)
        assert bool(wanted) is (name.split("_")[0] in TOLD), name
        if measurement is COMPLETENESS:
            assert nobodies(found) == nobodies(wanted)
            found, wanted = ([r for r in rows if not is_nobody(r["source"])] for rows in (found, wanted))
        if name.startswith("site_"):  # neither of two has all of it
            assert not found
        else:
            assert close(found) == close(wanted), name


def close(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``rows`` without what rounding makes of them; a count that nothing told is 0."""
    return [
        {
            k: round(v, 9) if isinstance(v, float) else (0.0 if v is None and k in ADDED else v)
            for k, v in row.items()
        }
        for row in rows
    ]


def nobodies(rows: list[dict[str, Any]]) -> dict[int, dict[str, float]]:
    """What was counted of nobody in each hour, by all processes."""
    summed: dict[int, dict[str, float]] = {}
    for row in rows:
        if is_nobody(row["source"]):
            hour = summed.setdefault(row["at_ms"], dict.fromkeys(COUNTS, 0.0))
            for name in COUNTS:
                value = row[name] or 0.0
                hour[name] += 0.0 if math.isnan(value) else value
    return summed
