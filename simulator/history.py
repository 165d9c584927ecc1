"""A recorded past of the model, as an asynchronous stream that says how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from runtime.clock import from_ms
from simulator.messages import Cadence, Encoding, Message, chunks
from simulator.model import Model


class History:
    """All messages of ``start <= t < end`` in the order of their time; iterate it once.

    ``share`` (0..1) is how much of the period has been handed out, ``at`` the time of the newest message.
    Chunks are computed in a thread, so the event loop stays free for whoever stores them.
    """

    def __init__(
        self,
        model: Model,
        start: datetime,
        end: datetime,
        cadence: Cadence | None = None,
        encoding: Encoding | None = None,
    ) -> None:
        self.start, self.end = start, end
        self.at = start
        self.share = 0.0 if start < end else 1.0
        self._chunks = chunks(model, start, end, cadence, encoding)

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (chunk := await asyncio.to_thread(next, self._chunks, None)) is not None:
            for at_ms, topic, payload in chunk:
                yield topic, payload
                self._reached(from_ms(at_ms))
        self.share = 1.0

    def _reached(self, at: datetime) -> None:
        if at > self.at:
            self.at = at
            self.share = (at - self.start) / (self.end - self.start)
