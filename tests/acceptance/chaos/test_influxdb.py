"""InfluxDB misbehaves in every known way: it alone is late, and in the end it holds every row once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.chaos.ledger import Ledger, StoredRow
from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import GPUS, SEALS, Scene, scene, whole
from tests.acceptance.chaos.stored import in_influxdb
from tests.servers import faulty
from tests.servers.door import Door
from tests.servers.faulty import RefusesOneLine
from tests.servers.influxdb import influxdb
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server

USER, FIRST, SECOND = "amberwatt", "first", "second"
DATABASE = "chaos"

FAULTS = {
    "it hangs up": faulty.hangs_up,
    "it fails": faulty.says(500, '{"error":"internal error"}'),
    "its disk is full": faulty.says(500, '{"error":"engine: write /wal: no space left on device"}'),
    "it is busy, and says for how long": faulty.says(503, '{"error":"timeout"}', Retry_After="1"),
    "it has had too much": faulty.says(429, '{"error":"too many requests"}', Retry_After="1"),
    "it stores, but its answer does not come": faulty.stores_and_says_nothing,
    "a page that is no answer": faulty.says(200, "<html>welcome</html>", Content_Type="text/html"),
}


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Server]:
    """An InfluxDB with a login."""
    server = influxdb(tmp_path, "auth-enabled = true")
    server.start()
    command(server, f"CREATE USER {USER} WITH PASSWORD '{FIRST}' WITH ALL PRIVILEGES", None)
    yield server
    server.kill()


def command(server: Server, text: str, password: str | None) -> None:
    """Have InfluxDB do ``text``."""
    auth = (USER, password) if password else None
    answer = httpx.post(f"http://127.0.0.1:{server.port}/query", params={"q": text}, auth=auth)
    assert "error" not in answer.raise_for_status().json()["results"][0]


def store(door: Door, folder: Path) -> dict[str, Any]:
    """InfluxDB behind the door, with a password in a file."""
    (folder / "password").write_text(FIRST)
    return {
        "type": "influx",
        "url": f"http://127.0.0.1:{door.port}",
        "database": DATABASE,
        "generation": "1",
        "user": USER,
        "password_file": "password",
        "measurements": ["gpu"],
        "interval": "200ms",
        "timeout": "1s",
        "safety": "5s",
    }


async def late_alone(here: Scene, why: str) -> None:
    """DuckDB goes on and the service is ready, while InfluxDB says why it is late."""
    wanted = here.load.sent * GPUS

    def goes_on(told: dict[str, Any]) -> bool:
        first, mirror = told["stores"][:2]
        return bool(told["stored_rows"] >= wanted and first["error"] is None and mirror["lag_s"] > 0)

    await here.until(goes_on, f"did not go on in DuckDB while of InfluxDB {why}")
    assert await here.service.ready()


async def slow_but_sound(here: Scene) -> None:
    """Return once InfluxDB was found to store more, slowly, and nothing is held against it."""
    taken = (await here.ingest())["stores"][1]["position"]

    def sound(told: dict[str, Any]) -> bool:
        mirror = told["stores"][1]
        return bool(mirror["error"] is None and mirror["position"] > taken)

    await here.until(sound, "did not wait for an InfluxDB that takes its time")


async def caught_up(here: Scene, port: int, missing: int = 0) -> None:
    """Return once InfluxDB holds all rows that were sent but for so many."""

    async def all_there() -> bool:
        found = await in_influxdb(port, DATABASE, (USER, SECOND))
        return len(found) >= here.load.sent * GPUS - missing

    await here.service.until(all_there, "did not catch up in InfluxDB")


def buried(data_dir: Path) -> list[StoredRow]:
    """The rows that InfluxDB would not take, as the file of dead letters has them."""
    rows = []
    for letter in (data_dir / "dead-letters" / "influx.jsonl").read_text().splitlines():
        head, _, at = json.loads(letter)["line"].split(" ")
        tags = dict(pair.split("=") for pair in head.split(",")[1:])
        topic = "/".join(tags[name] for name in ("site", "hall", "rack", "node"))
        rows.append((f"dc/v1/{topic}/gpu", int(tags["gpu"]), int(at)))
    return rows


async def test_whatever_influxdb_does_only_itself_is_late(
    mirror: Server, tmp_path: Path, record: Recorder
) -> None:
    async with Door(mirror.port, only="/write") as door:
        stores = [SEALS, store(door, tmp_path)]
        async with scene(tmp_path, mosquitto(tmp_path), store=stores) as here:
            here.publish()
            await here.more_acknowledged(500)
            for name, fault in FAULTS.items():
                door.set(fault)

                async def felt() -> bool:
                    return door.hurt > 0

                await here.service.until(felt, f"did not write while {name}")
                await late_alone(here, name)
            door.set(faulty.stores_slowly)
            await slow_but_sound(here)
            door.set(refusal := RefusesOneLine())
            await asyncio.to_thread(mirror.kill)
            await late_alone(here, "it is gone")
            await asyncio.to_thread(mirror.start)
            command(mirror, f"SET PASSWORD FOR {USER} = '{SECOND}'", FIRST)
            await late_alone(here, "the password is another one")
            (tmp_path / "password").write_text(SECOND)
            await here.more_acknowledged(300)
            await here.finished()
            told = await here.all_stored()
            await caught_up(here, mirror.port, missing=1)
            refused = buried(here.service.data_dir)
            there = await in_influxdb(mirror.port, DATABASE, (USER, SECOND))
            count = whole(await here.ledger())
        assert refusal.refused is not None
    assert len(set(refused)) == 1
    # It may hold that one as well, from a write that it stored and did not answer.
    assert whole(Ledger(here.load.account, GPUS, {*there, *refused})) == count
    record(count, told)
