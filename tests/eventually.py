"""Wait for a condition without a fixed sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(probe: Callable[[], Awaitable[T]], patience: float = 60.0) -> T:
    """Ask ``probe`` until its answer is true; the answer. Raises TimeoutError after ``patience`` seconds."""
    async with asyncio.timeout(patience):
        while not (answer := await probe()):  # noqa: ASYNC110 - what is waited for sets no event here
            await asyncio.sleep(0.002)
        return answer
