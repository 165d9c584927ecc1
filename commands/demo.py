"""``service.py demo``: broker, simulator, service and a month of history, in one process."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import webbrowser
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from collectors.connect import open_decoder
from collectors.mqtt import MqttCollector
from collectors.sources.replay import ReplaySource
from commands.say import say
from commands.showcase import furnish
from commands.welcome import Welcome, tell_loading
from dashboards.server import WebServer
from dashboards.users import Users
from runtime.clock import Clock, ReplayClock, SystemClock, from_ms
from runtime.lifecycle import Component
from runtime.log import hushed
from settings import Configuration, resolve
from simulator.broker import EmbeddedBroker
from simulator.demo import Demo, beginning
from simulator.history import History
from telemetry.ingest import Ingest
from telemetry.journal import Journal

log = structlog.get_logger(__name__)

CONFIGURATION = "amberwatt.json"
"""Where the demo keeps what it is configured by, so that the other commands can be pointed at it."""


class Service(Protocol):
    """What the commands need of the service that was built."""

    journal: Journal
    ingest: Ingest
    users: Users
    server: WebServer
    started: asyncio.Event
    clock: Clock
    components: list[Component]
    quiet_components: list[Component]
    caught_up: Callable[[], Awaitable[None]]
    history: Callable[[], float | None]

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set."""
        ...


Build = Callable[[Configuration, Clock | None], AbstractAsyncContextManager[Service]]


@dataclass(frozen=True)
class DemoOptions:
    """Where the demo lives; ``port`` 0 takes a free one."""

    port: int
    data_dir: Path
    browser: bool


async def run_demo(build: Build, options: DemoOptions, stop: asyncio.Event) -> None:
    """Load what is missing of the last 31 days through the service's own pipeline, then go live."""
    wall = SystemClock()
    demo = Demo.open(options.data_dir, wall.now())
    async with EmbeddedBroker(0) as broker:
        tables = demo.settings(broker.port, _free(options.port))
        configuration = resolve(tables)
        file = options.data_dir / CONFIGURATION
        file.write_text(json.dumps(tables, indent=2, ensure_ascii=False), encoding="utf-8")
        await furnish(configuration, wall.now())
        clock = ReplayClock(beginning(wall.now()), wall)
        async with build(configuration, clock) as service:
            history = demo.history(wall.now(), _newest(service.journal))
            loader = _Loader(service, history, clock)
            service.history = loader.share

            async def play() -> None:
                await loader.run()
                await demo.live(broker.port, wall, history.end)

            service.components.append(Component("simulator", play))
            service.components.append(
                Component("welcome", lambda: _welcome(service, options, loader), essential=False)
            )
            await service.run(stop)


class _Loader:
    """Feeds the recorded past to the ingest as if it had just arrived."""

    def __init__(self, service: Service, history: History, clock: ReplayClock) -> None:
        self._history, self._clock = history, clock
        self._source = ReplaySource(aiter(history))
        decoder = open_decoder("native", service.journal.registry)  # the simulator's, whatever is configured
        self._collector = MqttCollector(self._source, decoder, service.ingest, clock)
        self.days = (history.end - history.start) / timedelta(days=1)
        self.loaded = asyncio.Event()

    def share(self) -> float | None:
        """Share loaded; None once the demo is live."""
        return None if self._clock.live else self._history.share

    async def run(self) -> None:
        """Return when all is loaded and acknowledged; from then on the clock is the machine's.

        Meanwhile only warnings are logged: what happened in a month would bury the login.
        """
        began = asyncio.get_running_loop().time()
        collecting = asyncio.create_task(self._collector.run(), name="history")
        exhausted = asyncio.create_task(self._source.exhausted.wait())
        try:
            with hushed():
                await asyncio.wait({collecting, exhausted}, return_when=asyncio.FIRST_COMPLETED)
            if collecting.done():
                collecting.result()
        finally:
            for task in (exhausted, collecting):
                task.cancel()
            await asyncio.gather(exhausted, collecting, return_exceptions=True)
        self._clock.go_live()
        self.loaded.set()
        log.info("history_loaded", seconds=round(asyncio.get_running_loop().time() - began, 1))


async def _welcome(service: Service, options: DemoOptions, loader: _Loader) -> None:
    await service.started.wait()
    welcome = await Welcome.prepare(service.users, service.server.url, options.data_dir / CONFIGURATION)
    welcome.tell()
    first = service.history() is not None and loader.days > 1 / 24
    if first:
        say(f"Loading {loader.days:.1f} days of history; the pages fill meanwhile. Stop with Ctrl-C.")
    if options.browser and sys.stdout.isatty():
        await asyncio.to_thread(webbrowser.open, service.server.url)
    await (tell_loading(service.history, loader.loaded) if first else loader.loaded.wait())
    welcome.tell_ready(loader.days)


def _newest(journal: Journal) -> datetime | None:
    return None if journal.newest_ms is None else from_ms(journal.newest_ms)


def _free(port: int) -> int:
    """``port``, or a free one when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            say(f"port {port} is in use; taking a free one")
            return 0
        return port
