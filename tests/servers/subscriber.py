"""A collector that takes messages and never acknowledges one, as a process of its own: to be killed."""

from __future__ import annotations

import asyncio
import sys

from collectors.connect import open_source
from collectors.source import BrokerOptions


async def take(options: BrokerOptions, wanted: int) -> None:
    """Receive ``wanted`` messages, say so on standard output, and wait to be killed."""
    source = open_source(options)
    running = asyncio.create_task(source.run())
    count = 0
    while count < wanted:
        count += len(await source.receive())
    while not source.connected:  # noqa: ASYNC110 - the port has no event for it
        await asyncio.sleep(0.005)
    sys.stdout.write("holding\n")
    sys.stdout.flush()
    await running


if __name__ == "__main__":
    asyncio.run(take(BrokerOptions.model_validate_json(sys.argv[1]), int(sys.argv[2])))
