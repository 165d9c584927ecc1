"""``service.py run``: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from commands.demo import Build
from commands.say import say
from dashboards.server import WebServer
from roles.station import Station
from runtime.clock import Clock
from runtime.errors import ServiceError, SourceError
from runtime.lifecycle import Component
from settings import Configuration
from simulator.broker import EmbeddedBroker


class Running(Protocol):
    """What running a process needs of what was built."""

    server: WebServer
    started: asyncio.Event
    components: list[Component]

    async def first_login(self) -> tuple[str, str] | None:
        """Name and password of the first operator when there is nobody yet; else None."""
        ...

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set."""
        ...


BuildRole = Callable[[Configuration, Clock | None, Station], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True)
class Builders:
    """How to build everything in one process, and how to build the process at a station."""

    whole: Build
    role: BuildRole


async def run_service(
    build: BuildRole, configuration: Configuration, station: Station, stop: asyncio.Event
) -> None:
    """Run until ``stop`` is set; at the very first start print the first operator's login, this once."""
    station.check(configuration)
    broker = configuration.settings.broker
    async with AsyncExitStack() as opened:
        if broker.embedded:
            try:
                await opened.enter_async_context(EmbeddedBroker(broker.port))
            except SourceError as error:
                raise ServiceError(f"[broker] url: {error}") from error
        service = await opened.enter_async_context(build(configuration, None, station))

        async def welcome() -> None:
            await service.started.wait()
            say(f"address: {service.server.url}")
            login = await service.first_login()
            if login is not None:
                say(f"login: {login[0]} {login[1]}")

        service.components.append(Component("welcome", welcome, essential=False))
        await service.run(stop)
