"""A lease: of several processes one works, and another takes over when it does so no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import delete, or_
from sqlalchemy.dialects import postgresql, sqlite

from runtime.database import DATABASE_AWAY, Database
from runtime.database_clock import DatabaseMs
from runtime.lifecycle import STOP_LIMIT_S
from runtime.tables import lease

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Terms:
    """In seconds: how long a lease is ``valid``, how often it is renewed, and how long before its end its
    owner stops if it could not be renewed: so long may it take to stop.
    """

    valid: float = 20.0
    renew: float = 5.0
    stopping: float = STOP_LIMIT_S


class Lease:
    """The lease ``name`` as the process ``owner`` holds it; no two processes may bear one owner's name.

    It ends by the database's clock. Its owner counts by its own monotonic clock, from before it asked, so it
    has stopped before anybody else may begin, whatever the clocks of the machines say.
    """

    def __init__(self, database: Database, name: str, owner: str, terms: Terms | None = None) -> None:
        self._database, self._name, self._owner = database, name, owner
        self._terms = terms or Terms()
        self.held = False
        """Whether the work is being done here."""
        self.problem: str | None = None
        """Why the database cannot be asked, for people; None while it can."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Stand by, and do ``work`` whenever the lease is ours; return when it ends by itself.

        It is cancelled as soon as the lease is lost. Raises what it raises.
        """
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            if await self._take():
                log.info("lease_taken", lease=self._name, owner=self._owner)
                if await self._hold(work, asked + self._terms.valid - self._terms.stopping):
                    return
                log.warning("lease_lost", lease=self._name, owner=self._owner)
            await asyncio.sleep(self._terms.renew)

    async def _hold(self, work: Callable[[], Awaitable[None]], until: float) -> bool:
        """Whether the work ended by itself; False when the lease was lost."""
        task = asyncio.ensure_future(work())
        self.held, lost = True, False
        try:
            lost = await self._renewing(task, until)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.held = False
            if not lost:
                await asyncio.shield(self._release())
        if not lost:
            task.result()
        return not lost

    async def _renewing(self, task: asyncio.Future[None], until: float) -> bool:
        """Renew until ``task`` is done; whether the lease was lost before."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.wait({task}, timeout=max(0.0, min(self._terms.renew, until - loop.time())))
            if task.done():
                return False
            asked = loop.time()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    renewed = await self._take()
                    if renewed:
                        until = asked + self._terms.valid - self._terms.stopping
                    elif self.problem is None:
                        return True
            if loop.time() >= until:
                return True

    async def _take(self) -> bool:
        """Take or renew the lease; False while another has it, or the database cannot be asked."""
        try:
            taken = await self._ask()
        except DATABASE_AWAY as error:
            self.problem = str(error).partition("\n")[0]
            log.warning("lease_not_asked", lease=self._name, error=self.problem)
            return False
        self.problem = None
        return taken

    async def _ask(self) -> bool:
        async with self._database.begin() as db:
            insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert
            ours = {"owner": self._owner, "until": DatabaseMs() + round(1000 * self._terms.valid)}
            statement = insert(lease).values(name=self._name, **ours)
            statement = statement.on_conflict_do_update(
                index_elements=["name"],
                set_=ours,
                where=or_(lease.c.owner == self._owner, lease.c.until <= DatabaseMs()),
            )
            return (await db.execute(statement.returning(lease.c.owner))).first() is not None

    async def _release(self) -> None:
        """All has stopped: another one may begin at once."""
        with suppress(*DATABASE_AWAY):
            async with self._database.begin() as db:
                mine = (lease.c.name == self._name, lease.c.owner == self._owner)
                await db.execute(delete(lease).where(*mine))
