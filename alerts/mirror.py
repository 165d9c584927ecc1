"""Keeps telling what fires to the channels whose receivers would forget it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NoReturn

import structlog

from alerts.book import Book
from alerts.message import Channel, Mirror
from runtime.clock import Clock
from runtime.database import DATABASE_AWAY
from runtime.errors import DeliveryError

log = structlog.get_logger(__name__)


_FAILURES: tuple[type[Exception], ...] = (DeliveryError, TimeoutError, *DATABASE_AWAY)


class Mirrors:
    """Tells each :class:`alerts.message.Mirror` among ``channels``, by the machine's ``clock``."""

    def __init__(self, channels: Mapping[str, Channel], book: Book, clock: Clock) -> None:
        self._mirrors = {name: c for name, c in channels.items() if isinstance(c, Mirror)}
        self._book, self._clock = book, clock

    async def run(self) -> None:
        """Mirror until cancelled; returns at once when no channel needs it."""
        async with asyncio.TaskGroup() as tasks:
            for name, mirror in self._mirrors.items():
                tasks.create_task(self._follow(name, mirror), name=f"mirror {name}")

    async def _follow(self, name: str, mirror: Mirror) -> NoReturn:
        known: str | None = None
        while True:
            error: str | None = None
            try:
                async with asyncio.timeout(mirror.resend.total_seconds()):
                    await mirror.mirror(await self._book.firing(name))
            except _FAILURES as failure:
                error = str(failure) or type(failure).__name__
            if error is not None and error != known:
                log.warning("mirror_failed", channel=name, error=error)
            known = error
            await self._clock.sleep_until(self._clock.now() + mirror.resend)
