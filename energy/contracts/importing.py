"""Takes a file of delivered volumes in: all of it or nothing; what it tells otherwise is a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.sheet import Remark, Source
from energy.contracts.form import VolumeForm
from energy.contracts.plant import Plant
from energy.contracts.sheet import Volume, read_volumes
from energy.contracts.tables import FILE, VOLUME
from energy.contracts.twice import taken_twice
from energy.proof.act import Act
from energy.proof.turn import of_registry, of_site, take_turns
from energy.settlement.due import add_marks
from runtime.database import Database, insert_rows
from telemetry.catalogue import SUPPLY

log = structlog.get_logger(__name__)


_EVERY_CONTRACT = "contracts"
"""Whoever imports waits for every other import: the same volumes may come for two contracts at once."""


@dataclass(frozen=True)
class Delivery:
    """What a file of ``plant`` holds and what became of it.

    Attributes:
        taken: whether its volumes are kept now; never where a line is ``wrong``.
        fresh: how many of its quarter-hours no file told before, ``restated`` how many an earlier one told
            otherwise. The rest is told as before.
        known: when and by whom the same file was imported before, if that stands; then nothing is done.
        notes: what is to be known of lines that are right.
    """

    plant: Plant
    name: str
    sha256: str
    volumes: tuple[Volume, ...]
    wrong: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    fresh: int = 0
    restated: int = 0
    known: tuple[datetime, str] | None = None
    taken: bool = False

    @property
    def wh(self) -> int:
        """All that it tells of."""
        return sum(volume.wh for volume in self.volumes)


class _Version(NamedTuple):
    """The newest version of a quarter-hour, and the name of the file that told it."""

    number: int
    wh: int
    file: str


_News = Sequence[tuple[Volume, int]]
"""Volumes that are new or other than before, each with the number of its version."""


async def import_volumes(
    database: Database, plant: Plant, what: tuple[Source, VolumeForm], act: Act, *, dry_run: bool = False
) -> Delivery:
    """Import a file in which ``plant`` is told of; with ``dry_run`` nothing is written.

    A file in which one line is wrong is not taken at all: what is wrong is in the answer, and so is that its
    volumes are another plant's already. What another file restated since is told again by importing it once
    more. What is taken is marked in the same transaction, so that the ledger settles it next; of a locked
    month it waits there for a restatement.
    """
    source, form = what
    sheet = read_volumes(source, form, plant, act.at)
    found = Delivery(plant, source.name, source.sha256, sheet.volumes, sheet.wrong, sheet.notes)
    if dry_run:
        async with database.read() as connection:
            return (await _compared(connection, found))[0]
    async with database.begin() as connection:
        turns = (of_registry(_EVERY_CONTRACT), of_site(plant.site))
        act = replace(act, at=await take_turns(connection, turns, act.at))
        found, news = await _compared(connection, found)
        if not found.wrong and found.known is None:
            await _write(connection, found, news, act)
            found = replace(found, taken=True)
    log.info("volumes_imported", site=plant.site, supply=plant.supply, file=source.name, taken=found.taken,
             fresh=found.fresh, restated=found.restated, wrong=len(found.wrong), who=act.who)  # fmt: skip
    return found


async def _compared(connection: AsyncConnection, found: Delivery) -> tuple[Delivery, _News]:
    """``found`` with what earlier files told, and what it tells that they did not."""
    plant = found.plant
    twice = await taken_twice(connection, plant, found.sha256, found.volumes)
    found = replace(found, wrong=(*found.wrong, *twice))
    if not found.volumes or found.wrong:
        return found, ()
    newest = await _newest(connection, found)
    news: list[tuple[Volume, int]] = []
    others: dict[str, list[Volume]] = {}
    for volume in found.volumes:
        known = newest.get(volume.quarter)
        if known is None or known.wh != volume.wh:
            news.append((volume, 1 if known is None else known.number + 1))
        if known is not None and known.wh != volume.wh:
            others.setdefault(known.file, []).append(volume)
    same = select(FILE.c.imported_at, FILE.c.who).where(
        FILE.c.site == plant.site, FILE.c.supply == plant.supply, FILE.c.sha256 == found.sha256
    )
    before = (await connection.execute(same.order_by(FILE.c.id.desc()))).first()
    if before is not None and not news:
        return replace(found, notes=(), known=(before.imported_at, before.who)), ()
    told = [
        Remark(
            changed[0].line,
            f"{len(changed)} quarter-hours from here on differ from {file!r}: they are restated",
        )
        for file, changed in others.items()
    ]
    restated = sum(map(len, others.values()))
    notes = (*found.notes, *told)
    return replace(found, notes=notes, fresh=len(news) - restated, restated=restated), news


async def _newest(connection: AsyncConnection, found: Delivery) -> Mapping[int, _Version]:
    """By quarter, what is known of the time that the file spans."""
    wanted = (
        select(VOLUME.c.quarter, VOLUME.c.version, VOLUME.c.amount, FILE.c.name)
        .join(FILE, FILE.c.id == VOLUME.c.file)
        .where(VOLUME.c.site == found.plant.site, VOLUME.c.supply == found.plant.supply)
        .where(VOLUME.c.quarter.between(found.volumes[0].quarter, found.volumes[-1].quarter))
        .order_by(VOLUME.c.version)
    )
    rows = await connection.execute(wanted)
    return {row.quarter: _Version(row.version, row.amount, row.name) for row in rows}


async def _write(connection: AsyncConnection, found: Delivery, news: _News, act: Act) -> None:
    plant = found.plant
    whose = {"site": plant.site, "supply": plant.supply}
    file = {"name": found.name[:200], "sha256": found.sha256, "quarters": len(news), "imported_at": act.at,
            "who": act.who, "reason": act.reason}  # fmt: skip
    made = await connection.execute(insert(FILE).values(whose | file))
    (number,) = made.inserted_primary_key or (0,)
    rows = [
        {**whose, "quarter": volume.quarter, "version": version, "amount": volume.wh, "file": int(number),
         "line": volume.line, "known_at": act.at}
        for volume, version in news
    ]  # fmt: skip
    if rows:
        await insert_rows(connection, VOLUME, rows)
        await add_marks(connection, _marks(plant, [volume.quarter for volume, _ in news]))


def _marks(plant: Plant, quarters: Sequence[int]) -> list[dict[str, Any]]:
    """Each run of ``quarters`` for the ledger to settle."""
    runs: list[list[int]] = []
    for quarter in quarters:
        if runs and runs[-1][1] == quarter:
            runs[-1][1] += 1
        else:
            runs.append([quarter, quarter + 1])
    whose = {"site": plant.site, "measurement": SUPPLY.name, "meter": plant.supply}
    return [{**whose, "first": first, "until": until, "readings": until - first} for first, until in runs]
