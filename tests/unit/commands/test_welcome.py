"""Who starts the demo can enter it, and finds how when all is loaded, below everything that was logged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from commands.welcome import Welcome, tell_loading
from dashboards.passwords import Passwords
from dashboards.users import Users
from runtime.clock import ManualClock
from runtime.database import Database

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:8080"


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Users]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await database.create_all()
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield Users(database, ManualClock(NOW), quick)
    await database.close()


async def test_login_and_token_stand_on_lines_of_their_own_and_work(
    users: Users, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (await Welcome.prepare(users, ADDRESS, tmp_path / "amberwatt.json")).tell()
    told = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert told["address"] == ADDRESS
    user, password = told["login"].split()
    assert await users.authenticate(user, password) is not None
    bearer = await users.token_user(told["token"])
    assert bearer is not None
    assert bearer.role == "operator"


async def test_the_last_block_is_ready_and_says_all_of_the_first_again(
    users: Users, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    welcome = await Welcome.prepare(users, ADDRESS, tmp_path / "amberwatt.json")
    welcome.tell()
    first = capsys.readouterr().out.splitlines()
    welcome.tell_ready(31.04)
    gap, ready, *again = capsys.readouterr().out.splitlines()
    assert (gap, again) == ("", first)
    assert ready.startswith("ready: 31.0 days of history are loaded")
    welcome.tell_ready(0.04)
    _, ready, *again = capsys.readouterr().out.splitlines()
    assert ready == "ready: the history is there, and the sites are live. Stop with Ctrl-C."
    assert again == first


async def test_each_run_ends_the_logins_of_the_one_before(users: Users, tmp_path: Path) -> None:
    old = await Welcome.prepare(users, ADDRESS, tmp_path / "amberwatt.json")
    new = await Welcome.prepare(users, ADDRESS, tmp_path / "amberwatt.json")
    assert new.user == old.user
    assert await users.authenticate(old.user, old.password) is None
    assert await users.authenticate(new.user, new.password) is not None
    assert await users.token_user(old.token) is None
    assert await users.token_user(new.token) is not None


async def test_each_tenth_of_the_history_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    loaded = asyncio.Event()
    shares = iter([0.0, 0.05, 0.1, 0.19, 0.21, 0.5, 0.55, 0.97])

    def share() -> float | None:
        found = next(shares, None)
        if found is None:
            loaded.set()
        return found

    await tell_loading(share, loaded, every=timedelta(0))
    assert capsys.readouterr().out.splitlines() == [
        f"  {percent} % of the history is loaded" for percent in (10, 20, 50, 90)
    ]
