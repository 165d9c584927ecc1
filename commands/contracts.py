"""``service.py contracts``: volumes of contracts from files, straight in the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, cast

import typer

from commands.file_import import settled, source_of
from commands.say import say
from commands.verb import ConfigFile, configuration_of, finish
from energy.contracts.form import VolumeForm
from energy.contracts.importing import Delivery, import_volumes
from energy.contracts.plant import plant_of
from energy.proof.act import Act
from energy.quantity import energy
from runtime import log
from runtime.clock import SystemClock
from runtime.migrate import open_database

contracts = typer.Typer(
    help="Power purchase agreements: volumes from files.", no_args_is_help=True, add_completion=False
)


@contracts.callback()
def only() -> None:
    """Power purchase agreements: volumes from files."""


@contracts.command("import")
def import_(  # noqa: PLR0913 - one parameter per option of the command
    file: Path,
    *,
    site: Annotated[str, typer.Option()],
    supply: Annotated[str, typer.Option(help='its id; its table says volume = "file"')],
    who: Annotated[str, typer.Option(help="who enters this")],
    reason: Annotated[str, typer.Option(help="why, where it restates an earlier file")] = "",
    column: Annotated[
        list[str] | None, typer.Option(help="start=HEADER; also end, volume, zone; once for each")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="MWh, kWh or Wh; default: what the header names")] = None,
    time_zone: Annotated[str | None, typer.Option(help="of times without an offset: Europe/Warsaw")] = None,
    minutes: Annotated[
        int | None, typer.Option(help="of a row, 15 or 60; default: as the file tells")
    ] = None,
    decimal: Annotated[str, typer.Option(help="what stands before decimals")] = ".",
    delimiter: Annotated[str, typer.Option(help="between columns")] = ",",
    date_form: Annotated[str, typer.Option(help="of dates, as in %d.%m.%Y")] = "%Y-%m-%d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what the file holds")] = False,
    config: ConfigFile = None,
) -> None:
    """Import what a plant delivered, all of it or nothing; exit code 1 names every line that is wrong."""
    log.configure("warning")
    source = source_of(file)

    async def work() -> Delivery:
        form = VolumeForm(_pairs(column), unit, time_zone, minutes, decimal, delimiter, date_form)
        settings = configuration_of(config).settings
        plant = plant_of(settings.sites, site, supply)
        act = Act(who, SystemClock().now(), reason)
        settings.service.data_dir.mkdir(parents=True, exist_ok=True)
        database = await open_database(settings.service.database_url)
        try:
            return await import_volumes(database, plant, (source, form), act, dry_run=dry_run)
        finally:
            await database.close()

    _tell(file, cast(Delivery, finish(lambda: asyncio.run(work()))))


def _pairs(told: list[str] | None) -> dict[str, str]:
    """``FIELD=HEADER`` as a mapping. Raises ValueError."""
    found = {}
    for one in told or ():
        name, sign, header = one.partition("=")
        if not sign or not header.strip():
            raise ValueError(f"--column: {one!r} names no header; write for example start='Delivery start'")
        found[name.strip()] = header
    return found


def _tell(file: Path, found: Delivery) -> None:
    if settled(file, found):
        return
    same = len(found.volumes) - found.fresh - found.restated
    done = (
        "imported; the ledger takes it when the service settles next" if found.taken else "would be imported"
    )
    say(
        f"{file}: {len(found.volumes)} quarter-hours of {found.plant.supply}, {energy(found.wh)} "
        f"({found.fresh} new, {found.restated} restated, {same} as before), {done}"
    )
