"""The scene of a fault: a broker, the service as a process, publishers; hurt by a test, then counted."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.clock import ManualClock, SystemClock
from simulator.loadtest import LoadOptions, LoadResult, LoadTest
from tests.acceptance.chaos.audit import wrong_minutes, wrong_sums
from tests.acceptance.chaos.completeness import completeness_on_disk
from tests.acceptance.chaos.ledger import Count, Ledger
from tests.acceptance.chaos.stored import in_duckdb, minutes_in_duckdb
from tests.acceptance.service_process import ServiceProcess
from tests.eventually import eventually
from tests.servers.process import Server

GPUS = 2
PATIENCE = 90.0

SPEED = 30.0
"""How much faster the publishers' clocks run: a minute ends every two seconds, and rows come to rest."""

BEFORE = timedelta(hours=12)
"""How long ago they begin then, so that they stay behind the time of day."""

SEALS = {"type": "duckdb", "seal_rows": 200, "seal_after": "0s"}
"""A store that seals each minute as soon as it is over, so that whatever is done hits it sealing."""


@dataclass
class Scene:
    """All that one scenario needs; ``load`` publishes from :meth:`publishing` until :meth:`finished`."""

    broker: Server
    service: ServiceProcess
    load: LoadTest
    clock: ManualClock
    """That of the publishers."""
    run: asyncio.Task[LoadResult] | None = field(default=None, init=False)

    def publish(self, speed: float = SPEED) -> None:
        """Begin to publish, without an end; clocks that run faster begin long ago, to stay behind."""
        now = SystemClock().now()
        self.clock.set(now - BEFORE if speed > 1 else now)
        self.load.account.step_ms *= speed
        self.run = asyncio.create_task(self.load.run())

    async def more_sent(self, messages: int) -> None:
        """Return once so many more messages were sent."""
        await self._published(lambda: self.load.sent, messages)

    async def more_acknowledged(self, messages: int) -> None:
        """Return once the broker has acknowledged so many more messages to their publishers."""
        await self._published(lambda: int(self.load.account.acknowledged.sum()), messages)

    async def finished(self) -> LoadResult:
        """Publish no more; return once the broker has acknowledged everything."""
        assert self.run is not None
        self.load.finish()
        result = await self.run
        assert result.acknowledged == result.sent > 0
        return result

    async def ingest(self) -> dict[str, Any]:
        """``/api/v1/ingest``."""
        async with httpx.AsyncClient(timeout=20) as http:
            found: dict[str, Any] = (await http.get(f"{self.service.url}/api/v1/ingest")).json()
        return found

    async def until(
        self, holds: Callable[[dict[str, Any]], object], trouble: str, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """The first ``/api/v1/ingest`` of which ``holds``; fails with the last one and the service's log."""
        last: dict[str, Any] = {}

        async def probe() -> bool:
            last.clear()
            last.update(await self.ingest())
            return bool(holds(last))

        try:
            await self.service.until(probe, trouble, patience)
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\n{self.load.sent} messages were sent, it says {last}")
        return last

    async def connected(self) -> None:
        """Return once the service has its session at the broker."""
        await self.until(lambda told: told["connected"], "did not connect again")

    @property
    def connections(self) -> int:
        """How often the service has connected to the broker."""
        return self.service.told().count('"event": "broker_connected"')

    async def reconnected(self, before: int) -> None:
        """Return once the service has connected more often than ``before``."""

        async def again() -> bool:
            return self.connections > before

        await self.service.until(again, "did not connect again", PATIENCE)

    async def all_stored(self) -> dict[str, Any]:
        """Return once the service has stored every message that was sent."""
        rows = self.load.sent * GPUS
        return await self.until(lambda told: told["stored_rows"] >= rows, f"did not store {rows} rows")

    async def all_accounted(self) -> dict[str, Any]:
        """Return once the service has stored every message or noticed that it is missing."""

        def known(told: dict[str, Any]) -> bool:
            return bool(told["stored_rows"] // GPUS + told["missed"] >= self.load.sent)

        return await self.until(known, "did not notice all that is missing")

    async def missed_by_publisher(self, told: dict[str, Any]) -> dict[str, int]:
        """Messages missed of each topic, by the account of completeness, once it holds all that were."""
        found: dict[str, int] = {}

        since = {"from": (self.clock.now() - BEFORE).isoformat()}

        async def all_there() -> bool:
            async with httpx.AsyncClient(timeout=20) as http:
                answer = await http.get(f"{self.service.url}/api/v1/completeness", params=since)
            found.clear()
            for row in answer.json()["rows"]:
                if row["missed"]:
                    topic = f"dc/v1/{row['source']}"
                    found[topic] = found.get(topic, 0) + row["missed"]
            return sum(found.values()) == int(told["missed"])

        await self.service.until(all_there, f"did not tell by publisher what is missing, but {found}")
        return found

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The service stands still inside (SIGSTOP): it is connected, but takes and acknowledges nothing."""
        process = self.service.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        while not _stands_still(process.pid):
            time.sleep(0.001)
        try:
            yield
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)

    async def stopped(self) -> None:
        """SIGTERM; fails unless the service ends with 0."""
        code = await asyncio.to_thread(self.service.stop)
        assert code == 0, self.service.tail()

    async def gave_up(self) -> int:
        """Return once the service has ended by itself; its exit code."""
        process = self.service.process
        assert process is not None

        async def is_over() -> bool:
            return process.poll() is not None

        await eventually(is_over, PATIENCE)
        return int(process.returncode)

    async def ended(self, how: str) -> None:
        """The service is ``asked to end`` or ``killed``."""
        if how == "killed":
            self.service.kill()
        else:
            await self.stopped()

    async def ledger(self) -> Ledger:
        """Hold DuckDB's rows against what was sent, once the service's own accounts agree with them.

        Its minutes and its account of completeness are held against the same. It is stopped in good order.
        """
        last: list[str] = []

        async def agreed() -> bool:
            last[:] = await self._disagreements()
            return not last

        try:
            await self.service.until(agreed, "did not agree with its rows", PATIENCE)
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\n{len(last)} differ, such as {last[:5]}")
        await self.stopped()
        return Ledger(self.load.account, GPUS, await in_duckdb(self.service.data_dir))

    async def _disagreements(self) -> list[str]:
        """Where the accounts are not what the rows are, in all that a kill in this moment would leave."""
        told, account = await self.ingest(), self.load.account
        with tempfile.TemporaryDirectory(dir=self.service.data_dir.parent) as folder:
            image = Path(folder, "image")
            with self.frozen():
                shutil.copytree(self.service.data_dir, image)
            ledger = Ledger(account, GPUS, await in_duckdb(image))
            minutes = wrong_minutes(ledger, account, GPUS, await minutes_in_duckdb(image))
            return minutes + wrong_sums(ledger, GPUS, told, await completeness_on_disk(image))

    async def _published(self, so_far: Callable[[], int], more: int) -> None:
        wanted = so_far() + more

        async def enough() -> bool:
            assert self.run is not None, "publish first"
            if self.run.done():
                self.run.result()
            return so_far() >= wanted

        await eventually(enough, PATIENCE)


@asynccontextmanager
async def scene(
    folder: Path,
    broker: Server,
    /,
    *,
    rate: float = 800,
    through: int | None = None,
    publish_through: int | None = None,
    **tables: Any,
) -> AsyncIterator[Scene]:
    """Broker and service run inside; either may reach the broker through a port that stands before it."""
    address = {"url": f"mqtt://127.0.0.1:{through or broker.port}"}
    configuration = {
        "auth": {"anonymous": "viewer"},
        "store": [SEALS],
        **tables,
        "broker": address | tables.get("broker", {}),
    }
    load = LoadOptions(
        port=publish_through or broker.port,
        nodes=100,
        connections=4,
        rate=rate,
        seconds=600,
        gpus=GPUS,
        insist=True,
    )
    clock = ManualClock(SystemClock().now())
    found = Scene(broker, ServiceProcess(folder, configuration), LoadTest(load, clock), clock)
    try:
        broker.start()
        await found.service.start()
        yield found
    finally:
        if found.run is not None:
            found.run.cancel()
            await asyncio.wait([found.run])
        found.service.close()
        broker.kill()


def whole(ledger: Ledger) -> Count:
    """The account of everybody; fails unless each publisher's every message is stored, once."""
    for publisher, count in ledger.publishers.items():
        assert count.sent == count.acknowledged == count.stored > 0, (publisher, count)
        assert count.duplicated == count.missing == count.lost == 0, (publisher, count)
    return ledger.total


def noticed(ledger: Ledger, told: dict[str, Any]) -> Count:
    """The account of everybody; fails unless all that reached the service is stored, once, and all that did
    not was missed by it."""
    count = ledger.total
    assert count.duplicated == 0, count
    assert told["stored_rows"] == GPUS * count.stored, (count, told)
    assert told["received"] * GPUS == told["stored_rows"] + told["duplicates"], (count, told)
    assert told["missed"] == count.missing, (count, told)
    return count


def _stands_still(pid: int) -> bool:
    """Whether every thread of the process has heard of its SIGSTOP."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(one.read_text().rpartition(") ")[2].startswith("T") for one in threads)
