"""A process is killed between the decision and the delivery of an alarm; the next one makes good for it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerts import tables
from alerts.book import Book
from alerts.compose import Composer
from alerts.outbox import Outbox
from runtime.clock import SystemClock
from runtime.database import Database
from tests.eventually import eventually
from tests.integration.deciding import AT, options
from tests.servers.smtp import MailServer
from tests.unit.alerts.verdicts import verdict

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await database.create_all()
    yield database
    await database.close()


async def killed(url: str, port: int, where: str) -> None:
    """Run the deciding process up to ``where`` and SIGKILL it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.deciding", url, str(port), where,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    async with asyncio.timeout(60):
        while (line := await child.stdout.readline()) != b"now\n":
            assert line, "the process ended by itself"
    child.send_signal(signal.SIGKILL)
    await child.wait()


async def delivered(database: Database) -> bool:
    async with database.read() as db:
        return bool(await db.scalar(select(func.count()).where(tables.outbox.c.delivered_at.is_not(None))))


@pytest.mark.parametrize(("where", "mails"), [("before", 1), ("within", 2)])
async def test_every_decision_is_delivered_and_known_by_one_key(
    database: Database, mail_server: MailServer, where: str, mails: int
) -> None:
    await killed(database.url, mail_server.port, where)
    configured = options(mail_server.port)
    book = Book(database, configured.router(), Composer({}, "http://x"))
    await book.record("pue_limit", [verdict(True)], AT)
    outbox = Outbox(database, configured.channels(), SystemClock(), owner="main")
    work = asyncio.create_task(outbox.run())
    await eventually(lambda: delivered(database))
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert len(mail_server.mails) == mails
    assert {m["Message-ID"] for m in mail_server.mails} == {mail_server.mails[0]["Message-ID"]}
    assert mail_server.mails[0]["X-Amberwatt-Key"] == "pue/gdansk#1.1@mail"
