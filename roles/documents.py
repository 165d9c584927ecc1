"""Documents of the grid: who asks for them, as jobs of the schedule; and which factors are in use."""

from __future__ import annotations

from datetime import datetime

from collectors.entsoe import Entsoe
from energy.carbon.intake import GridIntake
from energy.carbon.uses import record_uses
from energy.carbon.zones import BORDERS, eic
from roles.ground import Ground
from runtime.schedule import Job, every
from settings import Settings

DOCUMENTS = "grid-documents"


def document_jobs(ground: Ground) -> list[Job]:
    """One job for every ``[[collector]]``; one that is behind asks once, for all that is due by then."""
    intake, found = GridIntake(ground.database, ground.settings.sites), []
    for name, options in zip(document_names(ground.settings), ground.settings.collector, strict=True):
        zones = {name for zone in options.zones for name in (zone, *BORDERS.get(zone, ()))}
        codes = {zone: code for zone in zones if (code := eic(zone)) is not None}
        asking = Entsoe(options, codes, intake, BORDERS)

        async def poll(due: datetime, asking: Entsoe = asking) -> None:
            await asking.poll(due)

        found.append(Job(name, every(options.every), poll, "latest"))
    return found


def document_names(settings: Settings) -> list[str]:
    """The names of those jobs in the run table."""
    return [DOCUMENTS if n == 0 else f"{DOCUMENTS}-{n + 1}" for n in range(len(settings.collector))]


async def note_uses(ground: Ground) -> None:
    """Keep which factor sets each site uses from now on; a change is a new revision of its figures."""
    await record_uses(ground.database, ground.configuration.uses, ground.clock.now())
