"""What goes wrong outside the service: it says so clearly, loses nothing acknowledged, and stays up."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
import msgspec
import pytest
from mqttium.api import AsyncClient

from runtime.clock import SystemClock, to_ms
from simulator.loadtest import LoadOptions, LoadTest
from tests.acceptance.client import Client, token
from tests.acceptance.service_process import ServiceProcess, run_once
from tests.acceptance.toml import Tables, written
from tests.servers.door import Door
from tests.servers.faulty import says
from tests.servers.influxdb import shared_influxdb
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, binary

METER, GPU, SUPPLY = "dc/v1/gdansk/meter/main-1", "dc/v1/gdansk/a/r1/n01/gpu", "dc/v1/gdansk/supply/battery-1"
SITE = {
    "name": "Gdańsk",
    "zone": "Europe/Warsaw",
    "grid": "PL",
    "meter": [
        {"id": "main-1", "role": "utility"},
        {"id": "ups-a", "role": "it", "category": "pue1"},
    ],
}
HOUR_MS = 3_600_000
BROKEN = says(500, '{"error":"the disk of the test is on fire"}')
"""What a broken server answers."""

Case = tuple[str, str, bytes, str]
"""What it is, topic, payload, reason."""


def now_ms() -> int:
    return to_ms(SystemClock().now())


def malformed() -> list[Case]:
    """Messages of a broken or hostile publisher, none of which has a row in it that may be stored."""
    soon, old = now_ms() + HOUR_MS, now_ms() - 40 * 24 * HOUR_MS
    packed = msgspec.msgpack.encode
    return [
        ("empty", METER, b"", "undecodable"),
        ("a lone brace", METER, b"{", "undecodable"),
        ("plain words", METER, b"not json", "undecodable"),
        ("cut off JSON", METER, b'{"ts":1764000000123,"power_w":41', "undecodable"),
        ("a text for a number", METER, b'{"power_w":"much"}', "undecodable"),
        ("a list", METER, b"[1,2,3]", "undecodable"),
        ("cut off MessagePack", METER, packed({"power_w": 5.0})[:-3], "undecodable"),
        ("not UTF-8", METER, b'{"power_w":5,"note":"\xff\xfe"}', "undecodable"),
        ("nested too deep", METER, b'{"power_w":' + b"[" * 5_000, "undecodable"),
        ("beyond what a float holds", METER, b'{"power_w":1e999}', "undecodable"),
        ("a time in words", METER, b'{"ts":"yesterday","power_w":5}', "undecodable"),
        ("a time before 1970", METER, b'{"ts":-5,"power_w":5}', "undecodable"),
        ("arrays of two lengths", GPU, b'{"power_w":[1,2],"util":[1]}', "undecodable"),
        ("both forms at once", GPU, b'{"gpus":[{"i":0,"power_w":1}],"power_w":[1]}', "undecodable"),
        ("a GPU number too high", GPU, b'{"gpus":[{"i":128,"power_w":1}]}', "undecodable"),
        ("a status of its own", f"{METER}/status", b"perhaps", "undecodable"),
        ("nothing in it", METER, b"{}", "no_known_field"),
        ("unheard-of fields only", METER, b'{"volts":230}', "no_known_field"),
        ("nothing but null", METER, b'{"power_w":null}', "no_known_field"),
        ("no GPU", GPU, b'{"gpus":[]}', "no_known_field"),
        ("not a number", METER, packed({"power_w": float("nan")}), "not_finite"),
        ("infinite", METER, packed({"power_w": float("inf")}), "not_finite"),
        ("more power than a country", METER, b'{"power_w":1e300}', "out_of_range"),
        ("a register below zero", METER, b'{"energy_wh":-5}', "out_of_range"),
        ("a GPU hotter than steel", GPU, b'{"gpus":[{"i":0,"temp_c":1500}]}', "out_of_range"),
        ("more than a full battery", SUPPLY, b'{"soc":2}', "out_of_range"),
        ("an hour ahead", METER, b'{"ts":%d,"power_w":5}' % soon, "future"),
        ("forty days late", METER, b'{"ts":%d,"power_w":5}' % old, "too_old"),
        ("an unknown kind of device", "dc/v1/gdansk/toaster/kitchen", b'{"power_w":5}', "topic"),
        ("capitals in a topic", "dc/v1/Gdansk/meter/main-1", b'{"power_w":5}', "topic"),
        ("a topic too deep", "dc/v1/gdansk/a/r1/n01/x/y/gpu", b'{"power_w":5}', "topic"),
        ("a letter too long", METER, b'{"power_w":5,"note":"' + b"x" * 300_000 + b'"}', "too_large"),
    ]


def tables(port: int, **more: Any) -> Tables:
    """One site, its broker, DuckDB, and whatever else."""
    return {
        "broker": {"url": f"mqtt://127.0.0.1:{port}"},
        "store": [{"type": "duckdb"}],
        "sites.gdansk": SITE,
        **more,
    }


@asynccontextmanager
async def running(folder: Path, configuration: Tables) -> AsyncIterator[tuple[ServiceProcess, Client]]:
    """The service, ready, and a client with an operator's token."""
    service = ServiceProcess(folder, configuration)
    try:
        await service.start()
        with closing(Client(service, token(service, "operator"))) as client:
            yield service, client
    finally:
        service.close()


async def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    """Publish in order at QoS 1 and wait for every answer."""
    client = AsyncClient("strangers")
    await client.connect("127.0.0.1", port)
    for topic, payload in messages:
        receipt = await client.publish(topic, payload, qos=1)
        await receipt.wait()
    await client.disconnect()


def ask(question: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """A probe that asks over HTTP beside the event loop, which serves the door meanwhile."""
    return lambda: asyncio.to_thread(question)


async def test_malformed_messages_are_counted_kept_and_acknowledged(broker: Server, tmp_path: Path) -> None:
    cases = malformed()
    assert len({name for name, *_ in cases}) == len(cases) >= 20
    good = [
        (METER, b'{"ts":%d,"power_w":412300,"energy_wh":%d}' % (now_ms() + n, n)) for n in range(len(cases))
    ]
    mixed = [message for (_, topic, payload, _), one in zip(cases, good, strict=True)
             for message in ((topic, payload), one)]  # fmt: skip
    async with running(tmp_path, tables(broker.port)) as (service, client):
        await publish(broker.port, mixed)
        all_in = ask(lambda: client.ingest()["acknowledged"] >= len(mixed) and client.ingest())
        await service.until(all_in, "did not acknowledge every message")
        stored = ask(lambda: client.ingest()["stored_rows"] == len(good))
        await service.until(stored, "did not store the good rows")
        told = await asyncio.to_thread(client.ingest)
        page = await asyncio.to_thread(lambda: client.raw("/system").text)
        assert await service.ready()
    assert told["rejected"] == Counter(reason for *_, reason in cases)
    assert told["received"] == told["acknowledged"] == len(mixed)
    assert "dc/v1/gdansk/toaster/kitchen" in page
    assert "not one of the topics of the wire contract" in page


WRONG = {
    "service": {"listn": "127.0.0.1:8080"},
    "broker": {"url": "http://127.0.0.1"},
    "store": [{"type": "papyrus"}],
    "sites.gdansk": {**SITE, "zone": "Europe/Danzig"},
    "channel": [{"type": "email", "name": "on-call", "to": ["oncall@example.org"]}],
}
MISTAKES = ("service.listn", "broker.url", "store[0].type", "sites.gdansk.zone", "channel[0].host")


@pytest.mark.parametrize("verb", [("check",), ("run", "--config")])
def test_all_mistakes_of_a_configuration_are_told_at_once(verb: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(written(WRONG), encoding="utf-8")
    done = run_once(*verb, str(file))
    assert done.returncode == 2
    lines = [line.strip() for line in done.stderr.splitlines()]
    for mistake in MISTAKES:
        assert any(line.startswith(f"{mistake}:") for line in lines), (mistake, done.stderr)
    assert len(lines) == len(MISTAKES) + 1
    assert "Traceback" not in done.stderr


def password_file(folder: Path) -> Path:
    """Whom mosquitto lets in: amberwatt with the password ``right``."""
    passwords = folder / "passwords"
    maker = [binary("mosquitto_passwd", "mosquitto"), "-c", "-b", str(passwords), "amberwatt", "right"]
    subprocess.run(maker, check=True, capture_output=True)
    return passwords


async def test_a_wrong_password_is_told_and_the_service_stays_up(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    broker = mosquitto(tmp_path, "allow_anonymous false", f"password_file {password_file(tmp_path)}")
    broker.start()
    login = {"url": f"mqtt://127.0.0.1:{broker.port}", "user": "amberwatt", "password_file": "secret"}
    service = ServiceProcess(tmp_path, {**tables(broker.port), "broker": login})
    try:
        service.launch()
        await service.until(service.alive, "did not come up")
        answer: list[dict[str, Any]] = []

        async def refused() -> bool:
            async with aiohttp.ClientSession() as http, http.get(f"{service.url}/readyz") as found:
                answer[:] = [await found.json()] if found.status == 503 else []
            return any("login with user" in problem for told in answer for problem in told["problems"])

        await service.until(refused, "did not say that the broker refused it")
        assert "broker_problem" in service.told()
        assert "wrong" not in json.dumps(answer)
        assert service.stop() == 0
        secret.write_text("right")
        await service.start()
    finally:
        service.close()
        broker.stop()


def influx(door: Door, database: str) -> dict[str, Any]:
    """An InfluxDB behind a door, as the second store."""
    url = f"http://127.0.0.1:{door.port}"
    return {"type": "influx", "url": url, "database": database, "generation": "1", "safety": "1s"}


async def rows_there(database: str) -> int:
    """How many GPU rows InfluxDB itself holds."""
    url = f"http://127.0.0.1:{shared_influxdb().port}/query"
    asked = {"db": database, "q": "SELECT count(power_w) FROM gpu"}
    async with aiohttp.ClientSession() as http, http.get(url, params=asked) as answer:
        found = (await answer.json())["results"][0].get("series")
    return int(found[0]["values"][0][1]) if found else 0


def lag(client: Client, name: str) -> dict[str, Any]:
    """How far a store has followed."""
    stores = {store["name"]: store for store in client.ingest()["stores"]}
    found: dict[str, Any] = stores[name]
    return found


async def test_a_broken_influxdb_delays_itself_and_nothing_else(broker: Server, tmp_path: Path) -> None:
    database = f"broken_{uuid4().hex}"
    load = LoadOptions(port=broker.port, nodes=50, rate=500, seconds=2)
    async with Door(shared_influxdb().port) as door:
        stores = [{"type": "duckdb"}, influx(door, database)]
        async with running(tmp_path, {**tables(broker.port), "store": stores}) as (service, client):
            door.set(BROKEN)
            sent = await LoadTest(load, SystemClock()).run()
            stored = ask(lambda: client.ingest()["stored_rows"] == sent.rows)
            await service.until(stored, "did not go on storing in DuckDB")
            behind = ask(lambda: door.hurt and lag(client, "influx")["lag_s"] > 0)
            await service.until(behind, "did not show that InfluxDB is behind")
            assert lag(client, "duckdb")["lag_s"] == 0
            assert await service.ready()
            door.set(None)
            caught_up = ask(
                lambda: lag(client, "influx")["lag_s"] == 0 and not lag(client, "influx")["error"]
            )
            await service.until(caught_up, "did not catch up")
            assert await rows_there(database) == sent.rows


async def test_a_full_journal_acknowledges_nothing_and_loses_nothing(broker: Server, tmp_path: Path) -> None:
    database = f"full_{uuid4().hex}"
    load = LoadOptions(port=broker.port, nodes=400, rate=4_000, seconds=4)
    async with Door(shared_influxdb().port) as door:
        configuration = {
            **tables(broker.port),
            "broker": {"url": f"mqtt://127.0.0.1:{broker.port}", "receive_maximum": 400},
            "journal": {"limit": 2 << 20},
            "store": [influx(door, database), {"type": "duckdb"}],  # a mirror would be let go of
            "rule": [{"type": "journal_filling"}],
        }
        async with running(tmp_path, configuration) as (service, client):
            door.set(BROKEN)
            sent = await LoadTest(load, SystemClock()).run()
            full = ask(lambda: not_ready(service))
            problems = await service.until(full, "did not say that its journal is full")
            assert problems[0].startswith("journal:")
            told = await asyncio.to_thread(client.ingest)
            assert told["acknowledged"] < sent.sent
            assert told["journal"]["bytes"] <= told["journal"]["limit_bytes"]
            alarm = ask(
                lambda: [a for a in client.get("/api/v1/alerts")["alerts"] if a["key"] == "journal/filling"]
            )
            (fired,) = await service.until(alarm, "did not raise the alarm")
            assert fired["severity"] in ("high", "critical")
            door.set(None)
            stored = ask(lambda: client.ingest()["stored_rows"] == sent.rows)
            await service.until(stored, "did not store all after the journal had room again", 300)
            caught_up = ask(lambda: lag(client, "influx")["lag_s"] == 0)
            await service.until(caught_up, "did not catch up")
            await service.until(service.ready, "did not become ready again")
            assert await rows_there(database) == sent.rows
            assert client.ingest()["acknowledged"] == sent.sent


def not_ready(service: ServiceProcess) -> list[str]:
    """What ``/readyz`` complains of."""
    found: list[str] = httpx.get(f"{service.url}/readyz").json()["problems"]
    return found
