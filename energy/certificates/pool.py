"""What is free of the certificates of a registry, and which of it an order takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.bundle import numbers
from energy.certificates.tables import BUNDLE, PART
from energy.certificates.technology import Technology
from energy.interval import Period


@dataclass(frozen=True)
class Wanted:
    """Which certificates may be taken: of ``registry``, of the ``bundles`` or ``technology`` named, if any.

    ``period`` is the consumption that they are for: time-stamped ones must have been produced within it.
    """

    registry: str
    bundles: tuple[int, ...] = ()
    technology: Technology | None = None
    period: Period | None = None


@dataclass(frozen=True)
class Piece:
    """Consecutive numbers of one bundle (its row), both ends included."""

    bundle: RowMapping
    first: int
    last: int

    @property
    def wh(self) -> int:
        """Their energy."""
        each: int = self.bundle["certificate_wh"]
        return (self.last - self.first + 1) * each

    @property
    def numbers(self) -> str:
        """As the registry writes them."""
        return numbers(self.bundle["series"], self.bundle["digits"], self.first, self.last)


async def free_pieces(connection: AsyncConnection, wanted: Wanted, at: datetime) -> list[Piece]:
    """What nobody has yet and has not expired ``at`` that time, what expires first in front."""
    bundles = (await connection.execute(_bundles(wanted, at))).mappings().all()
    chosen = [row for row in bundles if _fits(row, wanted)]
    taken = await taken_numbers(connection, [row["id"] for row in chosen])
    return [
        Piece(row, first, last)
        for row in chosen
        for first, last in free_numbers((row["first"], row["last"]), taken.get(row["id"], []))
    ]


def free_numbers(whole: tuple[int, int], taken: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The runs of ``whole`` that none of ``taken`` holds; all of them include both ends."""
    first, last = whole
    for low, high in sorted(taken):
        if low > first:
            yield first, low - 1
        first = max(first, high + 1)
    if first <= last:
        yield first, last


def choose(pieces: Sequence[Piece], wh: int | None) -> list[Piece]:
    """Pieces of exactly ``wh`` together, from the front; all for None. Raises ValueError."""
    free = sum(piece.wh for piece in pieces)
    if wh is None and pieces:
        return list(pieces)
    if not pieces or wh is None or free < wh:
        asked = "any" if wh is None else f"{wh / 1e6:,.6g} MWh"
        raise ValueError(f"{asked} cannot be taken: {free / 1e6:,.6g} MWh of what was asked for are free")
    if wh <= 0:
        raise ValueError("volume: must be above 0")
    chosen, left = [], wh
    for piece in pieces:
        each = piece.bundle["certificate_wh"]
        many = min(piece.last - piece.first + 1, left // each)
        if many:
            chosen.append(Piece(piece.bundle, piece.first, piece.first + many - 1))
            left -= many * each
    if left:
        raise ValueError(
            f"volume: {wh / 1e6:,.6g} MWh cannot be made of whole certificates; {(wh - left) / 1e6:,.6g} can"
        )
    return chosen


async def taken_numbers(
    connection: AsyncConnection, bundles: Sequence[int]
) -> dict[int, list[tuple[int, int]]]:
    """The numbers of each of ``bundles`` that serve somebody or are gone."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for low in range(0, len(bundles), 500):
        wanted = select(PART.c.bundle, PART.c.first, PART.c.last).where(
            PART.c.ended_at.is_(None), PART.c.bundle.in_(bundles[low : low + 500])
        )
        for row in await connection.execute(wanted):
            found[row.bundle].append((row.first, row.last))
    return found


def _bundles(wanted: Wanted, at: datetime) -> Select[tuple[object, ...]]:
    query = select(BUNDLE).where(BUNDLE.c.registry == wanted.registry, BUNDLE.c.expires_at > at)
    if wanted.bundles:
        query = query.where(BUNDLE.c.id.in_(wanted.bundles))
    if wanted.technology is not None:
        query = query.where(BUNDLE.c.technology == str(wanted.technology))
    return query.order_by(BUNDLE.c.expires_at, BUNDLE.c.production_start, BUNDLE.c.id)


def _fits(row: RowMapping, wanted: Wanted) -> bool:
    """Whether it can serve what it is wanted for: renewable, and if time-stamped, of that time."""
    if wanted.period is None:
        return True
    within = wanted.period.start <= row["production_start"] and row["production_end"] <= wanted.period.end
    return Technology(row["technology"]).renewable and (within or not row["timed"])
