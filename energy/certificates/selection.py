"""Which allocated certificates something is done to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.bundle import numbers
from energy.certificates.states import ClaimState, state_of
from energy.certificates.tables import BUNDLE, PART
from energy.interval import Period

_FROM: Mapping[str, tuple[ClaimState, ...]] = {
    "cancelled": ("allocated", "expired"),
    "revoked": ("cancelled",),
    "released": ("allocated", "revoked", "expired"),
}
"""From which states each change leads on: of what expired, a cancellation in time may come to be known."""


@dataclass(frozen=True)
class Selection:
    """Parts by number, or all of a site and period, of a registry: what is not told does not narrow it."""

    parts: tuple[int, ...] = ()
    site: str | None = None
    period: Period | None = None
    registry: str | None = None
    expired_by: datetime | None = None


async def registries_of(connection: AsyncConnection, selection: Selection) -> list[str]:
    """The registries whose turn has to be taken before anything is done to the selection."""
    rows = await selected(connection, selection)
    return sorted({row["registry"] for row in rows})


async def selected(connection: AsyncConnection, selection: Selection) -> Sequence[RowMapping]:
    """The open parts of sites that it names, with what is known of their bundles."""
    found: Sequence[RowMapping] = (await connection.execute(_query(selection))).mappings().all()
    return found


async def named(
    connection: AsyncConnection, selection: Selection, kind: str, on: datetime | None = None
) -> list[RowMapping]:
    """Those of the selection that ``kind`` may happen to, ``on`` a day of the registry's.

    Raises ValueError when there is none, or when one that was named by its number does not allow it.
    """
    if not selection.parts and (selection.site is None or selection.period is None):
        raise ValueError("name the parts by their numbers, or a site and a period")
    rows = await selected(connection, selection)
    missing = set(selection.parts) - {row["part"] for row in rows}
    if missing:
        raise ValueError(f"part {min(missing)}: serves no site now")
    fit = [row for row in rows if state_of(row, None) in _FROM[kind]]
    wrong = [row for row in rows if row["part"] in selection.parts and row not in fit]
    if wrong:
        state = state_of(wrong[0], None)
        final = "; what is cancelled stays so unless it is revoked" if state == "cancelled" else ""
        raise ValueError(f"part {wrong[0]['part']}: is {state} and cannot be {kind}{final}")
    if not fit:
        raise ValueError(f"nothing of that can be {kind}: it would have to be {' or '.join(_FROM[kind])}")
    if on is not None:
        fit = _in_time(fit, selection, on)
        for row in fit:
            _cancellable(row, on)
    return fit


def _in_time(rows: list[RowMapping], selection: Selection, on: datetime) -> list[RowMapping]:
    """Without those that nobody named and that had expired by ``on``; all if nothing is left then."""

    def gone(row: RowMapping) -> bool:
        named_itself = row["part"] in selection.parts
        return not named_itself and state_of(row, None) == "expired" and bool(row["expires_at"] <= on)

    return [row for row in rows if not gone(row)] or rows


def _cancellable(row: RowMapping, on: datetime) -> None:
    told = numbers(row["series"], row["digits"], row["first"], row["last"])
    if row["held_at"] is None:
        raise ValueError(
            f"{told}: are issued but not on our account yet; enter first that they were received"
        )
    if row["expires_at"] <= on:
        raise ValueError(f"{told}: expired on {row['expires_at']:%Y-%m-%d}, before the cancellation")
    if on < row["production_end"]:
        raise ValueError(f"{told}: cannot have been cancelled before they were produced")


def _query(selection: Selection) -> Select[Any]:
    query = (
        select(
            PART,
            PART.c.id.label("part"),
            BUNDLE.c.expired_at.label("over"),
            *(c for c in BUNDLE.c if c.name not in PART.c and c.name != "id"),
        )
        .join(BUNDLE, BUNDLE.c.id == PART.c.bundle)
        .where(PART.c.ended_at.is_(None), PART.c.site.is_not(None))
        .order_by(PART.c.id)
    )
    if selection.parts:
        query = query.where(PART.c.id.in_(selection.parts))
    if selection.site is not None:
        query = query.where(PART.c.site == selection.site)
    if selection.registry is not None:
        query = query.where(BUNDLE.c.registry == selection.registry)
    if selection.period is not None:
        start, end = selection.period.start, selection.period.end
        query = query.where(PART.c.period_start == start, PART.c.period_end == end)
    if selection.expired_by is not None:
        void = and_(PART.c.revoked_at.is_not(None), BUNDLE.c.expired_at.is_(None))
        query = query.where(
            BUNDLE.c.expires_at <= selection.expired_by,
            PART.c.expired_at.is_(None),
            or_(PART.c.cancelled_at.is_(None), void),
        )
    return query
