"""Verbs where no service runs: they read what there is, and settle nothing of what the broker keeps."""

from __future__ import annotations

import asyncio
import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import service
from commands.access import with_api
from commands.alone import alone
from commands.export import export_ledger, export_telemetry
from commands.report import ReportOrder, issue_reports, unsettled
from commands.running import Running
from energy.interval import Period
from runtime.clock import ManualClock, to_ms
from runtime.errors import ServiceError
from runtime.lifecycle import Component
from settings import Configuration, resolve
from telemetry.catalogue import METER
from telemetry.frame import Frame
from tests.servers.process import free_port

STOP = datetime(2026, 10, 5, 10, tzinfo=UTC)
"""When the service was stopped; everything since then is in the broker's session."""

ALL_OF_IT = Period(STOP - timedelta(hours=10), STOP + timedelta(days=20))


def configured(folder: Path, **more: Any) -> Configuration:
    meters = [
        {"id": "main-1", "role": "utility"},
        {"id": "ups-a", "role": "it", "category": "pue1"},
    ]
    site = {"name": "Gdańsk", "zone": "UTC", "grid": "PL", "meter": meters}
    broker = {"url": f"mqtt://127.0.0.1:{free_port()}"}
    return resolve(
        {
            "service": {"data_dir": str(folder), "listen": "127.0.0.1:0"},
            "broker": broker,
            "sites": {"gdansk": site},
            **more,
        }
    )


def readings(built: service.Service, minutes: range) -> list[Frame]:
    """A reading a minute of both meters, so many minutes before the stop."""
    at = np.array([to_ms(STOP - timedelta(minutes=m)) for m in minutes], dtype=np.int64)
    found = []
    for meter in ("main-1", "ups-a"):
        series = built.journal.registry.id(METER, ("gdansk", meter))
        energy = 1e6 - 100.0 * np.array(minutes, dtype=np.float64)
        found.append(Frame(METER, np.full(len(at), series, dtype=np.int32), at, {"energy_wh": energy}))
    return found


@pytest.fixture
async def stopped(tmp_path: Path) -> Configuration:
    """A data directory that is settled until the stop; the last minute's rows are in the journal alone."""
    configuration = configured(tmp_path)
    async with service.build(configuration, ManualClock(STOP)) as built:
        await built.journal.append(readings(built, range(600, 1, -1)))
        async with alone(built):
            await built.check.settle(STOP + timedelta(minutes=2))
        await built.journal.append(readings(built, range(1, -1, -1)))
    return configuration


async def exported(configuration: Configuration, export: Any, **query: str) -> list[dict[str, str]]:
    """The rows that a verb writes."""
    found: list[bytes] = []

    async def work(api: Running, _: Configuration) -> None:
        span = {"from": ALL_OF_IT.start.isoformat(), "to": ALL_OF_IT.end.isoformat()}
        found.append(await export(api, {**span, **query}))

    await with_api(service.build, configuration, work)
    return list(csv.DictReader(found[0].decode().splitlines()))


async def test_a_read_settles_nothing(stopped: Configuration) -> None:
    """What the broker keeps since the stop would be settled as missing, and told to people."""
    for _ in range(2):
        rows = await exported(stopped, export_ledger)
        assert {(row["site"], row["meter"]) for row in rows} == {("gdansk", "main-1"), ("gdansk", "ups-a")}
        known = [row for row in rows if row["quality"] == "ok"]
        assert len(known) == 2 * 39
        assert max(row["start"] for row in rows)[:16] == "2026-10-05T09:30"


async def test_a_read_tells_what_only_the_journal_holds_yet(stopped: Configuration) -> None:
    rows = await exported(stopped, export_telemetry, measurement="meter", meter="main-1")
    assert len(rows) == 601


async def test_a_month_that_is_not_settled_is_a_draft_and_says_so(
    stopped: Configuration, tmp_path: Path
) -> None:
    entries: list[dict[str, object]] = []

    async def work(api: Running, _: Configuration) -> None:
        order = ReportOrder("2026-10", ["gdansk"], ["json"], tmp_path / "out")
        entries.extend(await issue_reports(api, order))

    await with_api(service.build, stopped, work)
    (entry,) = entries
    assert entry["state"] == "draft"
    assert str(entry["settled_until"]).startswith("2026-10-05T09:45")
    assert "is settled until 2026-10-05T09:45" in unsettled(entry)


async def test_a_service_that_cannot_serve_ends_the_verb(stopped: Configuration) -> None:
    async def broken() -> None:
        raise OSError("the address is in use")

    async with service.build(stopped, None) as built:
        built.quiet_components = [Component("web server", broken)]
        with pytest.raises(OSError, match="in use"):
            async with asyncio.timeout(20), alone(built):
                pytest.fail("it does not serve")


async def test_a_store_that_is_away_ends_the_verb(tmp_path: Path) -> None:
    influx = {"type": "influx", "url": f"http://127.0.0.1:{free_port()}", "database": "amberwatt"}
    async with service.build(configured(tmp_path, store=[influx]), ManualClock(STOP)) as built:
        await built.journal.append(readings(built, range(1, -1, -1)))
        with pytest.raises(ServiceError, match="influx cannot take over what has arrived: "):
            async with asyncio.timeout(20), alone(built):
                pytest.fail("it tells less than has arrived")


async def test_where_several_processes_share_the_work_no_verb_opens_anything(tmp_path: Path) -> None:
    (tmp_path / "ingest-halls").mkdir()
    (tmp_path / "ingest-halls" / "lock").touch()

    async def work(api: Running, _: Configuration) -> None:
        pytest.fail("nobody answers")

    with pytest.raises(ServiceError, match=r"no web process answers .*: start one \(run --role web\)"):
        await with_api(service.build, configured(tmp_path), work)
    assert os.listdir(tmp_path) == ["ingest-halls"]
