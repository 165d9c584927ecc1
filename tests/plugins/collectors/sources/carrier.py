"""A source that brings one message, and then none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from collectors.source import SOURCES, BrokerOptions, Message
from runtime.errors import SourceError


@SOURCES.add("carrier", BrokerOptions)
class Carrier:
    """Implements :class:`collectors.source.MessageSource`."""

    connected = True
    session_gaps = 0
    problem = None
    window = 1

    def __init__(self, options: BrokerOptions, *, memory: Path | None = None) -> None:
        self._left = [Message("plain/gdansk/main-1", b"412300")]

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def receive(self) -> list[Message]:
        if not self._left:
            await asyncio.Event().wait()
        taken, self._left = self._left, []
        return taken

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        return len(messages)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        raise SourceError("it only brings")
