"""Several processes as one service: two take in, one shows, one settles while another stands by.

An ingest process and the jobs process at work are killed half-way. In the end both stores hold what the
broker acknowledged, each row once; an hour's figures are the truth; people were told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.clock import ManualClock
from simulator.demo import site_settings
from simulator.loadtest import LoadOptions, LoadResult, LoadTest
from simulator.messages import Cadence, messages
from simulator.model import Model
from simulator.plan import GDANSK
from simulator.publisher import Link, Publisher
from simulator.truth import Truth
from tests.acceptance.chaos.ledger import Ledger, StoredRow
from tests.acceptance.chaos.scene import whole
from tests.acceptance.chaos.stored import in_influxdb, in_victoriametrics
from tests.acceptance.client import Client, token
from tests.acceptance.mailbox import Mailbox
from tests.acceptance.role_process import RoleProcess
from tests.acceptance.service_process import ServiceProcess, run_once
from tests.servers.influxdb import influxdb
from tests.servers.mosquitto import mosquitto
from tests.servers.postgres import shared_postgres
from tests.servers.process import Server
from tests.servers.victoriametrics import victoriametrics

SITE = GDANSK.name
HOUR = datetime(2026, 10, 6, 10, tzinfo=UTC)
BEGIN, HALF, END = HOUR - timedelta(minutes=30), HOUR + timedelta(minutes=30), HOUR + timedelta(minutes=95)
EARLIER = HOUR - timedelta(hours=2)
"""Times of the load: before the hour, so that it does not move the clock of the replay."""

CADENCE = Cadence(node=timedelta(minutes=1), other=timedelta(minutes=1))
LOADED = {"load-a": "a", "load-b": "rest"}
"""Site of each load, and the shard that takes it."""

GPUS, RATE = 2, 300
DATABASE = "roles"
RULE = "power_contract"
PATIENCE = 120.0


@dataclass
class World:
    """The servers, the processes by name, and what people got."""

    broker: Server
    influx: Server
    mirror: Server
    mailbox: Mailbox
    service: ServiceProcess
    processes: dict[str, RoleProcess]

    @property
    def web(self) -> RoleProcess:
        """Whoever shows."""
        return self.processes["web"]

    async def start(self, *names: str) -> None:
        """Start these processes; return when each says that it is ready."""
        for name in names:
            self.processes[name].launch()
        for name in names:
            one = self.processes[name]
            await one.until(one.ready, "did not become ready", PATIENCE)

    async def told(self, rule: str) -> list[str]:
        """The keys of all mails about a rule."""
        keys = [mail["X-Amberwatt-Key"] for mail in self.mailbox.mails]
        return [key for key in keys if key.startswith(rule)]


def tables(world: dict[str, int], database: str) -> dict[str, Any]:
    """The one configuration file; ``world`` holds the ports."""
    site = site_settings(GDANSK) | {"contracted_kw": 1}
    halves = (f"dc/v1/{SITE}/a/#", "dc/v1/load-a/#")
    kinds = ("b/#", "meter/#", "supply/#", "cooling/#", "water/#", "heat/#", "weather/#")
    rest = (*(f"dc/v1/{SITE}/{kind}" for kind in kinds), "dc/v1/grid/#", "dc/v1/load-b/#")
    influx = {"type": "influx", "url": f"http://127.0.0.1:{world['influx']}", "database": DATABASE}
    vm = {"type": "influx", "name": "vm", "generation": "vm", "url": f"http://127.0.0.1:{world['vm']}"}
    mail = {
        "type": "email",
        "name": "on-call",
        "host": "127.0.0.1",
        "port": world["mail"],
        "sender": "amberwatt@example.org",
        "to": ["oncall@example.org"],
    }
    return {
        "service": {"replay_from": BEGIN.isoformat(), "database": database},
        "broker": {"url": f"mqtt://127.0.0.1:{world['broker']}"},
        "ingest": {"accepted_lateness": "36500d"},
        "store": [influx, vm | {"measurements": ["gpu"], "interval": "200ms"}],
        "shard": [{"name": "a", "topics": list(halves)}, {"name": "rest", "topics": list(rest)}],
        f"sites.{SITE}": site,
        "rule": [{"type": RULE, "on_delay": "0s"}],
        "channel": [mail],
        "route": [{"match": {"rule": RULE}, "to": ["on-call"], "repeat": "30d"}],
    }


@asynccontextmanager
async def processes(folder: Path) -> AsyncIterator[World]:
    """All servers run inside; the processes of the service are still to be started."""
    postgres = shared_postgres()
    database = postgres.create()
    broker, influx, mailbox = mosquitto(folder), influxdb(folder), Mailbox()
    mirror = victoriametrics(folder, "-dedup.minScrapeInterval=1ms")
    for server in (broker, influx, mirror, mailbox):
        server.start()
    ports = {"broker": broker.port, "influx": influx.port, "vm": mirror.port, "mail": mailbox.port}
    service = ServiceProcess(folder, tables(ports, postgres.url(database)))
    second = {"AMBERWATT_SERVICE__INSTANCE": "second"}
    found = {
        "ingest-a": RoleProcess(service, "ingest-a", ("--role", "ingest", "--shard", "a")),
        "ingest-rest": RoleProcess(service, "ingest-rest", ("--role", "ingest", "--shard", "rest")),
        "web": RoleProcess(service, "web", ("--role", "web")),
        "jobs": RoleProcess(service, "jobs", ("--role", "jobs")),
        "second": RoleProcess(service, "jobs-second", ("--role", "jobs"), second),
    }
    try:
        yield World(broker, influx, mirror, mailbox, service, found)
    finally:
        for process in found.values():
            process.close()
        for running in (broker, influx, mirror):
            running.kill()
        mailbox.stop()
        postgres.drop(database)


def load(broker: Server, site: str) -> LoadTest:
    """Nodes that number their messages, at times before the hour."""
    options = LoadOptions(
        port=broker.port, nodes=20, connections=2, rate=RATE, seconds=15, gpus=GPUS, insist=True, site=site
    )
    return LoadTest(options, ManualClock(EARLIER))


async def held(world: World, loads: Sequence[LoadTest], results: Sequence[LoadResult]) -> None:
    """Return once both stores hold every message of ``loads``, each publisher's whole, none twice."""
    for test, result in zip(loads, results, strict=True):
        rows = result.sent * GPUS

        async def stored(site: str = test.options.site, rows: int = rows) -> bool:
            found = await everywhere(world, site)
            return all(len(one) >= rows for one in found)

        await world.web.until(stored, f"did not store {rows} rows of {test.options.site}", PATIENCE)
        for found in await everywhere(world, test.options.site):
            assert whole(Ledger(test.account, GPUS, found)).stored == result.sent


async def everywhere(world: World, site: str) -> list[list[StoredRow]]:
    """The rows of ``site`` in each store."""
    found = [await in_influxdb(world.influx.port, DATABASE), await in_victoriametrics(world.mirror.port)]
    return [[row for row in rows if row[0].startswith(f"dc/v1/{site}/")] for rows in found]


async def test_several_processes_are_one_service(tmp_path: Path) -> None:
    model = Model(datetime(2026, 10, 5, tzinfo=UTC), (GDANSK,))
    async with processes(tmp_path) as world:
        await world.start("ingest-a", "ingest-rest", "web", "jobs")
        world.processes["second"].launch()
        client = Client(world.web, token(world.service, "operator"))
        async with Publisher(model, Link(world.broker.port, protocol="5")) as publisher:
            loads = [load(world.broker, site) for site in LOADED]
            running = [asyncio.create_task(one.run()) for one in loads]
            await publisher.publish(list(messages(model, BEGIN, HALF, CADENCE)))
            await half_sent(world, loads[0])
            world.processes["ingest-a"].kill()
            await publisher.settled()
            await world.start("ingest-a")
            await world.web.until(lambda: mailed(world), "told nobody", PATIENCE)
            world.processes["jobs"].kill()
            await publisher.publish(list(messages(model, HALF, END, CADENCE)))
            await publisher.settled()
            results = await asyncio.gather(*running)
        assert all(result.acknowledged == result.sent for result in results)
        await held(world, loads, results)
        await settled(world, client, model)
        assert len(await world.told(RULE)) <= 1
        assert len(world.mailbox.mails) == 1
        sums_up(world, client)
        exports_what_was_read(world)
        await world.start("jobs")
        await shows_everything(world, client)
        refuses_what_cannot_be(world)
        client.close()
        for process in world.processes.values():
            assert process.stop() == 0, process.tail()


async def half_sent(world: World, test: LoadTest) -> None:
    """Return once half of the load is out."""

    async def out() -> bool:
        return test.sent * 2 >= test.options.total

    await world.web.until(out, "was given no load", PATIENCE)


async def mailed(world: World) -> bool:
    """Whether anybody was told anything."""
    return bool(world.mailbox.mails)


async def settled(world: World, client: Client, model: Model) -> None:
    """Return once the hour's figures are there; they are the truth."""
    asked = {"site": SITE, "from_": HOUR.isoformat(), "to": (HOUR + timedelta(hours=1)).isoformat()}
    rows: list[dict[str, Any]] = []

    async def whole_hour() -> bool:
        rows[:] = client.get("/api/v1/kpi", **asked, step="PT1H")["rows"]
        return bool(rows) and rows[0]["completeness"] == 1.0

    await world.web.until(whole_hour, f"did not settle the hour: {rows}", PATIENCE)
    (truth,) = Truth(model.sites[SITE]).rows(HOUR, HOUR + timedelta(hours=1), "PT1H")
    (row,) = rows
    assert (row["edc_wh"], row["eit_wh"]) == (truth.edc_wh, truth.eit_wh)
    assert row["hourly_matched"] == pytest.approx(truth.hourly_matched, abs=1e-9)


def sums_up(world: World, client: Client) -> None:
    """The web process tells of all that the ingest processes tell."""
    secret = token(world.service, "viewer")
    shards = [Client(world.processes[f"ingest-{name}"], secret) for name in ("a", "rest")]
    told = [shard.ingest() for shard in shards]
    seen = client.ingest()
    for name in ("received", "acknowledged", "stored_rows", "late", "missed"):
        assert seen[name] == sum(one[name] for one in told), name
    assert {store["name"] for store in seen["stores"]} >= {
        "a/influx",
        "a/vm",
        "rest/influx",
        "rest/ledger",
    }
    assert seen["connected"]
    for shard in shards:
        shard.close()


def exports_what_was_read(world: World) -> None:
    """Verbs ask the web process."""
    span = (f"from={HOUR.isoformat()}", f"to={(HOUR + timedelta(hours=1)).isoformat()}")
    query = ("measurement=meter", "meter=main-1", "field=power_w", *span)
    done = run_once("export", "telemetry", *query, "--config", str(world.service.config))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 + 60, done.stdout


async def shows_everything(world: World, client: Client) -> None:
    """Live values come by the tap; System names every process, and says which of two works."""
    live = client.get("/api/v1/live", site=SITE)["sites"][SITE]
    assert live["power_w"] > 0
    assert live["gpu_w"] > 0
    wanted = ("ingest/a", "ingest/rest", "web/", "jobs/second", "standing by", "at work")

    async def all_there() -> bool:
        page = client.raw("/system").text
        return all(name in page for name in wanted)

    await world.web.until(all_there, f"did not show {wanted} on System", PATIENCE)
    metrics = client.raw("/metrics").text
    assert 'amberwatt_process_sign_age_seconds{process="ingest/a",role="ingest"}' in metrics


def refuses_what_cannot_be(world: World) -> None:
    """A wrong station ends with exit code 2 and says what to do."""
    for arguments, told in (
        ((), "run --role ingest --shard NAME for each"),
        (("--role", "ingest"), "name the one that this process takes; there are: a, rest"),
        (("--role", "ingest", "--shard", "c"), "no shard is named 'c'"),
        (("--role", "web", "--shard", "a"), "--shard: is for --role ingest"),
    ):
        done = run_once("run", "--config", str(world.service.config), *arguments)
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
