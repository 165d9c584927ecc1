"""Recorded messages as a source: history goes through the same pipeline as what arrives today."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from collectors.source import Message
from runtime.errors import SourceError

BATCH = 2_000
"""Messages handed out at once; the next ones are fetched after these are acknowledged."""


class ReplaySource:
    """Implements :class:`collectors.source.MessageSource` over any asynchronous iterator of (topic, payload).

    ``exhausted`` is set once the iterator has ended and everything was acknowledged. A recording is always
    ``connected`` until then, and takes no messages.
    """

    session_gaps = 0
    problem = None

    def __init__(self, messages: AsyncIterator[tuple[str, bytes]], batch: int = BATCH) -> None:
        self._messages = messages
        self.window = self._batch = batch
        self._open = 0
        self._settled = asyncio.Event()
        self._settled.set()
        self._ended = False
        self.exhausted = asyncio.Event()
        self.acknowledged = 0
        """Messages acknowledged so far."""

    @property
    def connected(self) -> bool:
        """Whether there is, or may be, more to come."""
        return not self.exhausted.is_set()

    @property
    def share(self) -> float | None:
        """How much of the recording was fetched, 0 to 1, if the iterator tells (attribute ``share``)."""
        share = getattr(self._messages, "share", None)
        return None if share is None else float(share)

    async def run(self) -> None:
        """Nothing to keep alive: waits until it is cancelled."""
        await asyncio.Event().wait()

    async def receive(self) -> list[Message]:
        """The next batch, once the last one was acknowledged; waits for ever after the end."""
        await self._settled.wait()
        messages: list[Message] = []
        while not self._ended and len(messages) < self._batch:
            try:
                topic, payload = await anext(self._messages)
            except StopAsyncIteration:
                self._ended = True
            else:
                messages.append(Message(topic, payload))
        if not messages:
            self.exhausted.set()
            await asyncio.Event().wait()
        self._open = len(messages)
        self._settled.clear()
        return messages

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """Count these as safe; the next batch is fetched when all of this one are."""
        self._open -= len(messages)
        self.acknowledged += len(messages)
        if self._open <= 0:
            self._settled.set()
            if self._ended:
                self.exhausted.set()
        return len(messages)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Always raises SourceError."""
        raise SourceError(f"a recording takes no messages: nothing is published to {topic}")
