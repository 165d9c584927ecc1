"""What every process stands on: its own folder, the database, the time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runtime.clock import Clock, ReplayClock, SystemClock, from_ms
from runtime.database import Database
from runtime.lock import exclusive
from runtime.migrate import open_database
from settings import Configuration, Settings
from telemetry.frame import Frame
from telemetry.order import newest_ms


@dataclass(frozen=True)
class Ground:
    """One process's ground. ``opened`` closes what is opened upon it, the last first.

    ``data_dir`` is this process's own and nobody else's; ``clock`` is what time the service believes it is,
    ``wall`` the machine's. ``owner`` names in the database what this process does, over restarts.
    """

    configuration: Configuration
    data_dir: Path
    database: Database
    clock: Clock
    wall: SystemClock
    owner: str
    opened: AsyncExitStack

    @property
    def settings(self) -> Settings:
        """The checked file."""
        return self.configuration.settings


@asynccontextmanager
async def ground(
    configuration: Configuration, data_dir: Path, clock: Clock | None, owner: str
) -> AsyncIterator[Ground]:
    """Take ``data_dir`` for this process and open the database. Raises ConfigError.

    Without ``clock`` it is the machine's, or that of a recording where ``[service] replay_from`` names one.
    """
    service = configuration.settings.service
    async with AsyncExitStack() as opened:
        opened.enter_context(exclusive(data_dir))
        database = await open_database(service.database_url)
        opened.push_async_callback(database.close)
        clock = clock or _clock(service.replay_from)
        yield Ground(configuration, data_dir, database, clock, SystemClock(), owner, opened)


def observing(clock: ReplayClock) -> Callable[[Sequence[Frame]], None]:
    """A listener of the ingest that moves ``clock`` to what has arrived."""

    def observe(frames: Sequence[Frame]) -> None:
        newest = newest_ms(frames)
        if newest is not None:
            clock.observe(from_ms(newest))

    return observe


def _clock(replay_from: datetime | None) -> Clock:
    return SystemClock() if replay_from is None else ReplayClock(replay_from)
