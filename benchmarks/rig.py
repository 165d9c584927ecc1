"""The whole service under load: mosquitto, ``service.py run`` and thousands of nodes on one machine."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.viewer import Viewer
from runtime.clock import SystemClock
from simulator.loadtest import LoadOptions, LoadResult, LoadTest
from tests.acceptance.client import Client, token
from tests.acceptance.service_process import ServiceProcess
from tests.eventually import eventually
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server

SITE = "loadtest"
METER = "main-1"
MB = 1 << 20

Place = tuple[Path, Server]
"""A folder and the broker that runs in it."""

_PATIENCE_S = 900
_LAST_S = 10.0
_CONFIGURED = {
    "name": "Load test",
    "zone": "Europe/Warsaw",
    "grid": "PL",
    "meter": [
        {"id": METER, "role": "utility"},
        {"id": "ups-a", "role": "it", "category": "pue1"},
    ],
}


@dataclass(frozen=True)
class Cpu:
    """Seconds of CPU that the processes have used since they began."""

    service: float
    broker: float

    def per_message(self, before: Cpu, messages: int) -> tuple[float, float]:
        """Microseconds of service and of broker for each of ``messages`` since ``before``."""
        used = self.service - before.service, self.broker - before.broker
        return 1e6 * used[0] / messages, 1e6 * used[1] / messages


@dataclass
class Rig:
    """A running service with its broker, a client of its API, and one open dashboard."""

    options: argparse.Namespace
    broker: Server
    service: ServiceProcess
    client: Client
    viewer: Viewer
    ready_s: float
    """How long the service took to become ready."""
    rows: int = 0
    """Rows that the store must hold by now."""

    def load(self, seconds: float | None = None) -> LoadTest:
        """A load of the benchmark's options, ``seconds`` long if that is given; start it with ``run``."""
        asked = self.options
        options = LoadOptions(
            port=self.broker.port,
            nodes=asked.nodes,
            rate=asked.rate,
            seconds=seconds or asked.seconds,
            connections=asked.connections,
            site=SITE,
        )
        return LoadTest(options, SystemClock())

    async def warm_up(self) -> None:
        """Let every series speak and every module be imported, so that what follows is the steady state."""
        result = await self.load(max(2.0, 1.5 * self.options.nodes / self.options.rate)).run()
        await self.until_stored(result)

    async def until_stored(self, result: LoadResult) -> None:
        """Return once all that was sent so far and ``result`` is in the store."""
        await self.until_rows(self.rows + result.rows)

    async def until_rows(self, rows: int) -> None:
        """Return once the store holds ``rows`` rows."""
        self.rows = rows
        await self.service.until(self._all_in, f"did not store {rows} rows", _PATIENCE_S)

    async def counts(self, result: LoadResult) -> dict[str, int]:
        """What must be equal after ``result``: messages sent and acknowledged, rows sent and stored."""
        stored = (await self.ingest())["stored_rows"]
        return {
            "sent": result.sent,
            "acknowledged": result.acknowledged,
            "rows": self.rows,
            "stored": stored,
        }

    async def settled(self) -> dict[str, Any]:
        """``/api/v1/ingest`` once all that was received is acknowledged, or as it is after some seconds."""
        told = await self.ingest()

        async def acknowledged() -> bool:
            told.update(await self.ingest())
            return bool(told["acknowledged"] == told["received"])

        with contextlib.suppress(TimeoutError):  # then the counts tell it
            await eventually(acknowledged, _LAST_S)
        return told

    async def ingest(self) -> dict[str, Any]:
        """``/api/v1/ingest`` now."""
        return await asyncio.to_thread(self.client.ingest)

    def cpu(self) -> Cpu:
        """CPU that was used so far."""
        return Cpu(_used(self._process), _used(_of(self.broker)))

    def memory_mb(self) -> float:
        """Resident memory of the service."""
        return float(self._process.memory_info().rss / MB)

    @property
    def _process(self) -> psutil.Process:
        assert self.service.process is not None
        return psutil.Process(self.service.process.pid)

    async def _all_in(self) -> bool:
        return bool((await self.ingest())["stored_rows"] >= self.rows)


def configuration(port: int, client: str | None = None) -> dict[str, Any]:
    """The service's tables: one site, DuckDB, the broker at ``port``; everybody on this machine may read."""
    broker = {"url": f"mqtt://127.0.0.1:{port}"}
    if client:
        broker["client"] = client
    return {
        "broker": broker,
        "store": [{"type": "duckdb"}],
        "auth": {"anonymous": "viewer"},
        f"sites.{SITE}": _CONFIGURED,
    }


@asynccontextmanager
async def broker_alone(*lines: str) -> AsyncIterator[Place]:
    """A folder that goes away afterwards, and a running mosquitto in it with ``lines`` of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = mosquitto(folder, *lines)
        broker.start()
        try:
            yield folder, broker
        finally:
            broker.stop()


@asynccontextmanager
async def serving(
    options: argparse.Namespace, place: Place, tables: Mapping[str, Any] | None = None
) -> AsyncIterator[Rig]:
    """The service at ``place`` with ``tables`` (else :func:`configuration`), ready, a dashboard open."""
    folder, broker = place
    service = ServiceProcess(folder, tables or configuration(broker.port, options.client))
    try:
        began = time.perf_counter()
        await service.start()
        ready_s = time.perf_counter() - began
        client = Client(service, token(service, "viewer"))
        async with Viewer(service.url) as viewer:
            yield Rig(options, broker, service, client, viewer, ready_s)
        client.close()
    finally:
        service.close()


@asynccontextmanager
async def rig(options: argparse.Namespace) -> AsyncIterator[Rig]:
    """Broker and service, warm."""
    async with broker_alone() as place, serving(options, place) as running:
        await running.warm_up()
        yield running


def _of(server: Server) -> psutil.Process:
    assert server.process is not None
    return psutil.Process(server.process.pid)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
