"""The role ``jobs``: settles, judges, tells and issues; of several processes one works, others stand by."""

from __future__ import annotations

import asyncio
import gc
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from dashboards.house import Side
from dashboards.server import WebServer
from dashboards.side import create_side_app
from dashboards.users import Users
from roles.documents import document_jobs, note_uses
from roles.duties import Duties, open_duties
from roles.ground import Ground, ground
from roles.outlook import Outlook, look_out
from roles.process import RoleProcess, pulse_of
from roles.records import open_records
from roles.station import Station, instance
from runtime.beats import Beats, Standing
from runtime.clock import Clock
from runtime.lease import Lease
from runtime.lifecycle import Component, run_all
from runtime.schedule import Job, every
from runtime.version import VERSION
from settings import Configuration

FORGET = timedelta(days=1)
"""After so long without a sign of life a process that keeps nothing is taken to be gone for good."""


class Work:
    """The duties, done while this process holds the lease."""

    def __init__(self, outlook: Outlook, duties: Duties, lease: Lease) -> None:
        self._outlook, self._duties, self._lease = outlook, duties, lease

    async def run(self) -> None:
        """Stand by, and do the duties when it is our turn."""
        await self._lease.run(lambda: run_all(self._duties.components(), asyncio.Event()))

    async def problems(self) -> list[str]:
        """Why this process is not ready to work, or cannot settle."""
        found = [*self._outlook.problems()]
        if self._lease.problem is not None:
            found.append(f"lease: {self._lease.problem}")
        unsettled = self._duties.check.unsettled if self._lease.held else None
        return found if unsettled is None else [*found, f"ledger: not settled: {unsettled}"]

    async def tell(self) -> str:
        """What the others need to know of this process."""
        unsettled = self._duties.check.unsettled if self._lease.held else None
        problems = () if unsettled is None else (f"ledger: not settled: {unsettled}",)
        return Standing(problems, "at work" if self._lease.held else "standing by").encoded()


@asynccontextmanager
async def jobs(
    configuration: Configuration, clock: Clock | None, station: Station
) -> AsyncIterator[RoleProcess]:
    """Construct and open a process that does what has to be done once. Raises ConfigError or ServiceError."""
    settings = configuration.settings
    # One name for all that may take over: what one of them was doing when it ended, the next does again.
    owner = f"{settings.broker.client_id}-jobs"
    async with ground(configuration, station.data_dir(settings.service), clock, owner) as base:
        beats = Beats(base.database)
        outlook = await look_out(base, station, beats)
        sight = outlook.sight()
        records = open_records(base, sight)

        async def forget(_due: datetime) -> None:
            await beats.forget(["web", "jobs"], FORGET)

        forgetting = Job("processes", every(timedelta(hours=1)), forget, "latest")
        await note_uses(base)
        duties = open_duties(base, sight, records, outlook.shared, [forgetting, *document_jobs(base)])
        lease = Lease(base.database, "jobs", f"{instance(settings.service)}/{uuid.uuid4().hex[:8]}")
        work = Work(outlook, duties, lease)
        pulse = pulse_of(base, station, beats, work.tell)
        process = RoleProcess(base.data_dir, _door(base, outlook, work), pulse, [])
        process.components += [
            Component("signs of life", pulse.run),
            *outlook.components(),
            Component("web server", process.serve),
            Component("work", work.run),
        ]
        gc.freeze()  # what was built stays: scanning it again holds the event loop
        try:
            yield process
        finally:
            gc.unfreeze()
            await pulse.end()


def _door(base: Ground, outlook: Outlook, work: Work) -> WebServer:
    settings = base.settings
    side = Side(
        users=Users(base.database, base.wall),
        auth=settings.auth,
        hosts=settings.service.names,
        readiness=work,
        version=VERSION,
        processes=outlook.shared,
    )
    return WebServer(create_side_app(side), settings.service.jobs_listen)
