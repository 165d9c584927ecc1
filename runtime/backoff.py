"""Exponential backoff with full jitter, so that a thousand clients do not return in step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

CEILING_S = 10.0
"""How long whoever is back may stand unnoticed at most. One service asks a server that is away six to twelve
times a minute then, which costs neither of them anything, and who mends one does not wait for a minute."""

_MOST_DOUBLINGS = 60
"""More would overflow after some hours of trying; every ceiling is reached long before."""


@dataclass
class Backoff:
    """Delays in seconds: up to ``first``, then twice that, up to ``ceiling``; :meth:`reset` on success."""

    first: float = 0.5
    ceiling: float = CEILING_S
    _attempt: int = field(default=0, init=False)

    def next(self) -> float:
        """The next delay: between half and all of the doubled step."""
        step = min(self.ceiling, self.first * 2.0 ** min(self._attempt, _MOST_DOUBLINGS))
        self._attempt += 1
        return step * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start again from ``first``."""
        self._attempt = 0


async def insist(
    work: Callable[[], Awaitable[None]],
    on: tuple[type[Exception], ...],
    attempts: int = 24,
    backoff: Backoff | None = None,
) -> None:
    """Do ``work`` again after a failure that may pass (``on``); the last of ``attempts`` raises it.

    By default that is after two to three minutes: a database needs as long for a restart on another machine.
    """
    pause = backoff or Backoff()
    for left in reversed(range(attempts)):
        try:
            return await work()
        except on as error:
            if not left:
                raise
            log.warning("tried_again", error=str(error), attempts_left=left)
            await asyncio.sleep(pause.next())
