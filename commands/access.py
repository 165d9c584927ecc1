"""The API for a verb: that of the running service, or of one that is started for the verb alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from commands.demo import Build
from commands.running import Running, running
from settings import Configuration

Work = Callable[[Running, Configuration], Awaitable[None]]


async def with_api(build: Build, configuration: Configuration, work: Work) -> None:
    """Do ``work`` against the service on the configured data directory; start its pages if none runs.

    Raises ServiceError for what the API refuses.
    """
    service_options = configuration.settings.service
    data_dir, url = service_options.data_dir, service_options.database_url
    async with running(data_dir, url) as api:
        if api is not None:
            await work(api, configuration)
            return
    alone = configuration.listening_on("127.0.0.1:0")
    async with build(alone, None) as service:
        stop = asyncio.Event()
        service.components = service.quiet_components
        serving = asyncio.create_task(service.run(stop))
        await service.started.wait()
        await service.settle(service.clock.now())
        try:
            async with running(data_dir, url) as api:
                assert api is not None, "it has just started"
                await work(api, configuration)
        finally:
            stop.set()
            await serving
