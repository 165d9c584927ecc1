"""A process with one job that hangs when it is first run: ``working.py URL``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from runtime.clock import ManualClock
from runtime.database import Database
from runtime.schedule import Job, Schedule, every

START = datetime(2026, 10, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


async def hang(due: datetime) -> None:
    """Say that the job runs, and wait for the end."""
    if due == START + 2 * QUARTER:
        print("now", flush=True)  # noqa: T201 - the test reads it
        await asyncio.Event().wait()


async def main(url: str) -> None:
    clock = ManualClock(START + 3 * QUARTER)
    await Schedule(
        [Job("settle", every(QUARTER), hang)], Database(url), clock, epoch=START, owner="main"
    ).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
