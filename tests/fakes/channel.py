"""A channel that keeps what it was sent, and fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from alerts.message import AlertMessage


class KeepingChannel:
    """Raises or waits for whatever ``trouble`` gives for a message; otherwise keeps it."""

    def __init__(
        self, trouble: Callable[[AlertMessage], BaseException | asyncio.Event | None] | None = None
    ) -> None:
        self.trouble = trouble or (lambda message: None)
        self.sent: list[AlertMessage] = []
        self.tried: list[str] = []
        self.closed = False

    async def send(self, message: AlertMessage) -> None:
        self.tried.append(message.key)
        trouble = self.trouble(message)
        if isinstance(trouble, asyncio.Event):
            await trouble.wait()
        elif trouble is not None:
            raise trouble
        self.sent.append(message)

    async def close(self) -> None:
        self.closed = True
