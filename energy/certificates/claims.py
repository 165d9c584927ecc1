"""What a site may claim from certificates: read by matching, carbon and REF; only cancelled ones count."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.bundle import numbers
from energy.certificates.gone import load_lots
from energy.certificates.plants import belongs, in_words
from energy.certificates.states import ClaimState, open_at, state_of
from energy.certificates.tables import BUNDLE, EVERY, PART, STAMP
from energy.certificates.technology import Technology
from energy.interval import QUARTER_MS, Period
from energy.proof.knowledge import Frozen, Restated, cut, load_frozen
from energy.proof.tables import LOCK, RESTATEMENT
from energy.sums.sheet import Sheet
from runtime.clock import from_ms, to_ms
from runtime.database import Database
from telemetry.frame import Floats

_STAMPS = union_all(
    select(STAMP.c.site, STAMP.c.changes),
    *(select(table.c.site, func.count()).group_by(table.c.site) for table in (LOCK, RESTATEMENT)),
)


@dataclass(frozen=True)
class Claim:
    """Certificates with consecutive numbers that serve one site: whole Wh, in one state.

    Attributes:
        start, end: what consumption they are for: of time-stamped ones (``timed``) when they were produced,
            of others the months or the year that they are allocated to.
        in_zone: whether they were produced in the site's own bidding zone.
        supply: the supply of this site or of another that made them.
        proves: whether that is one of this site, whose meter has told of that energy already.
        numbers: as people read them.
    """

    part: int
    bundle: int
    registry: str
    numbers: str
    technology: Technology
    plant: str
    timed: bool
    in_zone: bool
    supply: str | None
    proves: bool
    start: datetime
    end: datetime
    wh: int
    state: ClaimState
    statement: str | None
    expires_at: datetime

    @property
    def adds(self) -> bool:
        """Whether its energy is renewable and no meter of the site has told of it."""
        return not self.proves and self.technology.renewable

    @property
    def proven(self) -> bool:
        """Whether it proves that energy of a supply of the site was renewable, and is cancelled for it."""
        return self.proves and self.technology.renewable and self.state == "cancelled"


@dataclass(frozen=True)
class PeriodClaims:
    """The certificates of one site that are for consumption within ``period``, and nothing beyond it.

    An untimed certificate of a month counts in a period that holds the whole month. A time-stamped one
    counts with the part of its production that lies in the period. Energies are whole Wh of what adds
    (:attr:`Claim.adds`): certificates of the site's own supplies prove what is metered and add nothing.
    """

    period: Period
    claims: tuple[Claim, ...] = ()

    @property
    def cancelled_wh(self) -> int:
        """Untimed and cancelled: what counts by volume in the period, and in no hour."""
        return sum(c.wh for c in self._adding("cancelled") if not c.timed)

    @property
    def pending_wh(self) -> int:
        """Allocated and neither cancelled nor expired: what they would add."""
        return sum(_within(c, self.period) for c in self._adding("allocated"))

    def by(self, what: Literal["registry", "technology"], state: ClaimState = "cancelled") -> dict[str, int]:
        """Wh that add, in one state, by registry or technology."""
        found: dict[str, int] = {}
        for claim in self._adding(state):
            name = str(getattr(claim, what))
            found[name] = found.get(name, 0) + _within(claim, self.period)
        return dict(sorted(found.items()))

    def _adding(self, state: ClaimState) -> Iterable[Claim]:
        return (claim for claim in self.claims if claim.state == state and claim.adds)


@dataclass(frozen=True)
class Claimed:
    """All claims of one site that touch ``over``: periods within it are answered without the database."""

    over: Period
    claims: tuple[Claim, ...] = ()
    _kept: dict[Period, PeriodClaims] = field(default_factory=dict, compare=False)

    def within(self, period: Period) -> PeriodClaims:
        """What counts in ``period``, a part of ``over``."""
        if period not in self._kept:
            self._kept[period] = PeriodClaims(period, tuple(c for c in self.claims if _serves(c, period)))
        return self._kept[period]


class Claims:
    """Reads the claims of single sites (never ``all``); writes nothing.

    ``as_of`` tells what had been entered by then; None means now. Of consumption in a locked month it tells
    what had been entered when that was locked or restated last; ``but`` one month is read as restated.
    """

    def __init__(self, database: Database, but: Restated | None = None) -> None:
        self._database, self._but = database, but

    async def stamp(self, site: str) -> int:
        """A number that changes whenever anything does that ``site`` claims; 0 as long as it never did.

        So does a lock or a restatement: from then on other claims are told.
        """
        return stamp_of(await self.stamps(), site)

    async def stamps(self) -> Mapping[str, int]:
        """What :func:`stamp_of` tells the stamp of any site by."""
        async with self._database.read() as connection:
            return await load_stamps(connection)

    async def timed(
        self, site: str, first: int, quarters: int, as_of: datetime | None = None
    ) -> Mapping[str, Floats]:
        """By registry, Wh per quarter from ``first`` on (numbered since 1970) that may be matched.

        Those are cancelled time-stamped certificates of the site's own bidding zone, spread evenly over their
        quarters in whole Wh. A registry of which there is nothing is not named.
        """
        period = Period(from_ms(first * QUARTER_MS), from_ms((first + quarters) * QUARTER_MS))
        found: dict[str, Floats] = {}
        for claim in (await self.claimed(site, period, as_of)).claims:
            if claim.timed and claim.adds and claim.in_zone and claim.state == "cancelled":
                column = found.setdefault(claim.registry, np.zeros(quarters))
                spread(claim, first, column)
        return found

    async def period(self, site: str, period: Period, as_of: datetime | None = None) -> PeriodClaims:
        """What counts in ``period``, what is pending and what has expired."""
        return (await self.claimed(site, period, as_of)).within(period)

    async def claimed(self, site: str, over: Period, as_of: datetime | None = None) -> Claimed:
        """Every claim that is for some consumption in ``over``."""
        wanted = (
            select(PART, *(column.label(f"b_{column.name}") for column in BUNDLE.c))
            .join(BUNDLE, BUNDLE.c.id == PART.c.bundle)
            .where(PART.c.site == site, _meets(over))
            .order_by(BUNDLE.c.production_start, PART.c.id)
        )
        async with self._database.read() as connection:
            frozen = await load_frozen(connection, [site], as_of, self._but)
            held = [open_at(as_of), *(PART.c.ended_at > at for at in {one.at for one in frozen})]
            rows = (await connection.execute(wanted.where(or_(*held)))).mappings().all()
        known = ((row, _known(row, frozen, as_of)) for row in rows)
        return Claimed(over, tuple(_claim(row, at, site) for row, at in known if _was_open(row, at)))

    async def offered(
        self, site: str, sheet: Sheet, as_of: datetime | None = None
    ) -> tuple[Mapping[str, Floats], Mapping[str, Floats]]:
        """Both that matching asks for, over a ``sheet`` of the site: :meth:`timed` and :meth:`gone`."""
        over = sheet.first, sheet.quarters
        return await self.timed(site, *over, as_of), await self.gone(site, *over, as_of)

    async def gone(
        self, site: str, first: int, quarters: int, as_of: datetime | None = None
    ) -> Mapping[str, Floats]:
        """By plant, what share (0..1) of its certificates is gone, per quarter from ``first`` on.

        Those are sold, expired, or allocated to another site: what a supply of ``site`` delivered may be
        claimed but for that share. See :mod:`energy.certificates.gone`.
        """
        async with self._database.read() as connection:
            frozen = await load_frozen(connection, [site], as_of, self._but)
            lots = await load_lots(connection, site, list(cut(first, first + quarters, frozen, as_of)))
        return await asyncio.to_thread(lots.shares) if lots.bundles else {}


async def load_stamps(connection: AsyncConnection) -> Mapping[str, int]:
    """By site, and of all sites: what :func:`stamp_of` tells the stamp of any site by."""
    found: Counter[str] = Counter()
    for site, changes in await connection.execute(_STAMPS):
        found[site] += changes
    return found


def stamp_of(stamps: Mapping[str, int], site: str) -> int:
    """The stamp of ``site``: it is another one whenever that of :data:`EVERY` is."""
    return stamps.get(site, 0) + stamps.get(EVERY, 0)


def _known(row: RowMapping, frozen: Sequence[Frozen], as_of: datetime | None) -> datetime | None:
    """As of when a part is known: by the lock on what it serves, the hour or all of the month.

    What serves a year changes no month, so no lock holds it.
    """
    start, end = _serving(row)
    first, until = to_ms(start) // QUARTER_MS, -(-to_ms(end) // QUARTER_MS)
    if row["b_timed"]:
        return min((one.at for one in frozen if one.meets(first, until)), default=as_of)
    return next((one.at for one in frozen if one.covers(first, until)), as_of)


def _serving(row: RowMapping) -> tuple[datetime, datetime]:
    """What consumption a part is for."""
    names = ("b_production_start", "b_production_end") if row["b_timed"] else ("period_start", "period_end")
    return row[names[0]], row[names[1]]


def _was_open(row: RowMapping, as_of: datetime | None) -> bool:
    """The same as :func:`open_at`, of a row."""
    if as_of is None:
        return row["ended_at"] is None
    return row["made_at"] <= as_of and (row["ended_at"] is None or row["ended_at"] > as_of)


def _meets(over: Period) -> ColumnElement[bool]:
    by_hour = and_(BUNDLE.c.timed, BUNDLE.c.production_start < over.end, BUNDLE.c.production_end > over.start)
    by_period = and_(~BUNDLE.c.timed, PART.c.period_start < over.end, PART.c.period_end > over.start)
    return or_(by_hour, by_period)


def _claim(row: RowMapping, as_of: datetime | None, site: str) -> Claim:
    start, end = _serving(row)
    return Claim(
        part=row["id"],
        bundle=row["bundle"],
        registry=row["b_registry"],
        numbers=numbers(row["b_series"], row["b_digits"], row["first"], row["last"]),
        technology=Technology(row["b_technology"]),
        plant=row["b_plant"],
        timed=row["b_timed"],
        in_zone=row["b_zone"] == row["grid"],
        supply=in_words(row["b_supply"]),
        proves=belongs(row["b_supply"], site),
        start=start,
        end=end,
        wh=row["volume_wh"],
        state=state_of(row, as_of),
        statement=row["statement"],
        expires_at=row["b_expires_at"],
    )


def _serves(claim: Claim, period: Period) -> bool:
    if claim.timed:
        return claim.start < period.end and claim.end > period.start
    return period.start <= claim.start and claim.end <= period.end


def _within(claim: Claim, period: Period) -> int:
    """The Wh of ``claim`` that are for ``period``: of a time-stamped one, by its share of the time."""
    if not claim.timed:
        return claim.wh
    return _until(claim, to_ms(period.end)) - _until(claim, to_ms(period.start))


def _until(claim: Claim, at_ms: int) -> int:
    """Whole Wh produced before ``at_ms``, as if evenly."""
    start, end = to_ms(claim.start), to_ms(claim.end)
    return claim.wh * max(0, min(at_ms, end) - start) // (end - start)


def spread(claim: Claim, first: int, column: Floats) -> None:
    """Add the claim to the quarters of ``column``, whose first is numbered ``first``."""
    low = max(first, to_ms(claim.start) // QUARTER_MS)
    high = min(first + len(column), -(-to_ms(claim.end) // QUARTER_MS))
    for quarter in range(low, high):
        wh = _until(claim, (quarter + 1) * QUARTER_MS) - _until(claim, quarter * QUARTER_MS)
        column[quarter - first] += wh
