"""One running process: its components, its door, its signs of life."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from dashboards.server import WebServer
from dashboards.users import Users
from roles.doorplate import serve
from roles.ground import Ground
from roles.station import Station
from runtime.beats import Beats, Process, Pulse
from runtime.lifecycle import Component, run_all
from runtime.version import VERSION


@dataclass
class RoleProcess:
    """A process with one role. ``components`` run in this order and stop in the opposite one.

    ``people`` is given where people sign in: the first start makes the first of them.
    """

    data_dir: Path
    server: WebServer
    pulse: Pulse
    components: list[Component]
    people: Users | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def serve(self) -> None:
        """Answer until cancelled; others learn where from the next sign of life."""
        serving = asyncio.create_task(serve(self.server, self.data_dir, self.started))
        telling = asyncio.create_task(self._tell_where())
        try:
            await serving
        finally:
            for task in (serving, telling):
                task.cancel()
            await asyncio.gather(serving, telling, return_exceptions=True)

    async def first_login(self) -> tuple[str, str] | None:
        """Name and password of the first operator when there is nobody yet; else None."""
        return None if self.people is None else await self.people.ensure_first()

    async def run(self, stop: asyncio.Event) -> None:
        """Run every component until ``stop`` is set or an essential one ends."""
        await run_all(self.components, stop)

    async def _tell_where(self) -> None:
        await self.started.wait()
        self.pulse.answers_at(self.server.url)


def pulse_of(base: Ground, station: Station, beats: Beats, tell: Callable[[], Awaitable[str]]) -> Pulse:
    """The signs of life of the process at ``station``."""
    name = station.name(base.settings.service)
    return Pulse(beats, Process(name, station.role, VERSION, base.wall.now()), tell)
