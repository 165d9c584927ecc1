"""A process that works while it has the lease: ``python -m tests.integration.leasing URL OWNER LOG``."""

from __future__ import annotations

import asyncio
import os
import sys

from runtime.database import Database
from runtime.lease import Lease, Terms

TERMS = Terms(valid=2.0, renew=0.3, stopping=0.5)


async def main(url: str, owner: str, log: str) -> None:
    """Append ``OWNER begins`` and ``OWNER ends`` to the file ``log`` until it is told to stop."""

    def note(what: str) -> None:
        with open(log, "ab", buffering=0) as file:
            os.write(file.fileno(), f"{owner} {what}\n".encode())

    async def work() -> None:
        note("begins")
        try:
            await asyncio.Event().wait()
        finally:
            note("ends")

    database = Database(url)
    try:
        await Lease(database, "jobs", owner, TERMS).run(work)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
