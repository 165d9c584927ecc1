"""Gets lines stored: retries what passes, takes out what is bad, stops where a person is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp

from runtime.backoff import Backoff
from runtime.errors import StoreError
from telemetry.influx.answer import Answer, Verdict
from telemetry.influx.deadletter import DeadLetters
from telemetry.influx.dialect import Wire

ATTEMPTS = 4
"""Requests for the same lines before the follower is told; it keeps its place and comes back later."""

_LONGEST_WAIT = 60.0
"""Seconds that a Retry-After is obeyed for at most within one attempt."""


class LineSender:
    """Sends batches of lines over ``wire``; after :meth:`send` each line is stored or a dead letter."""

    def __init__(self, wire: Wire, dead: DeadLetters, where: str, backoff: Backoff | None = None) -> None:
        self._wire = wire
        self._dead = dead
        self._where = where
        self._backoff = backoff or Backoff(first=0.5, ceiling=10.0)
        self._healthy = False

    async def send(self, lines: Sequence[str]) -> None:
        """Store ``lines``. Raises StoreError; then any of them may be stored, and all may be sent again."""
        self._healthy = False
        waiting = [list(lines)] if lines else []
        while waiting:
            part = waiting.pop()
            answer = await self._answer(part)
            if answer.verdict is Verdict.STORED:
                self._healthy = True
            else:
                waiting += reversed(await self._narrow(part, answer))

    async def _answer(self, lines: Sequence[str]) -> Answer:
        """What the server says for good. Raises StoreError when it is out of reach or must be mended."""
        trouble = ""
        for attempt in range(ATTEMPTS):
            wait: float | None = None
            try:
                answer = await self._wire.post(lines)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                trouble = f"cannot be reached: {error or type(error).__name__}"
            else:
                verdict = answer.verdict
                if verdict is Verdict.STOP:
                    raise StoreError(f"{self._where} answered {answer.told}")
                if verdict not in (Verdict.AGAIN, Verdict.ILL):
                    self._backoff.reset()
                    return answer
                last = self._healthy or attempt == ATTEMPTS - 1
                if verdict is Verdict.ILL and last:
                    return answer
                trouble, wait = f"answered {answer.told}", answer.retry_after
            if attempt < ATTEMPTS - 1:
                await asyncio.sleep(min(max(wait or 0.0, self._backoff.next()), _LONGEST_WAIT))
        raise StoreError(f"{self._where} {trouble}")

    async def _narrow(self, lines: list[str], answer: Answer) -> list[list[str]]:
        """What is left to send of ``lines`` after ``answer``, in parts."""
        if answer.verdict is Verdict.BAD:
            named = answer.culprits(lines)
            for reason in sorted(set(named.values())):
                await self._dead.bury([lines[k] for k in named if named[k] == reason], reason)
            if named:
                rest = [line for k, line in enumerate(lines) if k not in named]
                return [rest] if rest else []
        if answer.verdict is Verdict.ILL and not self._healthy:
            await self._probe(lines, answer)
        if len(lines) == 1:
            await self._dead.bury(lines, answer.told)
            return []
        middle = len(lines) // 2
        return [lines[:middle], lines[middle:]]

    async def _probe(self, lines: list[str], answer: Answer) -> None:
        """Whether one line of a batch that the server chokes on goes through. Raises StoreError if not."""
        for line in (lines[0], lines[-1]) if len(lines) > 1 else ():
            if (await self._answer([line])).verdict is Verdict.STORED:
                self._healthy = True
                return
        raise StoreError(f"{self._where} answered {answer.told}")
