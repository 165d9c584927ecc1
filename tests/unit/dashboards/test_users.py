"""Users, sessions and tokens over a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select
from structlog.testing import capture_logs

from dashboards.passwords import Passwords
from dashboards.tables import api_tokens, sessions
from dashboards.tables import users as people
from dashboards.users import User, Users
from runtime.clock import ManualClock
from runtime.database import Database

START = datetime(2026, 10, 5, 12, tzinfo=UTC)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def users(database: Database, clock: ManualClock) -> Users:
    return Users(database, clock, Passwords(QUICK))


async def test_a_password_opens_only_its_own_account(users: Users) -> None:
    created = await users.create("Jana Malá", "correct horse", "operator")
    assert await users.authenticate("Jana Malá", "correct horse") == created
    assert await users.authenticate("Jana Malá", "correct hors") is None
    assert await users.authenticate("jana", "correct horse") is None


async def test_the_first_operator_is_made_once(users: Users) -> None:
    first = await users.ensure_first()
    assert first is not None
    name, password = first
    user = await users.authenticate(name, password)
    assert user is not None
    assert (user.name, user.role) == ("admin", "operator")
    assert await users.ensure_first() is None


@pytest.mark.parametrize(
    ("name", "password", "role", "told"),
    [
        ("", "long enough", "viewer", "is no name"),
        ("a\nb", "long enough", "viewer", "is no name"),
        ("kim", "short", "viewer", "10 to 1024 characters"),
        ("kim", "x" * 1025, "viewer", "10 to 1024 characters"),
        ("kim", "long enough", "root", "there are: viewer, operator"),
    ],
)
async def test_what_cannot_be_a_user_is_refused_with_the_fix(
    users: Users, name: str, password: str, role: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        await users.create(name, password, role)  # type: ignore[arg-type]


async def test_a_name_is_taken_once(users: Users) -> None:
    await users.create("kim", "long enough")
    with pytest.raises(ValueError, match="already a user named 'kim'"):
        await users.create("kim", "also long enough")


async def test_passwords_are_stored_as_argon2id_and_upgraded_at_login(
    database: Database, clock: ManualClock
) -> None:
    await Users(database, clock, Passwords(QUICK)).create("kim", "long enough")
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    users = Users(database, clock, Passwords(stronger))
    assert await users.authenticate("kim", "long enough") is not None
    async with database.read() as connection:
        encoded = await connection.scalar(select(people.c.password_hash))
    assert encoded is not None
    assert encoded.startswith("$argon2id$")
    assert "m=16,t=2" in encoded
    assert await users.authenticate("kim", "long enough") is not None


async def test_an_unknown_name_costs_a_hash_too() -> None:
    counted: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            counted.append(str(hash))
            return super().verify(hash, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not await passwords.verify(None, "whatever it is")
    assert len(counted) == 1


async def test_a_session_ends_when_its_time_is_over(users: Users, clock: ManualClock) -> None:
    user = await users.create("kim", "long enough")
    secret = await users.session_open(user, timedelta(hours=12))
    clock.advance(timedelta(hours=12) - timedelta(milliseconds=1))
    assert await users.session_user(secret) == user
    clock.advance(timedelta(milliseconds=1))
    assert await users.session_user(secret) is None


async def test_a_session_can_be_closed_and_its_secret_is_not_stored(users: Users, database: Database) -> None:
    user = await users.create("kim", "long enough")
    secret = await users.session_open(user, timedelta(hours=1))
    async with database.read() as connection:
        stored = (await connection.execute(select(sessions))).mappings().one()
    assert secret not in str(dict(stored))
    await users.session_close(secret)
    assert await users.session_user(secret) is None


async def test_a_new_password_ends_the_sessions(users: Users) -> None:
    user = await users.create("kim", "long enough")
    secret = await users.session_open(user, timedelta(hours=1))
    await users.change_password("kim", "another long one")
    assert await users.session_user(secret) is None
    assert await users.authenticate("kim", "long enough") is None
    assert await users.authenticate("kim", "another long one") == user
    with pytest.raises(KeyError):
        await users.change_password("nobody", "another long one")


async def test_expired_sessions_are_swept(users: Users, database: Database, clock: ManualClock) -> None:
    user = await users.create("kim", "long enough")
    await users.session_open(user, timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    await users.session_open(user, timedelta(hours=1))
    async with database.read() as connection:
        assert len((await connection.execute(select(sessions))).all()) == 1


async def test_a_token_works_until_it_is_revoked(users: Users) -> None:
    token = await users.token_create("operator", "month end")
    bearer = await users.token_user(token)
    assert bearer is not None
    assert (bearer.name, bearer.role) == ("month end", "operator")
    (kept,) = await users.tokens()
    assert await users.token_revoke(kept.prefix)
    assert not await users.token_revoke(kept.prefix)
    assert await users.token_user(token) is None


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "aw_00000000_x", lambda t: "", lambda t: "a_b"]
)
async def test_only_the_very_token_is_taken(users: Users, change) -> None:  # type: ignore[no-untyped-def]
    token = await users.token_create("viewer", "probe")
    assert await users.token_user(change(token)) is None


async def test_a_tokens_use_is_noted_at_most_once_a_minute(
    users: Users, clock: ManualClock, database: Database
) -> None:
    token = await users.token_create("viewer", "probe")
    await users.token_user(token)
    clock.advance(timedelta(seconds=59))
    await users.token_user(token)
    assert [t.last_used_at for t in await users.tokens()] == [START]
    clock.advance(timedelta(seconds=1))
    await users.token_user(token)
    assert [t.last_used_at for t in await users.tokens()] == [START + timedelta(minutes=1)]
    async with database.read() as connection:
        assert token not in str((await connection.execute(select(api_tokens))).mappings().all())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a PRAGMA makes it so
async def test_a_database_that_cannot_be_written_keeps_nobody_out(
    users: Users, database: Database, clock: ManualClock
) -> None:
    jana = await users.create("jana", "correct horse")
    token = await users.token_create("viewer", "grafana")
    kept = await users.session_open(jana, timedelta(hours=1))
    await database.engine.dispose()

    def full(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=1").close()

    event.listen(database.engine.sync_engine, "connect", full)
    with capture_logs() as lines:
        for _ in range(3):
            assert await users.token_user(token) == User("grafana", "viewer")
            clock.advance(timedelta(minutes=2))
        assert await users.authenticate("jana", "correct horse") == jana
        secret = await users.session_open(jana, timedelta(hours=1))
        assert await users.session_user(kept) == jana
    assert [line["event"] for line in lines] == ["users_not_written"]
    assert "readonly" in lines[0]["error"]
    other = await users.session_open(jana, timedelta(hours=2))
    await users.session_close(other)
    assert await users.session_user(other) is None
    assert await users.session_user(secret) == jana
    clock.advance(timedelta(hours=1))
    assert await users.session_user(secret) is None
