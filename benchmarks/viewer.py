"""An open dashboard: follows the live feed over a WebSocket and notes when each tick came."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec


@dataclass(frozen=True)
class Tick:
    """What the feed told at ``came_s`` (of :func:`time.perf_counter`)."""

    came_s: float
    values: dict[str, Any]


class Viewer:
    """One client of ``/ws``; ``ticks`` are all that it was told."""

    def __init__(self, url: str) -> None:
        self.ticks: list[Tick] = []
        self._url = url
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Viewer:
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        failed = self._task.done()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if failed:
            raise ConnectionError(f"the live feed of {self._url} ended before the benchmark did")

    async def _follow(self) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self._url}/ws") as feed:
            async for message in feed:
                told = msgspec.json.decode(message.data)
                if told["type"] == "tick":
                    self.ticks.append(Tick(time.perf_counter(), told["values"]))
