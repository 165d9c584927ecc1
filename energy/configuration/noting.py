"""The cause of a configuration that says otherwise of the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.altered import altered
from energy.configuration.era import Era
from energy.proof.cause import SERVICE, record


async def note_altered(
    connection: AsyncConnection,
    site: str,
    told: tuple[Sequence[Era], Sequence[Era]],
    span: tuple[int, int],
    at: datetime,
) -> None:
    """Record a cause for each part of ``span`` in which the eras of ``site`` say otherwise than before.

    ``told`` are those before and after; ``span`` is what is settled: what is not has no figures to change.
    """
    if span[0] >= span[1]:
        return
    for part in altered(*told, span):
        await record(
            connection, site=site, kind="configuration", who=SERVICE, reason=part.in_words(), at=at,
            first=part.first, until=part.until,
        )  # fmt: skip
