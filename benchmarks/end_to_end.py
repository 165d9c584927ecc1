"""The whole service under load: mosquitto, ``service.py run`` and thousands of nodes on one machine.

Prints a table: messages a second held with acknowledgement after commit, CPU per message of service and
broker, backlog, memory, start time, page weight and time to charts. ``--write FILE`` puts the table between
the marks ``<!-- end_to_end -->`` and ``<!-- /end_to_end -->`` of a document.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from playwright.async_api import async_playwright

from runtime.clock import SystemClock
from simulator.loadtest import LoadOptions, LoadResult, LoadTest
from tests.acceptance.client import Client, token
from tests.acceptance.service_process import ServiceProcess
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, binary

_MB = 1 << 20
_MARKS = "<!-- end_to_end -->", "<!-- /end_to_end -->"
_SITE = {
    "name": "Load test",
    "zone": "Europe/Warsaw",
    "grid": "PL",
    "meter": [
        {"id": "main-1", "role": "utility"},
        {"id": "ups-a", "role": "it", "category": "pue1"},
    ],
}


@dataclass
class Watched:
    """What is read once a second while the load runs: messages without acknowledgement, MB of memory."""

    backlog: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """A cold load: kB over the wire, and seconds until its first chart is drawn."""

    weight_kb: float
    charts_s: float


@dataclass(frozen=True)
class Measured:
    """One run; CPU in microseconds per message, times in seconds."""

    result: LoadResult
    watched: Watched
    service_us: float
    broker_us: float
    caught_up_s: float
    start_s: float
    page: Page
    told: dict[str, Any]


def tables(port: int) -> dict[str, Any]:
    """The service's configuration: one site, DuckDB, everybody on this machine may read."""
    return {
        "broker": {"url": f"mqtt://127.0.0.1:{port}"},
        "store": [{"type": "duckdb"}],
        "auth": {"anonymous": "viewer"},
        "sites.loadtest": _SITE,
    }


async def measure(options: LoadOptions, folder: Path, broker: Server) -> Measured:
    """Start the service, load it, wait until it has caught up, look at its page."""
    service = ServiceProcess(folder, tables(broker.port))
    began = time.perf_counter()
    try:
        await service.start()
        start_s = time.perf_counter() - began
        client = Client(service, token(service, "viewer"))
        assert service.process is not None
        assert broker.process is not None
        processes = [psutil.Process(service.process.pid), psutil.Process(broker.process.pid)]
        before = [_cpu(process) for process in processes]
        watched, load = Watched(), LoadTest(options, SystemClock())
        watching = asyncio.create_task(_watch(client, processes[0], load, watched))
        result = await load.run()
        ended = time.perf_counter()
        watching.cancel()
        everything = f"did not store {result.rows} rows"
        await service.until(lambda: _all_in(client, result), everything, 120)
        caught_up_s = time.perf_counter() - ended
        cost = [1e6 * (_cpu(p) - b) / result.sent for p, b in zip(processes, before, strict=True)]
        page = await look(service.url)
        told = client.ingest()
        client.close()
    finally:
        service.close()
    return Measured(result, watched, cost[0], cost[1], caught_up_s, start_s, page, told)


async def look(url: str) -> Page:
    """Load the overview with an empty cache in Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=binary("chromium", "chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        session = await page.context.new_cdp_session(page)
        sizes: list[float] = []
        await session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        began = time.perf_counter()
        await page.goto(url)
        await page.wait_for_selector(".u-wrap canvas")
        charts_s = time.perf_counter() - began
        await page.wait_for_load_state("load")
        await browser.close()
    return Page(sum(sizes) / 1000, charts_s)


async def _watch(client: Client, service: psutil.Process, load: LoadTest, into: Watched) -> None:
    while True:
        await asyncio.sleep(1)
        told = await asyncio.to_thread(client.ingest)
        into.backlog.append(load.sent - told["acknowledged"])
        into.memory.append(service.memory_info().rss / _MB)


async def _all_in(client: Client, result: LoadResult) -> bool:
    told = await asyncio.to_thread(client.ingest)
    return bool(told["stored_rows"] == result.rows and told["acknowledged"] == result.sent)


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def lines(options: LoadOptions, found: Measured) -> list[tuple[str, str]]:
    """The rows of the table: what, and how much."""
    result, watched = found.result, found.watched
    backlog = sum(watched.backlog) / max(1, len(watched.backlog))
    held = result.sent / (result.seconds + max(0.0, found.caught_up_s - 1.0))
    cores = result.rate / 1e6
    told, page = found.told, found.page
    odd = sum(told["rejected"].values()) + told["late"] + told["duplicates"]
    return [
        ("load", f"{options.rate:,.0f} messages/s of 8 GPUs, {result.bytes / result.sent:.0f} B, QoS 1"),
        ("sent, and acknowledged after commit", f"{result.sent:,} in {result.seconds:.0f} s"),
        ("held", f"{held:,.0f} messages/s"),
        ("CPU of the service, socket to DuckDB", _cost(found.service_us, cores)),
        ("CPU of mosquitto", _cost(found.broker_us, cores)),
        ("CPU of the load", _cost(result.cpu_us_per_message, cores)),
        ("messages without acknowledgement, mean", f"{backlog:,.0f}"),
        ("messages without acknowledgement, most", f"{max(watched.backlog, default=0):,}"),
        ("delay of the acknowledgement, mean", f"{1000 * backlog / result.rate:.0f} ms"),
        ("all stored after the last message", f"{found.caught_up_s:.1f} s"),
        ("memory of the service, most", f"{max(watched.memory, default=0):.0f} MB"),
        ("rows rejected, late or twice", str(odd)),
        ("start to ready", f"{found.start_s:.1f} s"),
        ("overview page, cold, over the wire", f"{page.weight_kb:.0f} kB"),
        ("overview page, cold, to its first chart", f"{page.charts_s:.1f} s"),
    ]


def _cost(microseconds: float, messages_per_microsecond: float) -> str:
    return f"{microseconds:.0f} µs/message, {microseconds * messages_per_microsecond:.2f} cores"


def table(rows: Sequence[tuple[str, str]]) -> str:
    """``rows`` as a Markdown table."""
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows)])


def rewrite(document: Path, text: str) -> None:
    """Put ``text`` between the marks of ``document``."""
    begin, end = _MARKS
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    old = document.read_text(encoding="utf-8")
    document.write_text(pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", old), encoding="utf-8")


async def run(options: argparse.Namespace) -> None:
    """Measure and print; write when asked to."""
    with tempfile.TemporaryDirectory() as folder:
        broker = mosquitto(Path(folder))
        broker.start()
        try:
            load = LoadOptions(
                port=broker.port,
                nodes=options.nodes,
                rate=options.rate,
                seconds=options.seconds,
                connections=options.connections,
            )
            rows = lines(load, await measure(load, Path(folder), broker))
        finally:
            broker.stop()
    sys.stdout.write(table(rows) + "\n")
    if options.write is not None:
        rewrite(options.write, table(rows))


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=12_500)
    parser.add_argument("--rate", type=float, default=12_500)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--write", type=Path, help="the document whose table is to be rewritten")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
