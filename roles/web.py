"""The role ``web``: pages, API and live feed over what others take in and settle; there may be many."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alerts.replay import Replay
from collectors.shard import split
from dashboards.app import create_app
from dashboards.house import House
from dashboards.server import WebServer
from dashboards.users import Users
from reports.eu.desk import EuDesk
from roles.documents import document_names
from roles.duties import JOBS
from roles.ground import Ground, ground
from roles.outlook import Outlook, look_out
from roles.process import RoleProcess, pulse_of
from roles.records import open_records
from roles.station import Station
from runtime.beats import Beats, Pulse, Standing
from runtime.clock import Clock
from runtime.lifecycle import Component
from runtime.schedule import History
from runtime.version import VERSION
from settings import Configuration
from telemetry.completeness_lines import CompletenessLines
from telemetry.planned import PlannedStore
from telemetry.rollup import Rollup


class Readiness:
    """Whether what the pages show is all that there is."""

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self.pulse: Pulse | None = None

    async def problems(self) -> list[str]:
        """Why the pages tell too little; also that nobody settles."""
        found = [*self._outlook.problems()]
        if not any(p.role == "jobs" and not p.silent for p in self._outlook.shared.processes()):
            found.append("jobs: no such process gives a sign of life, so nothing is settled, judged or told")
        return found

    async def tell(self) -> str:
        """What the others need to know of this process; what it sees of them they see themselves."""
        return Standing().encoded()

    def loading(self) -> None:
        """No recorded past is loaded by a process that takes nothing in."""


@asynccontextmanager
async def web(
    configuration: Configuration, clock: Clock | None, station: Station
) -> AsyncIterator[RoleProcess]:
    """Construct and open a process with pages. Raises ConfigError or ServiceError."""
    settings = configuration.settings
    name = station.name(settings.service)
    async with ground(configuration, station.data_dir(settings.service), clock, name) as base:
        beats = Beats(base.database)
        outlook = await look_out(base, station, beats)
        readiness = Readiness(outlook)
        pulse = pulse_of(base, station, beats, readiness.tell)
        house = _house(base, outlook, readiness)
        server = WebServer(create_app(house), settings.service.listen)
        process = RoleProcess(base.data_dir, server, pulse, [], house.users)
        process.components += [
            Component("signs of life", pulse.run),
            *outlook.components(),
            Component("web server", process.serve),
        ]
        gc.freeze()  # what was built stays: scanning it again holds the event loop
        try:
            yield process
        finally:
            gc.unfreeze()
            await pulse.end()


def _house(base: Ground, outlook: Outlook, readiness: Readiness) -> House:
    settings, shared = base.settings, outlook.shared
    sight = outlook.sight()
    records = open_records(base, sight)
    reading = records.reading(base, sight, None, shared)

    def whole(rollup: Rollup) -> tuple[int, int]:
        return shared.whole(rollup.measurement.name)

    return House(
        clock=base.clock,
        sites=settings.sites,
        targets=settings.target,
        store=PlannedStore(outlook.store, whole, split(settings.shard)),
        live=outlook.live,
        ingest=shared,
        figures=records.figures,
        alerts=records.board,
        reports=records.reports,
        users=Users(base.database, base.wall),
        readiness=readiness,
        history=readiness,
        auth=settings.auth,
        version=VERSION,
        replay=Replay(base.configuration.alerting.rules(), reading),
        jobs=History(base.database, [*JOBS, *document_names(settings)]),
        data_dir=base.data_dir,
        hosts=settings.service.names,
        completeness=CompletenessLines(outlook.recall, outlook.recall.hours, outlook.recall),
        processes=shared,
        workloads=records.workloads,
        eu=EuDesk(base.database, records.figures, settings.sites),
        certificates=records.certificates,
        proof=records.proof,
    )
