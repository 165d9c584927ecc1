"""Signs of life of all processes, in the database that they share; times are the database's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

import msgspec
import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from runtime.clock import MILLISECOND
from runtime.database import DATABASE_AWAY, Database
from runtime.database_clock import DatabaseMs, database_now
from runtime.tables import process

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=2)
"""How often each process gives a sign of life."""

SILENT = timedelta(seconds=30)
"""A process that gave none for so long has ended, hangs, or has lost the database."""


@dataclass(frozen=True)
class Process:
    """Who gives a sign of life. ``name`` is the same over restarts; ``address`` is empty until it answers."""

    name: str
    role: str
    version: str
    started_at: datetime
    address: str = ""


@dataclass(frozen=True)
class Beat:
    """The newest sign of ``process``, given ``at`` a time and so long ago; ``told`` is JSON, by its role."""

    process: Process
    at: datetime
    age: timedelta
    told: str

    @property
    def silent(self) -> bool:
        """Whether another one is overdue."""
        return self.age > SILENT


@dataclass(frozen=True)
class Standing:
    """What a process that takes nothing in tells with its signs: why it is not ready, and what it does."""

    problems: tuple[str, ...] = ()
    doing: str = ""

    def encoded(self) -> str:
        """As text, for :meth:`decoded`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decoded(cls, told: str) -> Standing:
        """What was :meth:`encoded`; nothing where another version told what is not understood."""
        try:
            return _standing.decode(told)
        except msgspec.MsgspecError:
            return cls()


_standing = msgspec.json.Decoder(Standing)


@dataclass(frozen=True)
class ProcessStatus:
    """One process as people see it; all but name and role are None of one that never gave a sign of life.

    ``doing`` says in a word or two what it does where that is not plain from its role; ``problems`` why it
    is not ready. ``unnamed`` is one that the configuration names no more, and that nobody said is done with.
    """

    name: str
    role: str
    version: str | None = None
    started_at: datetime | None = None
    age: timedelta | None = None
    address: str = ""
    doing: str = ""
    problems: tuple[str, ...] = ()
    unnamed: bool = False

    @property
    def silent(self) -> bool:
        """Whether a sign of life is overdue."""
        return self.age is None or self.age > SILENT

    @classmethod
    def of(cls, beat: Beat, age: timedelta, standing: Standing) -> ProcessStatus:
        """The process of ``beat``, whose sign is ``age`` old by now."""
        who, told = beat.process, standing
        known = (who.version, who.started_at, age, who.address)
        return cls(who.name, who.role, *known, told.doing, told.problems)


class Beats:
    """The table of all processes. Every method raises one of :data:`runtime.database.DATABASE_AWAY`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, who: Process, told: str) -> datetime:
        """Note a sign of ``who``; the time of it."""
        async with self._database.begin() as db:
            insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert
            now = DatabaseMs()
            values = {**vars(who), "told": told}
            statement = insert(process).values({**values, "at": now})
            statement = statement.on_conflict_do_update(index_elements=["name"], set_={**values, "at": now})
            found: datetime = (await db.execute(statement.returning(process.c.at))).scalar_one()
        return found

    async def read(self) -> list[Beat]:
        """The newest sign of every process, by name."""
        async with self._database.read() as db:
            rows = (await db.execute(select(process).order_by(process.c.name))).all()
            now = await database_now(db)
        return [
            Beat(
                Process(row.name, row.role, row.version, row.started_at, row.address),
                row.at,
                max(timedelta(0), now - row.at),
                row.told,
            )
            for row in rows
        ]

    async def now(self) -> datetime:
        """What time the database has."""
        async with self._database.read() as db:
            return await database_now(db)

    async def remove(self, name: str) -> None:
        """Forget a process that ended in good order and that nobody has to miss."""
        async with self._database.begin() as db:
            await db.execute(delete(process).where(process.c.name == name))

    async def forget(self, roles: Sequence[str], after: timedelta) -> None:
        """Forget processes of ``roles`` that have been silent for longer than ``after``."""
        gone = process.c.at < DatabaseMs() - after // MILLISECOND
        async with self._database.begin() as db:
            await db.execute(delete(process).where(process.c.role.in_(roles), gone))


class Pulse:
    """Gives the signs of one process. ``tell`` says what it tells of itself; ``at`` the last sign's time."""

    def __init__(
        self, beats: Beats, who: Process, tell: Callable[[], Awaitable[str]], every: timedelta = EVERY
    ) -> None:
        self._beats, self._who, self._tell, self._every = beats, who, tell, every
        self.at: datetime | None = None
        self.problem: str | None = None
        """Why no sign can be given, for people; None while all is well."""

    def answers_at(self, address: str) -> None:
        """From now on the process can be reached there."""
        self._who = replace(self._who, address=address)

    async def end(self) -> None:
        """The process ends in good order, and nobody has to miss it."""
        with suppress(*DATABASE_AWAY):
            await self._beats.remove(self._who.name)

    async def last(self) -> None:
        """The process ends in good order, and others miss it: let them know how it stood in the end."""
        with suppress(*DATABASE_AWAY):
            await self._beats.write(self._who, await self._tell())

    async def run(self) -> NoReturn:
        """Give a sign at every turn until cancelled, also after the database was away."""
        while True:
            try:
                self.at = await self._beats.write(self._who, await self._tell())
                self.problem = None
            except DATABASE_AWAY as error:
                told = str(error).partition("\n")[0]
                if self.problem is None:
                    log.warning("beat_failed", process=self._who.name, error=told)
                self.problem = told
            await asyncio.sleep(self._every.total_seconds())
