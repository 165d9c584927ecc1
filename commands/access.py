"""The API for a verb: that of the running service, or of one that is started for the verb alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from commands.alone import alone
from commands.demo import Build
from commands.running import Running, running
from roles.station import has_roles, served_from
from runtime.errors import ServiceError
from settings import Configuration

Work = Callable[[Running, Configuration], Awaitable[None]]


async def with_api(build: Build, configuration: Configuration, work: Work) -> None:
    """Do ``work`` against the service on the configured data directory: of several processes, a web one.

    If none runs, and one process does everything, its pages are served for the time of ``work``: on what has
    arrived and is settled so far. Raises ServiceError for what the API refuses, and when the data directory
    cannot be served.
    """
    service_options = configuration.settings.service
    data_dir, url = service_options.data_dir, service_options.database_url
    for folder in served_from(data_dir):
        async with running(folder, url) as api:
            if api is not None:
                await work(api, configuration)
                return
    if configuration.settings.shard or has_roles(data_dir):
        raise ServiceError(
            f"no web process answers on this machine for {data_dir}: start one (run --role web), or use the "
            "API of one that runs elsewhere"
        )
    here = configuration.listening_on("127.0.0.1:0")
    async with build(here, None) as service, alone(service), running(data_dir, url) as api:
        assert api is not None, "it has just started"
        await work(api, configuration)
