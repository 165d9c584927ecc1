"""Keeps what documents tell of the hours of zones: a version where something is new, named where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.amounts import LOAD, write_amounts
from energy.carbon.entsoe import Document, hourly_energy, hourly_flow, hourly_load, parse
from energy.carbon.feed import revise
from energy.carbon.generation import written
from energy.carbon.hours import Mix, Written, write_hours
from energy.carbon.tables import GRID_FETCH
from energy.carbon.technology import CODES
from energy.carbon.uses import load_use
from energy.carbon.wholeness import DAYS, lacking
from energy.carbon.zones import EIC, eic, reach, zone_of
from energy.configuration.site import SiteOptions
from energy.tables import insert_into
from runtime.database import Database
from runtime.errors import BadDocument

log = structlog.get_logger(__name__)

ENTSOE = "entsoe"
"""The source of what documents tell."""


@dataclass(frozen=True)
class Kept:
    """What one document brought for ``zone``: hours ``new``, ``changed`` and ``same``; or a ``reason``.

    ``zone`` is ``PL``, of other documents ``load of PL`` or ``flow from PL to LT``. ``incomplete`` hours
    lacked a type or a part and were not kept; ``lacking`` are the types that the zone had told lately.
    """

    zone: str
    new: int = 0
    changed: int = 0
    same: int = 0
    incomplete: int = 0
    lacking: tuple[str, ...] = ()
    reason: str | None = None

    def in_words(self) -> str:
        """For people, in one line."""
        if self.reason is not None:
            return f"{self.zone}: nothing was kept: {self.reason}"
        told = f"{self.zone}: {self.new} hours new, {self.changed} changed, {self.same} as before"
        if self.incomplete:
            told += f", {self.incomplete} incomplete and not kept"
        if self.lacking:
            told += f": no {', '.join(self.lacking)}, which was told in the {DAYS} days before"
        return told


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

        ``zone`` may name another question than that for its generation.

        Raises BadDocument when the answer cannot be read: then nothing is kept or noted.
        """
        document = parse(body)
        told = await self._keep_all(document, at, zone)
        async with self._database.begin() as connection:
            statement = insert_into(connection, GRID_FETCH)
            now = {"fetched_at": statement.excluded.fetched_at}
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["zone", "day"], set_=now),
                [{"zone": zone, "day": day, "fetched_at": at} for day in days],
            )
        for kept in told:
            log.info("grid_document", zone=kept.zone, new=kept.new, changed=kept.changed,
                     incomplete=kept.incomplete, lacking=kept.lacking, reason=kept.reason)  # fmt: skip
        return any(kept.reason is None for kept in told)

    async def take(self, body: bytes, at: datetime) -> list[Kept]:
        """Keep what a document tells of all its zones. Raises BadDocument."""
        document = parse(body)
        if document.reason is not None:
            raise BadDocument(f"nothing was kept: {document.reason}")
        codes = sorted({code for one in document.series for code in (one.zone, one.origin) if code})
        unknown = [code for code in codes if zone_of(code) is None]
        if unknown:
            raise BadDocument(f"nothing was kept: {unknown[0]!r} is no zone that is known: {', '.join(EIC)}")
        return await self._keep_all(document, at)

    async def _keep_all(self, document: Document, at: datetime, asked: str = "") -> list[Kept]:
        """Keep what ``document`` tells; if that is nothing, say so of the zone that was ``asked`` for."""
        if document.reason is not None:
            return [Kept(asked, reason=document.reason)]
        kinds = {(one.kind, one.zone, one.origin) for one in document.series}
        zones = {zone_of(code) for kind, code, _ in kinds if kind in ("generation", "storing")}
        found = [await self._generation(zone, document, at) for zone in sorted(filter(None, zones))]
        for kind, into, origin in sorted(kinds):
            zone, other = zone_of(into), zone_of(origin)
            if kind == "load" and zone is not None:
                told = f"load of {zone}", hourly_load(document, into)
                found.append(await self._amounts((zone, LOAD), told, at))
            if kind == "flow" and zone is not None and other is not None:
                told = f"flow from {other} to {zone}", hourly_flow(document, into, origin)
                found.append(await self._amounts((zone, other), told, at))
        return found or [Kept(asked, reason="the document tells of no zone that is known")]

    async def _generation(self, zone: str, document: Document, at: datetime) -> Kept:
        told = hourly_energy(document, eic(zone) or "")
        async with self._database.begin() as connection:
            missed = await lacking(connection, (zone, ENTSOE), told.hours)
            found = {
                hour: Mix(generation=written(mwh)) for hour, mwh in told.hours.items() if hour not in missed
            }
            done = await write_hours(connection, (zone, ENTSOE, "production"), found, at)
            await self._revise(connection, zone, done, at)
        types = sorted({CODES[code].replace("_", " ") for codes in missed.values() for code in codes})
        return _kept(zone, found, done, (len(told.incomplete) + len(missed), tuple(types)))

    async def _amounts(
        self, of: tuple[str, str], told: tuple[str, Mapping[int, float]], at: datetime
    ) -> Kept:
        what, found = told
        async with self._database.begin() as connection:
            done = await write_amounts(connection, of, found, at)
            await self._revise(connection, of[0], done, at)
        return _kept(what, found, done, (0, ()))

    async def _revise(self, connection: AsyncConnection, zone: str, done: Written, at: datetime) -> None:
        """Tell it to the sites whose figures follow from ``zone``: in it, or importing from it."""
        sites = []
        for key, site in self._sites.items() if done.changed else ():
            traced = zone in reach(site.grid) and (await load_use(connection, key)).basis == "consumption"
            if site.grid == zone or traced:
                sites.append(key)
        await revise(connection, (zone, ENTSOE, sites), done.changed, at)


def _kept(what: str, found: Mapping[int, object], done: Written, lost: tuple[int, tuple[str, ...]]) -> Kept:
    changed = len(done.changed) + done.provisional
    incomplete, types = lost
    return Kept(what, done.new, changed, len(found) - done.new - changed, incomplete, types)
