"""A job's events and its GPUs' readings, from the payloads to the account, through the built service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import service
from collectors.connect import open_decoder
from collectors.mqtt import MqttCollector
from collectors.sources.replay import ReplaySource
from energy.interval import Period
from energy.reading.reader import LedgerFigures
from energy.workloads.accountant import Accountant
from energy.workloads.lines import Wanted
from energy.workloads.statement import Statement, Workloads
from roles.whole import Service
from runtime.clock import SystemClock, to_ms
from runtime.database import Database
from settings import resolve

MINUTE = timedelta(minutes=1)
MINUTES = 80
GPU_W, INLET_W, IT_W = 600, 9_000, 7_200


def beginning() -> datetime:
    """Ten in the morning of yesterday: late enough to be accepted, early enough to be settled."""
    now = SystemClock().now()
    return datetime(now.year, now.month, now.day, 10, tzinfo=UTC) - timedelta(days=1)


async def messages(start: datetime) -> AsyncIterator[tuple[str, bytes]]:
    """Two nodes of two GPUs and both meters each minute; a job on the first node for the first half hour.

    Its stop comes before its start and twice, as a scheduler that was restarted may tell it.
    """
    stop = {"event": "stop", "at": (start + 30 * MINUTE).isoformat()}
    begin = {"event": "start", "at": to_ms(start), "tenant": "acme", "nodes": ["a/r1/n01"]}
    for body in (stop, stop, begin):
        yield "dc/v1/gdansk/job/train-1", json.dumps(body).encode()
    for minute in range(MINUTES):
        at = {"ts": to_ms(start + minute * MINUTE)}
        for node in ("n01", "n02"):
            gpus = [{"i": i, "power_w": GPU_W, "energy_j": minute * 60 * GPU_W} for i in range(2)]
            yield f"dc/v1/gdansk/a/r1/{node}/gpu", json.dumps(at | {"gpus": gpus}).encode()
        for meter, watts in (("main-1", INLET_W), ("ups-a", IT_W)):
            body = at | {"power_w": watts, "energy_wh": round(1e6 + minute * watts / 60)}
            yield f"dc/v1/gdansk/meter/{meter}", json.dumps(body).encode()


def tables(folder: Path) -> dict[str, Any]:
    """A site with two meters."""
    meters = [{"id": "main-1", "role": "utility"}, {"id": "ups-a", "role": "it", "category": "pue1"}]
    site = {"name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "meter": meters}
    return {
        "service": {"data_dir": str(folder)},
        "broker": {"url": "mqtt://127.0.0.1:1"},
        "sites": {"gdansk": site},
    }


async def take_in(built: Service, start: datetime) -> None:
    """Everything that :func:`messages` tells, as if it had come from the broker."""
    decoder = open_decoder("native", built.journal.registry)
    source = ReplaySource(messages(start))
    collecting = asyncio.create_task(MqttCollector(source, decoder, built.ingest, SystemClock()).run())
    await source.exhausted.wait()
    collecting.cancel()
    await asyncio.gather(collecting, return_exceptions=True)
    await built.caught_up()


async def accounted(folder: Path, built: Service, start: datetime) -> Statement:
    """The accounts of the hour, settled and accounted for by now."""
    configuration = resolve(tables(folder))
    sites, store = configuration.settings.sites, built.intake.kept.store
    database = Database(f"sqlite+aiosqlite:///{folder / 'state.sqlite'}")
    try:
        await built.check.settle(SystemClock().now())
        accountant = Accountant(database, store, LedgerFigures(database, store, sites))
        await accountant.account(SystemClock().now())
        wanted = Wanted("gdansk", Period(start, start + timedelta(hours=1)))
        return await Workloads(database).statement(wanted, "job")
    finally:
        await database.close()


async def test_a_job_is_accounted_for_from_its_payloads(tmp_path: Path) -> None:
    start = beginning()
    async with service.build(resolve(tables(tmp_path)), SystemClock()) as built:
        followers = asyncio.create_task(built.components[0].run())
        await take_in(built, start)
        await built.intake.kept.rolled.wait_for(built.journal.head)
        await built.caught_up()
        found = await accounted(tmp_path, built, start)
        status = await built.ingest.status()
        followers.cancel()
        await asyncio.gather(followers, return_exceptions=True)
    (account,) = found.accounts
    assert (account.job, account.tenant) == ("train-1", "acme")
    assert (account.amounts.gpu_wh, account.amounts.total_wh) == (600, 2_250)
    assert (found.rest.total_wh, found.site.total_wh) == (6_750, 9_000)
    assert status.received == 3 + 4 * MINUTES
    assert status.rejected == {}
