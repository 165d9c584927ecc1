"""A process that decides on an alarm and then sends mails until it is killed: ``deciding.py URL PORT HOLD``.

``HOLD`` is where it stops and waits to be killed: ``before`` the delivery, or ``within`` it, after the server
has accepted the mail and before that is recorded.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from alerts.book import Book
from alerts.compose import Composer
from alerts.message import AlertMessage
from alerts.options import AlertOptions
from alerts.outbox import Outbox
from runtime.clock import SystemClock
from runtime.database import Database
from tests.unit.alerts.verdicts import verdict

AT = datetime(2026, 10, 1, 6, tzinfo=UTC)


class Holding:
    """The e-mail channel, which never comes back from a delivery."""

    def __init__(self, options: AlertOptions) -> None:
        self._mail = options.channels()["mail"]

    async def send(self, message: AlertMessage) -> None:
        await self._mail.send(message)
        await hold()

    async def close(self) -> None:
        await self._mail.close()


def options(port: int) -> AlertOptions:
    """One mail channel to ``port``."""
    table = {"type": "email", "name": "mail", "host": "127.0.0.1", "port": port, "to": ["a@example.org"]}
    return AlertOptions.model_validate({"channel": [table]})


async def hold() -> None:
    """Say that the moment has come, and wait for the end."""
    print("now", flush=True)  # noqa: T201 - the test reads it
    await asyncio.Event().wait()


async def main(url: str, port: int, where: str) -> None:
    database, configured = Database(url), options(port)
    book = Book(database, configured.router(), Composer({}, "http://x"))
    await book.record("pue_limit", [verdict(True)], AT)
    if where == "before":
        await hold()
    await Outbox(database, {"mail": Holding(configured)}, SystemClock(), owner="main").run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
