"""Gathers messages into batches that are worth a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from collectors.source import Message

SLICE = 0.01
"""Seconds of one wait for more."""

MOST_BYTES = 16 << 20
"""Topics and payloads of one batch: from there on it waits for no more, however few messages it has."""

SLICES = 5
"""Waits for one batch at most: under load a batch is what arrives in 50 ms."""

HASTE, MOST_HASTE = 16, 1_024
"""Batches that are handed over at once after a wait in vain; twice as many after each further one."""


class Receives(Protocol):
    """What a gatherer needs of :class:`collectors.source.MessageSource`."""

    @property
    def window(self) -> int:
        """Messages after which the broker waits for an acknowledgement, as far as we know."""
        ...

    async def receive(self) -> list[Message]:
        """All that has arrived since the last call, at least one."""
        ...


class Gatherer:
    """Takes from a source all that has arrived, and under load waits for more to come with it.

    A commit costs every follower of the journal as much as a hundred messages do, however few it has. So it
    pays to wait a moment while messages keep coming. When none came, it did not: either there are few, or
    the broker's window is full and more come only after an acknowledgement. Then no batch waits for a while.
    """

    def __init__(self, source: Receives, most: int) -> None:
        """``most`` is the size from which on a batch does not wait."""
        self._source = source
        # The other half of the window is for what the broker sends while these are being acknowledged.
        self._most = min(most, source.window // 2)
        self._ahead: asyncio.Task[list[Message]] | None = None
        self._at_once = 0
        self._haste = HASTE

    async def take(self) -> list[Message]:
        """The next batch, at least one message. Raises what the source raises."""
        messages = await self._receive()
        if self._at_once:
            self._at_once -= 1
            return messages
        size = _bytes(messages)
        for _ in range(SLICES):
            if len(messages) >= self._most or size >= MOST_BYTES:
                break
            await asyncio.sleep(SLICE)
            if not await self._has_more():
                self._at_once, self._haste = self._haste, min(2 * self._haste, MOST_HASTE)
                return messages
            more = await self._receive()
            messages, size = messages + more, size + _bytes(more)
        self._haste = HASTE
        return messages

    async def close(self) -> None:
        """Stop receiving; what nobody took is not acknowledged and comes again."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)

    async def _receive(self) -> list[Message]:
        ahead, self._ahead = self._ahead, None
        return await (ahead or self._source.receive())

    async def _has_more(self) -> bool:
        """Whether something is at hand. Nothing is cancelled for it: that could lose a message."""
        self._ahead = asyncio.ensure_future(self._source.receive())
        await asyncio.wait({self._ahead}, timeout=0)
        return self._ahead.done()


def _bytes(messages: Sequence[Message]) -> int:
    return sum(len(one.topic) + len(one.payload) for one in messages)
