"""A shard whose process died leaves the file: it is missed until what was held for it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from runtime.clock import SystemClock
from runtime.database import Database
from runtime.database_clock import database_now
from runtime.tables import process
from simulator.loadtest import LoadOptions, LoadTest
from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.scene import whole
from tests.acceptance.chaos.stored import in_influxdb
from tests.acceptance.client import Client, token
from tests.acceptance.role_process import RoleProcess
from tests.acceptance.service_process import ServiceProcess
from tests.acceptance.toml import written
from tests.servers.influxdb import influxdb
from tests.servers.mosquitto import mosquitto
from tests.servers.postgres import shared_postgres
from tests.servers.process import Server

GPUS = 2
DATABASE = "removed"
PATIENCE = 120.0


@dataclass
class World:
    """The servers, two ingest processes and a web process; the files are :meth:`file`'s."""

    broker: Server
    influx: Server
    service: ServiceProcess
    tables: dict[str, Any]
    a: RoleProcess
    b: RoleProcess
    web: RoleProcess

    def file(self, name: str, service: dict[str, Any]) -> Path:
        """One where ``a`` takes what was ``b``'s, which is gone."""
        service = {"data_dir": "data", "listen": f"127.0.0.1:{self.service.port}", **service}
        shard = [{"name": "a", "topics": ["dc/v1/a/#", "dc/v1/b/#"]}]
        path = self.service.config.with_name(name)
        tables = {**self.tables, "service": {**service, **self.tables["service"]}, "shard": shard}
        path.write_text(written(tables), encoding="utf-8")
        return path

    async def silent(self, shard: str) -> None:
        """Let the last sign of a shard that does not run be a minute old."""
        database = Database(self.tables["service"]["database"])
        async with database.begin() as db:
            at = await database_now(db) - timedelta(minutes=1)
            await db.execute(process.update().where(process.c.name == f"ingest/{shard}").values(at=at))
        await database.close()

    async def restart(self, one: RoleProcess, file: Path) -> None:
        """End a process in good order and start it with ``file``; it may tell of problems."""
        assert one.stop() == 0, one.tail()
        one.config = file
        one.launch()
        await one.until(one.alive, "did not start", PATIENCE)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    """All of it runs inside, with a shard for each of two sites."""
    postgres = shared_postgres()
    database = postgres.create()
    broker, influx = mosquitto(folder), influxdb(folder)
    for server in (broker, influx):
        server.start()
    tables = {
        "service": {"database": postgres.url(database)},
        "broker": {"url": f"mqtt://127.0.0.1:{broker.port}"},
        "store": [{"type": "influx", "url": f"http://127.0.0.1:{influx.port}", "database": DATABASE}],
        "shard": [{"name": name, "topics": [f"dc/v1/{name}/#"]} for name in ("a", "b")],
    }
    service = ServiceProcess(folder, tables)
    a, b = (RoleProcess(service, f"ingest-{x}", ("--role", "ingest", "--shard", x)) for x in ("a", "b"))
    web = RoleProcess(service, "web", ("--role", "web"))
    try:
        for one in (a, b, web):
            one.launch()
        for one in (a, b):
            await one.until(one.ready, "did not become ready", PATIENCE)
        yield World(broker, influx, service, tables, a, b, web)
    finally:
        for one in (a, b, web):
            one.close()
        for server in (broker, influx):
            server.kill()
        postgres.drop(database)


async def problems(asked: RoleProcess) -> Sequence[str]:
    """What ``/readyz`` tells."""
    async with httpx.AsyncClient(timeout=10) as client:
        found: Sequence[str] = (await client.get(asked.url + "/readyz")).json()["problems"]
    return [one for one in found if one.startswith("ingest/")]


async def test_a_shard_that_died_and_left_the_file_is_missed_until_all_is_stored(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        options = LoadOptions(
            port=world.broker.port, nodes=5, connections=1, rate=50, seconds=8, gpus=GPUS, site="b"
        )
        load = LoadTest(options, SystemClock())
        sending = asyncio.create_task(load.run())

        async def half_sent() -> bool:
            return load.sent * 2 >= options.total

        await world.b.until(half_sent, "was given no load", PATIENCE)
        world.b.kill()
        result = await sending
        await world.restart(world.a, world.file("without.toml", {}))
        await world.restart(world.web, world.file("without.toml", {}))

        async def missed() -> bool:
            return any("b: nothing in the file is so named" in one for one in await problems(world.web))

        await world.silent("b")
        await world.web.until(missed, "does not miss the shard", PATIENCE)
        assert len(await in_influxdb(world.influx.port, DATABASE)) < result.sent * GPUS
        await drained(world, result.sent)
        assert whole(Ledger(load.account, GPUS, await in_influxdb(world.influx.port, DATABASE))).lost == 0
        await world.restart(world.web, world.file("done.toml", {"retired_shards": ["b"]}))

        async def missed_by_nobody() -> bool:
            return not await problems(world.web)

        await world.silent("b")
        await world.web.until(missed_by_nobody, "misses what is done with", PATIENCE)
        client = Client(world.web, token(world.service, "viewer"))
        told = client.ingest()
        client.close()
        assert told["received"] >= result.sent, "its counters stay in the sums"


async def drained(world: World, messages: int) -> None:
    """Start the old process with its old file until the store has all ``messages``, and end it."""
    world.b.launch()

    async def stored() -> bool:
        return len(await in_influxdb(world.influx.port, DATABASE)) >= messages * GPUS

    await world.b.until(stored, "did not store what was held for it", PATIENCE)
    assert world.b.stop() == 0, world.b.tail()
