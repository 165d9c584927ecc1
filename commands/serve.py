"""``service.py run``: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from commands.demo import Build
from commands.say import say
from runtime.errors import ServiceError, SourceError
from runtime.lifecycle import Component
from settings import Configuration
from simulator.broker import EmbeddedBroker


async def run_service(build: Build, configuration: Configuration, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set; at the very first start print the first operator's login, this once."""
    broker = configuration.settings.broker
    async with AsyncExitStack() as opened:
        if broker.embedded:
            try:
                await opened.enter_async_context(EmbeddedBroker(broker.port))
            except SourceError as error:
                raise ServiceError(f"[broker] url: {error}") from error
        service = await opened.enter_async_context(build(configuration, None))

        async def welcome() -> None:
            await service.started.wait()
            say(f"address: {service.server.url}")
            login = await service.users.ensure_first()
            if login is not None:
                say(f"login: {login[0]} {login[1]}")

        service.components.append(Component("welcome", welcome, essential=False))
        await service.run(stop)
