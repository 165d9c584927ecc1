"""The InfluxDB store against servers: Debian's InfluxDB 1.6.7 and VictoriaMetrics, and recorded 3.x."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms
from runtime.errors import StoreError
from telemetry.catalogue import GPU, METER
from telemetry.follower import Follower
from telemetry.influx.options import InfluxOptions
from telemetry.journal import Journal
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, StoreCounts
from telemetry.stores.influx import InfluxStore
from tests.eventually import eventually
from tests.fakes.frames import T0, Row, frame
from tests.servers.influxdb import influxdb, shared_influxdb
from tests.servers.influxdb3 import influxdb3
from tests.servers.process import Server
from tests.servers.victoriametrics import victoriametrics

MAIN, UPS = ("gdansk", "main-1"), ("gdansk", "ups-a")
ALL = SeriesQuery(METER, from_ms(T0), from_ms(T0 + 86_400_000))
REGISTRY = SeriesRegistry()


@asynccontextmanager
async def store(server_port: int, folder: Path, **more: Any) -> AsyncIterator[InfluxStore]:
    """An open store in a database of its own, which waits milliseconds where production waits seconds."""
    registry = more.pop("registry", REGISTRY)
    database = {"database": f"test-{uuid4().hex}"} if "database" not in more else {}
    options = InfluxOptions.model_validate(
        {"url": f"http://127.0.0.1:{server_port}", **database, "timeout": "10s", **more}
    )
    made = InfluxStore(options, registry, folder, backoff=lambda: Backoff(0.001, 0.002))
    try:
        await made.open()
        yield made
    finally:
        await made.close()


async def put(target: InfluxStore, position: int, *rows: Row) -> None:
    await target.append([frame(REGISTRY, METER, rows)], position)


async def powers(target: InfluxStore) -> list[float]:
    return [p async for batch in target.raw(ALL) for p in batch["power_w"].to_pylist()]


@pytest.fixture
def old() -> int:
    """The port of an InfluxDB 1.6.7."""
    return shared_influxdb().port


async def raw_write(port: int, database: str, line: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/write", params={"db": database}, data=line) as answer,
    ):
        assert answer.status == 204


async def test_a_poison_line_is_kept_aside_and_the_rest_is_stored(old: int, tmp_path: Path) -> None:
    database = f"test-{uuid4().hex}"
    async with store(old, tmp_path, database=database) as target:
        assert target.generation == "1"
        # Another writer has made the register of one shard a text: that field can take no number there.
        later = (T0 + 10 * 86_400_000) * 1_000_000
        await raw_write(old, database, f'meter,site=gdansk,meter=x energy_wh="text" {later}')
        rows: list[Row] = [(MAIN, s, {"power_w": float(s)}) for s in range(50)]
        poison: Row = (UPS, 10 * 86_400, {"energy_wh": 1.0})
        await put(target, 1, *rows[:20], poison, *rows[20:])
        assert await powers(target) == [float(s) for s in range(50)]
        assert target.dead.count == 1
        [letter] = [json.loads(text) for text in target.dead.path.read_text().splitlines()]
        assert letter["line"].startswith("meter,site=gdansk,meter=ups-a energy_wh=1.0")
        assert "field type conflict" in letter["reason"]
        assert await target.open() == 1


async def test_many_rows_in_small_requests(old: int, tmp_path: Path) -> None:
    rows: list[Row] = [
        ((("gdansk", "a", "r1", f"n{n}", str(g))), 1, {"power_w": float(n)})
        for n in range(500)
        for g in range(8)
    ]
    async with store(old, tmp_path, batch_lines=300, gzip=0) as target:
        await target.append([frame(REGISTRY, GPU, rows)], 1)
        query = SeriesQuery(GPU, ALL.start, ALL.end)
        assert (await target.latest(query)).num_rows == 4_000
        assert sum([batch.num_rows async for batch in target.raw(query)]) == 4_000
        assert await target.counts() == StoreCounts(4_000, 0)


async def test_positions_known_before_are_sent_again_but_not_counted_again(old: int, tmp_path: Path) -> None:
    """After a break the follower starts again behind its safety window."""
    database = f"test-{uuid4().hex}"
    async with store(old, tmp_path, database=database) as target:
        await put(target, 1, (MAIN, 1, {"power_w": 1.0}))
        await put(target, 2, (MAIN, 2, {"power_w": 2.0}))
        async with aiohttp.ClientSession() as http:
            forget = {"db": database, "q": f"DELETE FROM meter WHERE time < {T0 + 1_500}ms"}
            async with http.post(f"http://127.0.0.1:{old}/query", data=forget) as answer:
                assert answer.status == 200
        assert await powers(target) == [2.0]
        await put(target, 1, (MAIN, 1, {"power_w": 1.0}))
        assert await powers(target) == [1.0, 2.0]
        assert await target.counts() == StoreCounts(2, 0)
        assert await target.open() == 2


async def test_rows_that_are_sent_again_with_new_ones_are_counted_once(old: int, tmp_path: Path) -> None:
    """A restart begins behind the safety window, in one chunk with what came meanwhile."""
    registry = SeriesRegistry()
    journal = Journal(tmp_path / "journal.sqlite", registry, wall=ManualClock(from_ms(T0)))
    await journal.open()
    database = f"test-{uuid4().hex}"
    try:
        for life in range(3):
            async with store(old, tmp_path, registry=registry, database=database) as target:
                options = InfluxOptions(interval=timedelta(0))
                follower = Follower(journal, target, options, Backoff(0.001, 0.002))
                rows: list[Row] = [(MAIN, 10 * life + s, {"power_w": 1.0}) for s in range(10)]
                await journal.append([frame(registry, METER, rows)])
                following = asyncio.create_task(follower.run())
                await follower.wait_for(journal.head)
                following.cancel()
                await asyncio.wait([following])
                assert await target.counts() == StoreCounts(10 * (life + 1), 0)
                assert len(await powers(target)) == 10 * (life + 1)
    finally:
        await journal.close()


async def test_an_outage_is_told_and_survived(tmp_path: Path) -> None:
    server = influxdb(tmp_path)
    server.start()
    try:
        async with store(server.port, tmp_path) as target:
            await put(target, 1, (MAIN, 1, {"power_w": 1.0}))
            server.kill()
            with pytest.raises(StoreError, match="cannot be reached"):
                await put(target, 2, (MAIN, 2, {"power_w": 2.0}))
            with pytest.raises(StoreError, match="cannot be reached"):
                await target.open()
            server.start()
            assert await target.open() == 1
            await put(target, 2, (MAIN, 2, {"power_w": 2.0}))
            assert await powers(target) == [1.0, 2.0]
    finally:
        server.stop()


async def test_user_and_password_are_asked_for_and_read_again(tmp_path: Path) -> None:
    server = influxdb(tmp_path, " auth-enabled = true")
    server.start()
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    try:
        await _make_admin(server)
        login = {"user": "amber", "password_file": str(secret)}
        async with store(server.port, tmp_path, **login) as target:
            with pytest.raises(StoreError, match="check token_file, or user and password_file"):
                await put(target, 1, (MAIN, 1, {"power_w": 1.0}))
            secret.write_text("right\n")
            await target.open()
            await put(target, 1, (MAIN, 1, {"power_w": 1.0}))
            assert await powers(target) == [1.0]
    finally:
        server.stop()


async def _make_admin(server: Server) -> None:
    command = {"q": "CREATE USER amber WITH PASSWORD 'right' WITH ALL PRIVILEGES"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{server.port}/query", data=command) as answer,
    ):
        assert answer.status == 200


async def test_a_database_that_is_gone_is_named(old: int, tmp_path: Path) -> None:
    async with store(old, tmp_path, database="gone/no-such-policy") as target:
        with pytest.raises(StoreError, match="retention policy not found"):
            await put(target, 1, (MAIN, 1, {"power_w": 1.0}))


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Server]:
    server = victoriametrics(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_victoriametrics_takes_writes_of_the_2x_api(metrics: Server, tmp_path: Path) -> None:
    async with store(metrics.port, tmp_path) as target:
        assert target.generation == "vm"
        rows: Sequence[Row] = [
            *((MAIN, s, {"power_w": s + 0.5, "energy_wh": 10.0 * s}) for s in range(3)),
            (UPS, 1, {"power_w": 7.0}),
        ]
        for _ in range(2):
            await put(target, 1, *rows)
        found = await eventually(lambda: _exported(metrics.port, 3))
        assert found == {
            ("meter_power_w", "main-1"): {0: 0.5, 1: 1.5, 2: 2.5},
            ("meter_energy_wh", "main-1"): {0: 0.0, 1: 10.0, 2: 20.0},
            ("meter_power_w", "ups-a"): {1: 7.0},
        }
        with pytest.raises(StoreError, match="speaks no InfluxQL"):
            await target.latest(ALL)
        assert await target.open() == 1


async def _exported(port: int, series: int) -> dict[tuple[str, str], dict[int, float]]:
    """What VictoriaMetrics has: name and meter -> seconds -> value; empty until all series are there."""
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/internal/force_flush"):
            pass
        parameters = {"match[]": '{site="gdansk"}', "start": str(T0 // 1000), "end": str(T0 // 1000 + 99)}
        async with http.get(f"{url}/api/v1/export", params=parameters) as answer:
            lines = [json.loads(line) for line in (await answer.text()).splitlines()]
    found = {
        (one["metric"]["__name__"], one["metric"]["meter"]): {
            (at - T0) // 1000: value for at, value in zip(one["timestamps"], one["values"], strict=True)
        }
        for one in lines
    }
    return found if len(found) == series else {}


async def test_3x_names_the_lines_that_it_refuses(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("apiv3_secret\n")
    login = {"token_file": str(token), "database": "amber"}
    async with influxdb3("apiv3_secret") as recorded, store(recorded.port, tmp_path, **login) as target:
        assert target.generation == "3"
        rows: list[Row] = [(MAIN, s, {"power_w": 2e6 if s % 10 == 0 else 1.0}) for s in range(100)]
        await put(target, 1, *rows)
        assert target.dead.count == 10
        assert len(set(recorded.stored)) == 90
        assert recorded.requests[0] == {"db": "amber", "precision": "millisecond"}
        assert len(recorded.requests) == 2
        assert "invalid column type" in target.dead.path.read_text()


async def test_3x_more_bad_lines_than_it_names(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("apiv3_secret")
    login = {"token_file": str(token)}
    async with influxdb3("apiv3_secret") as recorded, store(recorded.port, tmp_path, **login) as target:
        await put(target, 1, *((MAIN, s, {"power_w": 2e6 if s < 250 else 1.0}) for s in range(300)))
        assert (target.dead.count, len(set(recorded.stored))) == (250, 50)


async def test_a_server_that_does_not_say_what_it_is(tmp_path: Path) -> None:
    async with influxdb3("other") as recorded:
        with pytest.raises(StoreError, match="set generation to 1, 2, 3 or vm"):
            async with store(recorded.port, tmp_path):
                pass
        # Told which it is, the write itself says what is wrong.
        async with store(recorded.port, tmp_path, generation="3") as target:
            with pytest.raises(StoreError, match="401"):
                await put(target, 1, (MAIN, 1, {"power_w": 1.0}))
