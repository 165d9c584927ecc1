"""A real PostgreSQL that is shared, restarted, killed, cut off and silent: it costs time and nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from runtime import database as runtime_database
from runtime.database import DATABASE_AWAY, Database
from runtime.errors import ConfigError
from runtime.migrate import differences, open_database
from runtime.tables import job, job_run
from tests.databases import fresh
from tests.eventually import eventually
from tests.integration.claiming import START
from tests.servers.cable import Cable
from tests.servers.postgres import Postgres, new_postgres, shared_postgres

ROOT = Path(__file__).parents[2]
RUNS = 60


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of its own that may be restarted and killed."""
    server = new_postgres()
    server.start()
    yield server
    server.close()


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh("postgresql", tmp_path) as found:
        yield found


async def test_processes_that_start_at_once_on_an_empty_database_run_each_due_time_once(
    tmp_path: Path,
) -> None:
    name = shared_postgres().create()
    url = shared_postgres().url(name)
    workers = [await _worker(url, f"worker-{n}") for n in range(2)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"go\n")
    done = await asyncio.gather(*(worker.communicate() for worker in workers))
    assert [worker.returncode for worker in workers] == [0, 0]
    ran = [[int(number) for number in out.split()] for out, _ in done]
    assert sorted(ran[0] + ran[1]) == list(range(1, RUNS + 1))
    database = Database(url)
    assert await differences(database) == []
    async with database.read() as db:
        assert await db.scalar(select(func.count()).where(job_run.c.state == "done")) == RUNS
    await database.close()
    shared_postgres().drop(name)


async def _worker(url: str, name: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.claiming", url, name, str(RUNS),
        cwd=ROOT, stdin=pipe, stdout=pipe,
    )  # fmt: skip
    assert worker.stdout is not None
    async with asyncio.timeout(60):
        assert await worker.stdout.readline() == b"ready\n"
    return worker


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_goes_in_the_middle_is_away_and_then_back_with_what_was_committed(
    server: Postgres, how: str
) -> None:
    database = await open_database(server.url(server.create()))
    async with database.begin() as db:
        await db.execute(insert(job).values(name="kept", until=START))
    working = asyncio.create_task(_work(database))
    await eventually(lambda: _at_work(server))
    await asyncio.to_thread(getattr(server, how))
    with pytest.raises(DATABASE_AWAY):
        await working
    with pytest.raises(DATABASE_AWAY):
        await _names(database)
    starting = asyncio.create_task(asyncio.to_thread(server.start))
    while not starting.done():
        with suppress(*DATABASE_AWAY):  # refused at first, then "the database system is starting up"
            await _names(database)
        await asyncio.sleep(0)
    await starting
    assert await _names(database) == ["kept"]
    await database.close()


async def _work(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(insert(job).values(name="lost", until=START))
        await db.execute(text("SELECT pg_sleep(600)"))


async def _at_work(server: Postgres) -> bool:
    ask = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    )
    return (await asyncio.to_thread(server.execute, ask)).strip() == "1"


async def _names(database: Database) -> list[str]:
    async with database.read() as db:
        return list((await db.scalars(select(job.c.name))).all())


async def test_a_restart_between_two_questions_is_not_noticed(server: Postgres) -> None:
    database = await open_database(server.url(server.create()))
    await asyncio.gather(*(_names(database) for _ in range(5)))
    await asyncio.to_thread(server.restart)
    await asyncio.gather(*(_names(database) for _ in range(5)))
    await database.close()


async def test_a_server_that_falls_silent_is_away_and_told_in_words(
    state: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {**runtime_database.PATIENCE, "timeout": 2, "command_timeout": 0.5}
    monkeypatch.setattr(runtime_database, "PATIENCE", quick)
    server = shared_postgres()
    async with Cable(server.port) as cable:
        database = Database(state.url.replace(str(server.port), str(cable.port)))
        assert await _names(database) == []
        cable.go_dead()
        with pytest.raises(DATABASE_AWAY, match="does not answer"):
            await _names(database)
        assert await _names(database) == []
        cable.cut()
        assert await _names(database) == []
        await database.close()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgres@127.0.0.1:{port}/nowhere", 'database "nowhere" does not exist'),
        ("stranger:hunter2@127.0.0.1:{port}/postgres", "password authentication failed"),
        ("postgres:hunter2@127.0.0.1:1/postgres", "onnect"),
        ("postgres:hunter2@127.0.0.1:{port}/postgres?nonsense=hunter2", "nonsense"),
        ("postgres:hunter2@127.0.0.1:{port}/postgres?ssl=require", "rejected SSL"),
    ],
)
async def test_what_is_wrong_with_the_address_is_told_without_its_password(address: str, told: str) -> None:
    url = "postgresql+asyncpg://" + address.format(port=shared_postgres().port)
    with pytest.raises(ConfigError) as caught:
        await open_database(url)
    assert "service.database: " in str(caught.value)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_role_that_may_not_make_tables_is_told_so() -> None:
    server = shared_postgres()
    name = server.create()
    server.execute("CREATE ROLE reader LOGIN PASSWORD 'hunter2'")
    with pytest.raises(ConfigError, match="permission denied"):
        await open_database(server.url(name).replace("postgres@", "reader:hunter2@"))
    server.drop(name)
    server.execute("DROP ROLE reader")
