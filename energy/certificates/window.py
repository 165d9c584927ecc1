"""For what consumption a certificate may be used: production and consumption belong to one year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from energy.certificates.pool import Piece
from energy.certificates.registry import RegistryRules, months_later
from energy.interval import Period


def window_of(period: Period, rules: RegistryRules, tz: ZoneInfo) -> Period:
    """When a certificate must have been produced to serve the consumption of ``period``, a month or year.

    In its calendar year by the registry's days (ISO/IEC 30134-3 compares twelve months with the same twelve),
    or as the registry itself declares: so many months up to the end of the consumption.
    """
    if rules.window_months is not None:
        return Period(months_later(period.end, -rules.window_months, tz), period.end)
    year = period.start.astimezone(tz).year
    first, following = (datetime(year + later, 1, 1, tzinfo=rules.tz).astimezone(UTC) for later in (0, 1))
    return Period(first, following)


def within(pieces: Sequence[Piece], window: Period) -> tuple[list[Piece], list[Piece]]:
    """Those that were produced in ``window``, and the others."""
    fit: list[Piece] = []
    others: list[Piece] = []
    for piece in pieces:
        produced = piece.bundle["production_start"], piece.bundle["production_end"]
        (fit if window.start <= produced[0] and produced[1] <= window.end else others).append(piece)
    return fit, others


def outside(others: Sequence[Piece], window: Period, rules: RegistryRules) -> str:
    """Why ``others`` were not taken, with what to do about it; empty if there are none."""
    if not others:
        return ""
    mwh = sum(piece.wh for piece in others) / 1e6
    start, last = (at.astimezone(rules.tz) for at in (window.start, window.end))
    return (
        f"; {mwh:,.6g} MWh were not produced between {start:%Y-%m-%d} and {last:%Y-%m-%d}, as what serves "
        f"this consumption must be; a registry with another rule declares window_months in {rules.told_in}"
    )
