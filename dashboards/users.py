"""Who may look and who may act: local users, sessions and API tokens."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import structlog
from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from dashboards.passwords import Passwords
from dashboards.tables import api_tokens, sessions
from dashboards.tables import users as people
from runtime.clock import Clock
from runtime.database import DATABASE_AWAY, Database

Role = Literal["viewer", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)

log = structlog.get_logger(__name__)

FIRST = "admin"
"""Name of the operator that :meth:`Users.ensure_first` makes."""

_NAME = re.compile(r"[\w.@+ -]{1,64}")
_USE_NOTED_EVERY = timedelta(minutes=1)  # a token used each second need not write each second


@dataclass(frozen=True)
class User:
    """A person or a token's bearer; ``operator`` may act, ``viewer`` may only look."""

    name: str
    role: Role


@dataclass(frozen=True)
class ApiToken:
    """What is kept of a token: never the token itself, only its ``prefix`` to know it by."""

    prefix: str
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Users:
    """Users, sessions and tokens in ``database``.

    ``clock`` must be the machine's: in a replayed month a login would expire within seconds.
    """

    def __init__(self, database: Database, clock: Clock, passwords: Passwords | None = None) -> None:
        self._database, self._clock = database, clock
        self._passwords = passwords or Passwords()
        self._noted: dict[str, datetime] = {}
        self._unsaved: dict[str, tuple[User, datetime]] = {}
        self._trouble: str | None = None

    async def create(self, name: str, password: str, role: Role = "viewer") -> User:
        """Add a user. Raises ValueError for a taken or odd name, an unknown role or a weak password."""
        _check(name, role)
        encoded = await self._passwords.hash(password)
        row = {"name": name, "role": role, "password_hash": encoded, "created_at": self._clock.now()}
        try:
            async with self._database.begin() as connection:
                await connection.execute(insert(people).values(row))
        except IntegrityError:
            raise ValueError(f"there is already a user named {name!r}") from None
        return User(name, role)

    async def ensure_first(self) -> tuple[str, str] | None:
        """Make an operator if there is no user yet; its name and password, which are kept nowhere else."""
        async with self._database.read() as connection:
            if await connection.scalar(select(func.count()).select_from(people)):
                return None
        password = secrets.token_urlsafe(15)
        try:
            await self.create(FIRST, password, "operator")
        except ValueError:  # another process that started with us has just made it
            return None
        return FIRST, password

    async def renew_first(self) -> tuple[str, str]:
        """Give the first operator a new random password and end its sessions. Raises KeyError."""
        password = secrets.token_urlsafe(15)
        await self.change_password(FIRST, password)
        return FIRST, password

    async def authenticate(self, name: str, password: str) -> User | None:
        """The user, or None; an unknown name takes as long as a wrong password."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(people).where(people.c.name == name))).mappings().first()
        if not await self._passwords.verify(row["password_hash"] if row else None, password) or row is None:
            return None
        if self._passwords.outdated(row["password_hash"]):
            encoded = await self._passwords.hash(password)
            await self._if_possible("password_rehash", self._store_password(name, encoded))
        return User(row["name"], row["role"])

    async def change_password(self, name: str, password: str) -> None:
        """Set it and end all sessions of ``name``. Raises KeyError or ValueError."""
        encoded = await self._passwords.hash(password)
        if not await self._store_password(name, encoded):
            raise KeyError(name)
        self._unsaved = {key: one for key, one in self._unsaved.items() if one[0].name != name}
        async with self._database.begin() as connection:
            chosen = select(people.c.id).where(people.c.name == name).scalar_subquery()
            await connection.execute(delete(sessions).where(sessions.c.user_id == chosen))

    async def session_open(self, user: User, lifetime: timedelta) -> str:
        """A new session's secret; only its SHA-256 is stored. Expired sessions are swept on the way.

        While the database cannot be written (a full disk) the session lives in this process alone: whoever
        is to mend that must be let in. Raises KeyError.
        """
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        self._unsaved = {key: one for key, one in self._unsaved.items() if one[1] > now}
        if not await self._if_possible("session_open", self._save_session(user, secret, now + lifetime)):
            self._unsaved[_digest(secret)] = user, now + lifetime
        return secret

    async def _save_session(self, user: User, secret: str, expires_at: datetime) -> None:
        now = self._clock.now()
        async with self._database.begin() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            user_id = await connection.scalar(select(people.c.id).where(people.c.name == user.name))
            if user_id is None:
                raise KeyError(user.name)
            row = {"digest": _digest(secret), "user_id": user_id, "created_at": now}
            await connection.execute(insert(sessions).values(row | {"expires_at": expires_at}))

    async def session_user(self, secret: str) -> User | None:
        """Whose session this is; None when it is unknown, ended or expired."""
        unsaved = self._unsaved.get(_digest(secret))
        if unsaved is not None:
            return unsaved[0] if unsaved[1] > self._clock.now() else None
        query = (
            select(people.c.name, people.c.role)
            .join(sessions, sessions.c.user_id == people.c.id)
            .where(sessions.c.digest == _digest(secret), sessions.c.expires_at > self._clock.now())
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else User(row.name, row.role)

    async def session_close(self, secret: str) -> None:
        """End it; harmless when there is none."""
        if self._unsaved.pop(_digest(secret), None) is not None:
            return
        async with self._database.begin() as connection:
            await connection.execute(delete(sessions).where(sessions.c.digest == _digest(secret)))

    async def token_create(self, role: Role, name: str) -> str:
        """A new API token, told this once. Raises ValueError for an odd name or an unknown role."""
        _check(name, role)
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        token = f"aw_{prefix}_{secret}"
        row = {"prefix": prefix, "digest": _digest(token), "name": name, "role": role}
        async with self._database.begin() as connection:
            await connection.execute(insert(api_tokens).values(row | {"created_at": self._clock.now()}))
        return token

    async def token_user(self, token: str) -> User | None:
        """Whose token this is, under the token's name; None when it is unknown or revoked."""
        parts = token.split("_", 2)
        if len(parts) != 3:
            return None
        query = select(api_tokens).where(api_tokens.c.prefix == parts[1], api_tokens.c.revoked_at.is_(None))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None or not hmac.compare_digest(row["digest"], _digest(token)):
            return None
        await self._if_possible("token_use", self._note_use(row))
        return User(row["name"], row["role"])

    async def tokens(self) -> Sequence[ApiToken]:
        """All that were ever made, newest first."""
        columns = [c for c in api_tokens.c if c.name != "digest"]
        async with self._database.read() as connection:
            query = select(*columns).order_by(api_tokens.c.created_at.desc(), api_tokens.c.prefix)
            rows = (await connection.execute(query)).mappings().all()
        return [ApiToken(**row) for row in rows]

    async def token_revoke(self, prefix: str) -> bool:
        """Make it worthless; False when no valid token has this prefix."""
        change = (
            update(api_tokens)
            .where(api_tokens.c.prefix == prefix, api_tokens.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )
        async with self._database.begin() as connection:
            return (await connection.execute(change)).rowcount == 1

    async def _note_use(self, row: RowMapping) -> None:
        now, tried = self._clock.now(), self._noted.get(row["prefix"], row["last_used_at"])
        if tried is not None and now - tried < _USE_NOTED_EVERY:
            return
        self._noted[row["prefix"]] = now
        change = update(api_tokens).where(api_tokens.c.prefix == row["prefix"]).values(last_used_at=now)
        async with self._database.begin() as connection:
            await connection.execute(change)

    async def _if_possible(self, what: str, work: Awaitable[object]) -> bool:
        """Whether ``work`` could be written; what hinders it is logged once and keeps nobody out."""
        try:
            await work
        except DATABASE_AWAY as error:
            trouble = str(error).partition("\n")[0]
            if trouble != self._trouble:
                log.warning("users_not_written", what=what, error=trouble)
            self._trouble = trouble
            return False
        return True

    async def _store_password(self, name: str, encoded: str) -> bool:
        change = update(people).where(people.c.name == name).values(password_hash=encoded)
        async with self._database.begin() as connection:
            return (await connection.execute(change)).rowcount == 1


def _check(name: str, role: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: use 1 to 64 letters, digits, spaces or . @ + - _")
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role; there are: {', '.join(ROLES)}")


def _digest(secret: str) -> str:
    # These are random and long, so a fast hash suffices; a password is neither.
    return hashlib.sha256(secret.encode()).hexdigest()
