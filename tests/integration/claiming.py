"""A process that claims due times in a race: ``claiming.py URL NAME COUNT`` prints which it got."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from runtime.clock import SystemClock
from runtime.migrate import open_database
from runtime.runs import Claim, RunTable

START = datetime(2026, 10, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


async def main(url: str, name: str, count: int) -> None:
    """Open the database as a service does, wait for a line, then claim and finish until all is decided."""
    database = await open_database(url)
    table = RunTable(database, name, SystemClock(), timedelta(seconds=60))
    await table.begin("settle", START)
    print("ready", flush=True)  # noqa: T201 - the test reads it
    await asyncio.to_thread(sys.stdin.readline)
    for number in range(1, count + 1):
        due = START + number * QUARTER
        while (claim := await table.claim("settle", due)) is Claim.HELD:
            pass
        if claim is Claim.MINE:
            print(number, flush=True)  # noqa: T201 - the test reads it
            await table.finish("settle", due, None)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
