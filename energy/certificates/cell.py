"""Cells of a file of energy: amounts, times and words, read strictly, so that no factor 1000 slips in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

WH = {"MWh": 1_000_000, "kWh": 1_000, "Wh": 1}

_BLANKS = re.compile(r"[\s\u00a0\u202f]")


class Form(Protocol):
    """How the cells of a file are written; ``told_in`` is where that can be set, for people."""

    @property
    def unit(self) -> str:
        """Of its amounts: one of :data:`WH`."""

    @property
    def decimal(self) -> str:
        """What stands before decimals."""

    @property
    def date_form(self) -> str:
        """Of a date, as strptime reads it."""

    @property
    def time_zone(self) -> str:
        """Of times without an offset, by its IANA name."""

    @property
    def tz(self) -> ZoneInfo:
        """The same."""

    @property
    def told_in(self) -> str:
        """Where these are set."""


def amount_wh(text: str, rules: Form, least: int = 1) -> int:
    """A volume in the unit of ``rules`` as whole Wh, at ``least`` so many.

    Raises ValueError that tells the form.
    """
    plain = _BLANKS.sub("", text)
    if not re.fullmatch(rf"\d{{1,15}}({re.escape(rules.decimal)}\d{{1,9}})?", plain):
        raise ValueError(
            f"{text.strip()[:40]!r} is no amount: write digits with {rules.decimal!r} before decimals and "
            f"no sign between thousands, or set decimal in {rules.told_in}"
        )
    wh = Decimal(plain.replace(rules.decimal, ".")) * WH[rules.unit]
    if wh != wh.to_integral_value() or wh < least:
        above = " above 0" if least else ""
        raise ValueError(f"{text.strip()[:40]} {rules.unit} is no whole number of Wh{above}")
    return int(wh)


def whole(text: str) -> int:
    """A count of certificates. Raises ValueError."""
    plain = _BLANKS.sub("", text)
    if not re.fullmatch(r"[1-9]\d{0,14}", plain):
        raise ValueError(f"{text.strip()[:40]!r} is no count of certificates: write a whole number above 0")
    return int(plain)


def moment(text: str, rules: Form, *, end: bool = False) -> datetime:
    """A time as aware UTC: ISO 8601, or the date form of ``rules``, with a time of day or without.

    Without an offset it is of the registry's time zone; a date alone that is the ``end`` of a period
    means the end of that day. Raises ValueError that tells the form, or that an hour happened twice.
    """
    plain = text.strip()
    found = _iso(plain) or _formed(plain, rules.date_form)
    if found is None:
        raise ValueError(
            f"{plain[:40]!r} is no time: write 2026-10-01, 2026-10-01T00:00+02:00 or the form "
            f"{rules.date_form!r}, or set date_form in {rules.told_in}"
        )
    if end and _is_date(plain):
        found += timedelta(days=1)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    early, late = (found.replace(tzinfo=rules.tz, fold=fold).utcoffset() for fold in (0, 1))
    if early != late:
        raise ValueError(
            f"{plain[:40]!r}: clocks change in {rules.time_zone} then; write the offset, as in "
            "2026-10-25T02:00+02:00"
        )
    return found.replace(tzinfo=rules.tz).astimezone(UTC)


def day(text: str, rules: Form) -> date:
    """A civil day. Raises ValueError that tells the form."""
    return moment(text, rules).astimezone(rules.tz).date()


def _is_date(plain: str) -> bool:
    return ":" not in plain


def _iso(plain: str) -> datetime | None:
    if not re.match(r"\d{4}-\d\d-\d\d", plain):
        return None
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        return None


def _formed(plain: str, form: str) -> datetime | None:
    for times in ("", " %H:%M", " %H:%M:%S"):
        try:
            return datetime.strptime(plain, form + times)  # noqa: DTZ007 - the caller sets the zone
        except ValueError:
            continue
    return None
