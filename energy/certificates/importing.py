"""Takes a registry's file in: all of it or nothing, and the same file only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
from energy.certificates.bundle import Bundle
from energy.certificates.duplicates import duplicates
from energy.certificates.effect import record_dilution
from energy.certificates.notice import note, touch
from energy.certificates.plants import doubtful, none_is_ours
from energy.certificates.registry import RegistryRules
from energy.certificates.sheet import Remark, Source, read_sheet
from energy.certificates.tables import BUNDLE, EVERY, FILE
from energy.configuration.era import eras
from energy.configuration.roster import load_plans
from energy.proof.beside import ANY
from energy.proof.turn import every_site, of_registry, take_turns
from energy.tables import ROSTER
from runtime.database import Database

log = structlog.get_logger(__name__)

_ALL = "*"
"""Whoever imports waits for every other import: the same numbers may come to two registries at once."""


@dataclass(frozen=True)
class Import:
    """What a file holds and what became of it.

    Attributes:
        taken: whether its certificates are held now that were not before; never where a line is ``wrong``.
        known: when and by whom the same file was imported before; then nothing is done.
        notes: what is to be known of lines that are right.
    """

    registry: str
    name: str
    sha256: str
    bundles: tuple[Bundle, ...]
    wrong: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    known: tuple[datetime, str] | None = None
    taken: bool = False

    @property
    def volume_wh(self) -> int:
        """The energy of all that is right in it."""
        return sum(bundle.volume_wh for bundle in self.bundles)


async def import_file(
    database: Database, rules: RegistryRules, source: Source, act: Act, *, dry_run: bool = False
) -> Import:
    """Import ``source`` into the account at the registry of ``rules``.

    A file in which one line is wrong is not taken at all: what is wrong is in the answer. With ``dry_run``
    nothing is written, and the answer tells what would be.
    """
    async with database.read() as connection:
        rules = await _wary(connection, rules)
    sheet = read_sheet(source, rules, act.at)
    found = Import(rules.key, source.name, source.sha256, sheet.bundles, sheet.wrong, sheet.notes)
    if dry_run:
        async with database.read() as connection:
            return await _checked(connection, found)
    async with database.begin() as connection:
        turns = of_registry(_ALL), of_registry(rules.key)
        every = {*turns, *await every_site(connection)}
        act = replace(act, at=await take_turns(connection, every, act.at))
        found = await _checked(connection, found)
        if not found.wrong and found.known is None:
            await _write(connection, found, rules.named, act)
            found = replace(found, taken=True)
    log.info("certificates_imported", registry=rules.key, file=source.name, taken=found.taken,
             bundles=len(found.bundles), wrong=len(found.wrong), who=act.who)  # fmt: skip
    return found


async def _wary(connection: AsyncConnection, rules: RegistryRules) -> RegistryRules:
    """``rules`` that doubt what may be of a supply which has left the configuration, too: it was metered."""
    if none_is_ours(rules):
        return rules
    listed = (await connection.execute(select(ROSTER.c.site).distinct())).scalars().all()
    plans = await load_plans(connection, listed)
    past = ((key, era.site) for key, told in plans.items() for era in eras(ANY, told) if not era.absent)
    return replace(rules, doubtful={**doubtful(past, rules.named), **rules.doubtful})


async def _checked(connection: AsyncConnection, found: Import) -> Import:
    """``found`` with what the table knows of it."""
    same = select(FILE).where(FILE.c.sha256 == found.sha256)
    files = (await connection.execute(same)).mappings().all()
    before = next((row for row in files if row["registry"] == found.registry), None)
    if before is not None:
        return replace(found, wrong=(), notes=(), known=(before["imported_at"], before["who"]))
    wrong = [*found.wrong, *await duplicates(connection, found.bundles)]
    wrong += [
        Remark(
            0,
            f"the same file was imported by {row['who']} into the account at registry {row['registry']}; "
            "what was transferred comes in a file of the registry that it went to",
        )
        for row in files
    ]
    return replace(found, wrong=tuple(sorted(wrong, key=lambda remark: remark.line)))


async def _write(
    connection: AsyncConnection, found: Import, buyers: Mapping[str, Sequence[str]], act: Act
) -> None:
    file = {"registry": found.registry, "name": found.name[:200], "sha256": found.sha256,
            "rows": len(found.bundles), "imported_at": act.at, "who": act.who}  # fmt: skip
    made = await connection.execute(insert(FILE).values(file))
    (number,) = made.inserted_primary_key or (0,)
    rows = [_row(bundle, int(number), act) for bundle in found.bundles]
    returned = await connection.execute(
        insert(BUNDLE).returning(BUNDLE.c.id, sort_by_parameter_order=True), rows
    )
    for row, identity in zip(rows, returned.scalars().all(), strict=True):
        row |= {"bundle": identity, "part": None}
    proof = replace(act, document=act.document or found.name[:200])
    await note(connection, "issued", rows, proof)
    await note(connection, "held", [row for row in rows if row["held_at"] is not None], proof)
    if any(bundle.supply is not None for bundle in found.bundles):
        # What share of its plant's certificates is gone may be another now.
        await touch(connection, [EVERY])
        await record_dilution(connection, buyers, rows, proof)


def _row(bundle: Bundle, file: int, act: Act) -> dict[str, Any]:
    names = ("registry", "series", "first", "last", "digits", "certificate_wh", "volume_wh", "timed",
             "production_start", "production_end", "zone", "country", "plant", "supply", "issued_at",
             "expires_at")  # fmt: skip
    return {
        **{name: getattr(bundle, name) for name in names},
        "technology": str(bundle.technology),
        "commissioned": None if bundle.commissioned is None else bundle.commissioned.isoformat(),
        "held_at": act.at if bundle.held else None,
        "file": file,
        "row": bundle.line,
        "imported_at": act.at,
        "who": act.who,
    }
