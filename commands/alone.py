"""The pages and the API for the time of one verb, where no service runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from commands.demo import Service
from runtime.errors import ServiceError
from runtime.lifecycle import run_all

LOOK_S = 0.5
"""How often a verb that waits for the store looks whether that fails."""


@asynccontextmanager
async def alone(service: Service) -> AsyncIterator[None]:
    """Serve pages and API while the block runs; nothing is taken in from the broker, settled or told.

    What the broker keeps is not known here, so a quarter-hour that looks missing may yet be complete.
    Raises ServiceError when the store cannot take over what the journal holds, and what a component raises.
    """
    stop = asyncio.Event()
    running = asyncio.create_task(run_all(service.quiet_components, stop), name="serve alone")
    ready = asyncio.create_task(_readable(service), name="catch up")
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await running
            raise ServiceError("the pages ended before they could be asked; the log tells why")
        await ready
        yield
    finally:
        stop.set()
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)
        await running


async def _readable(service: Service) -> None:
    """Return once the pages are served and the store that is read holds all that the journal does."""
    await service.started.wait()
    waiting = asyncio.ensure_future(service.caught_up())
    try:
        while not (await asyncio.wait({waiting}, timeout=LOOK_S))[0]:
            first, *_others, ledger = (await service.ingest.status()).stores
            for store in (first, ledger):
                if store.error is not None:
                    raise ServiceError(f"{store.name} cannot take over what has arrived: {store.error}")
        await waiting
    finally:
        waiting.cancel()
