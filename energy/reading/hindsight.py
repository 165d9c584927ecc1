"""How settled the ledger of some sites is, and what has changed in it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.era import Era
from energy.interval import Period
from energy.proof.month_lock import load_locks
from energy.proof.past import Past, load_past, quarters_in
from energy.reading.entries import Standing
from energy.reading.look import Look
from energy.reading.presence import judged_until, quarters_of, settled_quarter
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.sheet import settled_until
from runtime.database import Database

_BACK_DAYS = 36
"""Read at once before the first period that a look is asked for: a month, or the weeks behind a profile."""


class Hindsight:
    """Judges by a correction ``window`` which intervals are provisional, settled or restated."""

    def __init__(self, database: Database, window: timedelta) -> None:
        self._database, self._window = database, quarters_in(window)

    async def past(
        self,
        what: tuple[Period, Mapping[str, Sequence[Era]]],
        settled: Mapping[str, int | None],
        as_of: datetime | None,
        look: Look | None,
    ) -> Past:
        """What happened to figures since they were settled; a ``look`` is had once.

        ``what`` are their period and the eras of their sites; those of ``settled`` were there in it.
        """
        period, found = what
        past = await self._past(list(found), quarters_of(period), as_of, look)
        return replace(past, watermark=judged_until(settled, found))

    async def _past(
        self, keys: Sequence[str], span: tuple[int, int], as_of: datetime | None, look: Look | None
    ) -> Past:
        if as_of is not None or look is None:
            return await self._load(keys, span, as_of)
        if look.past is None or not look.past.holds(*span):
            days = look.widened(range(span[0] // QUARTERS_A_DAY - _BACK_DAYS, -(-span[1] // QUARTERS_A_DAY)))
            first, until = days.start * QUARTERS_A_DAY, days.stop * QUARTERS_A_DAY
            if look.past is not None:
                first, until = min(first, look.past.first), max(until, look.past.until)
            sites = keys if look.estate is None else list(look.estate.sites)
            look.past = await self._load(sites, (first, until), None)
        return look.past

    async def standing(
        self, connection: AsyncConnection, found: Mapping[str, Sequence[Era]], as_of: datetime | None
    ) -> Standing:
        """How far each site, by its eras, was settled."""
        settled = {key: await settled_until(connection, key, as_of) for key in found}
        newest = judged_until(settled, found)
        left = {key: newest if settled_quarter(q, found[key]) != q else q for key, q in settled.items()}
        return Standing(left, self._window, await load_locks(connection, list(found), as_of))

    async def _load(self, keys: Sequence[str], span: tuple[int, int], as_of: datetime | None) -> Past:
        async with self._database.read() as connection:
            return await load_past(connection, keys, span, self._window, as_of)
