"""VictoriaMetrics says 204 before its rows are on disk; killed, it forgets them, and gets them again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import GPUS, SEALS, scene, whole
from tests.acceptance.chaos.stored import in_victoriametrics
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server
from tests.servers.victoriametrics import victoriametrics


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Server]:
    """A VictoriaMetrics, whose newest seconds are in memory only; it is told to keep equal samples once."""
    server = victoriametrics(tmp_path, "-dedup.minScrapeInterval=1ms")
    server.start()
    yield server
    server.kill()


async def test_rows_that_it_forgot_after_its_204_come_back(
    mirror: Server, tmp_path: Path, record: Recorder
) -> None:
    url = f"http://127.0.0.1:{mirror.port}"
    store = {"type": "influx", "generation": "vm", "url": url, "measurements": ["gpu"], "interval": "200ms"}
    stores = [SEALS, store]
    async with scene(tmp_path, mosquitto(tmp_path), store=stores) as here:
        here.publish()
        for _ in range(2):
            await here.more_acknowledged(1_000)
            await here.until(lambda told: told["stores"][1]["lag_s"] == 0, "did not follow")
            with here.frozen():
                taken = len(await in_victoriametrics(mirror.port))
                await asyncio.to_thread(mirror.kill)
                await asyncio.to_thread(mirror.start)
                left = len(await in_victoriametrics(mirror.port))
            assert left < taken, "it forgot nothing that it had acknowledged"
        await here.more_acknowledged(500)
        await here.finished()
        told = await here.all_stored()
        rows = here.load.sent * GPUS

        async def all_there() -> bool:
            return len(await in_victoriametrics(mirror.port)) >= rows

        await here.service.until(all_there, f"did not bring back {rows} rows")
        there = Ledger(here.load.account, GPUS, await in_victoriametrics(mirror.port))
        count = whole(await here.ledger())
    assert whole(there) == count
    record(count, told)
