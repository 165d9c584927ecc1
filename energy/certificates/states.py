"""What state a part of certificates is in, by what had been entered at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, RowMapping, and_, or_

from energy.certificates.tables import PART

ClaimState = Literal["allocated", "cancelled", "revoked", "expired"]
"""Only what is ``cancelled`` counts. ``allocated`` is pending: it would count once cancelled."""


def open_at(as_of: datetime | None) -> ColumnElement[bool]:
    """Which parts had been made and not released by then; None is now."""
    if as_of is None:
        return PART.c.ended_at.is_(None)
    return and_(PART.c.made_at <= as_of, or_(PART.c.ended_at.is_(None), PART.c.ended_at > as_of))


def state_of(row: RowMapping, as_of: datetime | None) -> ClaimState:
    """The state of an open part by what had been entered ``as_of`` a time."""

    def by_then(name: str) -> bool:
        at: datetime | None = row[name]
        return at is not None and (as_of is None or at <= as_of)

    if by_then("revoked_at"):
        return "revoked"
    if by_then("cancelled_at"):
        return "cancelled"
    return "expired" if by_then("expired_at") else "allocated"
