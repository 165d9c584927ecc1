"""Keeps what documents tell of the hours of a zone: a version where something is new, named where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select

from energy.carbon.entsoe import Document, hourly_energy, parse
from energy.carbon.feed import revise
from energy.carbon.generation import written
from energy.carbon.hours import Mix, Written, write_hours
from energy.carbon.tables import GRID_FETCH
from energy.carbon.zones import EIC, eic, zone_of
from energy.site import SiteOptions
from energy.tables import insert_into
from runtime.database import Database
from runtime.errors import BadDocument

log = structlog.get_logger(__name__)

ENTSOE = "entsoe"
"""The source of what documents tell."""


@dataclass(frozen=True)
class Kept:
    """What one document brought for ``zone``: hours ``new``, ``changed`` and ``same``; or a ``reason``.

    ``incomplete`` hours lacked a type or a part and were not kept.
    """

    zone: str
    new: int = 0
    changed: int = 0
    same: int = 0
    incomplete: int = 0
    reason: str | None = None

    def in_words(self) -> str:
        """For people, in one line."""
        if self.reason is not None:
            return f"{self.zone}: nothing was kept: {self.reason}"
        told = f"{self.zone}: {self.new} hours new, {self.changed} changed, {self.same} as before"
        return f"{told}, {self.incomplete} incomplete and not kept" if self.incomplete else told


class GridIntake:
    """Writes what documents tell to ``database``; ``sites`` are those whose figures may follow from it."""

    def __init__(self, database: Database, sites: Mapping[str, SiteOptions]) -> None:
        self._database, self._sites = database, sites

    async def fetched(self, zone: str, days: range) -> dict[int, datetime]:
        """When each of ``days`` (since 1970) of ``zone`` was last asked for; those that were."""
        table = GRID_FETCH.c
        wanted = select(table.day, table.fetched_at).where(
            table.zone == zone, table.day >= days.start, table.day < days.stop
        )
        async with self._database.read() as connection:
            return {row.day: row.fetched_at for row in await connection.execute(wanted)}

    async def keep(self, zone: str, body: bytes, days: Sequence[int], at: datetime) -> bool:
        """Keep the answer for ``days`` of ``zone``, and that they were asked for; whether it held data.

        Raises BadDocument when the answer cannot be read: then nothing is kept or noted.
        """
        document = parse(body)
        kept = await self._keep(zone, document, at)
        async with self._database.begin() as connection:
            statement = insert_into(connection, GRID_FETCH)
            now = {"fetched_at": statement.excluded.fetched_at}
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["zone", "day"], set_=now),
                [{"zone": zone, "day": day, "fetched_at": at} for day in days],
            )
        log.info("grid_document", zone=zone, new=kept.new, changed=kept.changed,
                 incomplete=kept.incomplete, reason=kept.reason)  # fmt: skip
        return kept.reason is None

    async def take(self, body: bytes, at: datetime) -> list[Kept]:
        """Keep every zone that a document of generation tells of. Raises BadDocument."""
        document = parse(body)
        if document.reason is not None:
            raise BadDocument(f"nothing was kept: {document.reason}")
        codes = sorted({one.zone for one in document.series if one.kind != "load"})
        if not codes:
            raise BadDocument("nothing was kept: the document tells of load and no generation (A75)")
        unknown = [code for code in codes if zone_of(code) is None]
        if unknown:
            raise BadDocument(f"nothing was kept: {unknown[0]!r} is no zone that is known: {', '.join(EIC)}")
        return [await self._keep(zone_of(code) or "", document, at) for code in codes]

    async def _keep(self, zone: str, document: Document, at: datetime) -> Kept:
        if document.reason is not None:
            return Kept(zone, reason=document.reason)
        told = hourly_energy(document, eic(zone) or "")
        if not told.hours and not told.incomplete:
            return Kept(zone, reason="the document tells of no generation in this zone")
        found = {hour: Mix(generation=written(mwh)) for hour, mwh in told.hours.items()}
        async with self._database.begin() as connection:
            done: Written = await write_hours(connection, (zone, ENTSOE, "production"), found, at)
            sites = [key for key, site in self._sites.items() if site.grid == zone]
            await revise(connection, (zone, ENTSOE, sites), done.changed, at)
        changed = len(done.changed) + done.provisional
        same = len(found) - done.new - changed
        return Kept(zone, done.new, changed, same, len(told.incomplete))
