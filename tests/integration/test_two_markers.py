"""Two processes mark what they hear in one database: together they mark what one process would."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from energy.configuration.site import SiteOptions
from energy.settlement.marker import Marker
from energy.tables import DIRTY, FOLLOWED, REGISTER, ROSTER
from runtime.clock import ManualClock
from runtime.database import Database
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.share import Share
from tests.unit.energy.plant import MINUTE, START, Plant, site

METERS = ("main-1", "ups-a")


class Process:
    """A marker that hears one meter, over a database of its own connections; ``heard`` is its journal."""

    def __init__(self, folder: Path, url: str, share: Share, sites: dict[str, SiteOptions]) -> None:
        self.sites, self.database = sites, Database(url)
        self.plant = Plant(folder, sites, database=self.database)
        self.plant.registry = SeriesRegistry(share=share)
        self.heard: list[Frame] = []

    def hear(self, meter: str, at: datetime, wh: float, watts: float) -> None:
        told = {"energy_wh": [wh], "power_w": [watts]}
        self.heard.append(self.plant.frame(f"meter/gdansk/{meter}", [at], told))

    async def open(self) -> int:
        """A new marker, as after a start of the process."""
        self.marker = Marker(self.database, self.plant.registry, self.sites, ManualClock(START))
        return await self.marker.open()

    async def follow(self) -> None:
        """Mark all that was heard beyond the place."""
        position = await self.open()
        for number in range(position, len(self.heard)):
            await self.marker.append([self.heard[number]], number + 1)

    async def kill(self, followed: asyncio.Task[None]) -> None:
        followed.cancel()
        await asyncio.gather(followed, return_exceptions=True)


def _share(name: str, meter: str) -> Share:
    return Share(name, lambda source: source == f"gdansk/meter/{meter}", lambda _: False)


async def kept(database: Database) -> dict[str, list[Any]]:
    """What stands in the database, without what belongs to one process."""
    async with database.read() as connection:
        marks = (await connection.execute(select(DIRTY))).all()
        registers = (await connection.execute(select(REGISTER))).all()
        roster = (await connection.execute(select(ROSTER))).all()
    return {
        "marks": sorted((r.meter, r.first, r.until) for r in marks),
        "registers": sorted((r.meter, r.channel, r.register_since, r.expected_from) for r in registers),
        "roster": sorted((r.site, r.number, r.since, r.tables) for r in roster),
    }


async def test_two_that_start_at_once_note_what_is_configured_once(
    database: Database, tmp_path: Path
) -> None:
    changed = site(cooling=[{"id": "chiller-1"}])
    for sites in ({"gdansk": site()}, {"gdansk": changed}):
        both = [
            Process(tmp_path, database.url, _share(f"p{k}", meter), sites) for k, meter in enumerate(METERS)
        ]
        assert await asyncio.gather(*(one.open() for one in both)) == [0, 0]
        for one in both:
            await one.database.close()
    found = await kept(database)
    assert [(key, number) for key, number, *_ in found["roster"]] == [("gdansk", 1), ("gdansk", 2)]
    # Who hears of a meter is no matter: all that are configured are expected from the first start on.
    assert [(meter, channel) for meter, channel, *_ in found["registers"]] == [
        ("chiller-1", "energy"),
        ("main-1", "energy"),
        ("ups-a", "energy"),
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_marks_of_two_are_those_of_one_whoever_is_killed(
    database: Database, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    sites = {"gdansk": site()}
    both = [Process(tmp_path, database.url, _share(f"p{k}", meter), sites) for k, meter in enumerate(METERS)]
    alone = Process(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'alone.sqlite'}", Share(), sites)
    await alone.database.create_all()
    running: list[asyncio.Task[None] | None] = [None, None]
    for turn in range(60):
        k = rng.randrange(2)
        watts = rng.choice([5e5, -5e5])
        at = START + (turn - rng.choice([0, 0, 0, 45])) * 3 * MINUTE
        for process in (both[k], alone):
            process.hear(METERS[k], at, 10.0 * turn, watts)
        if turn % 6 == 5:
            for n, task in enumerate(running):
                if task is not None:
                    await both[n].kill(task)
                running[n] = asyncio.create_task(both[n].follow())
                await asyncio.sleep(0)
    for n, task in enumerate(running):
        assert task is not None
        await task
        await both[n].follow()
    await alone.follow()
    wanted = await kept(alone.database)
    assert await kept(database) == wanted
    assert [mark[0] for mark in wanted["marks"]].count("ups-a") > 1
    async with database.read() as connection:
        places = {r.name: r.position for r in await connection.execute(select(FOLLOWED))}
    assert [places[f"ledger:p{k}"] for k in (0, 1)] == [len(one.heard) for one in both]
    assert "ledger" not in places
    for one in (*both, alone):
        await one.database.close()


async def test_what_was_settled_of_one_is_not_marked_again_by_the_other(
    database: Database, tmp_path: Path
) -> None:
    sites = {"gdansk": site()}
    both = [Process(tmp_path, database.url, _share(f"p{k}", meter), sites) for k, meter in enumerate(METERS)]
    for process, meter in zip(both, METERS, strict=True):
        process.hear(meter, START + MINUTE, 1.0, 5e5)
        await process.follow()
    async with database.begin() as connection:
        await connection.execute(delete(DIRTY))
    both[1].hear("ups-a", START + 20 * MINUTE, 2.0, 5e5)
    for process in both:
        await process.follow()
    assert [mark[0] for mark in (await kept(database))["marks"]] == ["ups-a"]
    for one in both:
        await one.database.close()
