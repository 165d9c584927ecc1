"""The mix of the grid from files: documents of ENTSO-E that somebody downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from energy.carbon.intake import GridIntake
from runtime.clock import SystemClock
from runtime.errors import BadDocument
from runtime.migrate import open_database
from settings import Configuration


@dataclass(frozen=True)
class Imported:
    """What was ``kept``, a line for each zone of each file, and which files were ``refused``, and why."""

    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def read_files(files: list[Path]) -> tuple[dict[Path, bytes], list[str]]:
    """What ``files`` hold, and which cannot be read."""
    found, refused = {}, []
    for file in files:
        try:
            found[file] = file.read_bytes()
        except OSError as error:
            refused.append(f"{file}: {error.strerror}")
    return found, refused


async def import_documents(configuration: Configuration, bodies: Mapping[Path, bytes]) -> Imported:
    """Keep the hours that each document tells, straight in the database, whether a service runs or not.

    Of a document that cannot be used nothing is kept; the others are kept all the same.
    """
    settings, imported = configuration.settings, Imported()
    database = await open_database(settings.service.database_url)
    try:
        intake, clock = GridIntake(database, settings.sites), SystemClock()
        for file, body in bodies.items():
            try:
                kept = await intake.take(body, clock.now())
            except BadDocument as error:
                imported.refused.append(f"{file}: {error}")
            else:
                imported.kept.extend(f"{file}: {one.in_words()}" for one in kept)
    finally:
        await database.close()
    return imported
