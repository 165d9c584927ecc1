"""Reading: an answer may be long, but not silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from runtime.clock import EPOCH
from runtime.errors import StoreError
from telemetry.catalogue import WATER
from telemetry.influx.options import InfluxOptions
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery
from telemetry.stores.influx import InfluxStore

QUERY = SeriesQuery(WATER, EPOCH, EPOCH + timedelta(days=1))


def chunk(number: int) -> bytes:
    """One chunk of a chunked InfluxQL answer, with one row."""
    series = {
        "name": "water",
        "tags": {"site": "a", "meter": "w"},
        "columns": ["time", "volume_m3"],
        "values": [[number, float(number)]],
    }
    return json.dumps({"results": [{"statement_id": 0, "series": [series], "partial": True}]}).encode()


@asynccontextmanager
async def reading(tmp_path: Path, pieces: int, pause: float) -> AsyncIterator[InfluxStore]:
    """A store whose server sends ``pieces`` chunks, ``pause`` seconds apart; its timeout is two seconds."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        if "SELECT" in str((await request.post()).get("q", "")):
            for number in range(pieces):
                await response.write(chunk(number) + b"\n")
                await asyncio.sleep(pause)
        else:
            await response.write(b'{"results": [{"statement_id": 0}]}\n')
        return response

    app = web.Application()
    app.router.add_post("/query", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry = SeriesRegistry()
    registry.id(WATER, ("a", "w"))
    options = InfluxOptions(
        url=f"http://127.0.0.1:{runner.addresses[0][1]}", generation="1", timeout=timedelta(seconds=2)
    )
    store = InfluxStore(options, registry, tmp_path, "influx")
    await store.open()
    try:
        yield store
    finally:
        await store.close()
        await runner.cleanup()


async def test_a_long_answer_is_read_to_its_end(tmp_path: Path) -> None:
    async with reading(tmp_path, pieces=6, pause=0.4) as store:
        rows = sum([batch.num_rows async for batch in store.raw(QUERY)])
    assert rows == 6


async def test_a_server_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    async with reading(tmp_path, pieces=2, pause=60.0) as store:
        with pytest.raises(StoreError, match="cannot be reached"):
            _ = [batch async for batch in store.raw(QUERY)]
