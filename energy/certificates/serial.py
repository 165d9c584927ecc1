"""Numbers of certificates: what stands before the last 15 digits, and those as an integer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIGITS = 15
"""Registries write up to 30 digits; a database counts with 18."""

LARGEST = 10**_DIGITS - 1
"""The last number of a series: the one after it is of the next series."""

_NUMBER = re.compile(r"((?:[A-Z0-9./_-]*[A-Z./_-])?)([0-9]+)")


@dataclass(frozen=True)
class Number:
    """One certificate's number. Blanks, capitals and leading zeros make no difference."""

    series: str
    value: int
    digits: int

    def written(self, value: int) -> str:
        """Another number of the same series as the registry writes it."""
        return f"{self.series}{value:0{self.digits}d}"


def number_of(text: str) -> Number:
    """The number that ``text`` writes. Raises ValueError that tells the form."""
    plain = "".join(text.split()).upper()
    found = _NUMBER.fullmatch(plain)
    if found is None or len(plain) > 64:
        raise ValueError(
            f"{text.strip()[:60]!r} is no number of a certificate: write letters and digits, digits last"
        )
    prefix, written = found[1], found[2]
    # Zeros before all digits mean nothing, so they go before those that do are cut.
    digits = written.lstrip("0") or "0"
    if len(digits) <= _DIGITS:
        return Number(prefix, int(digits), len(written))
    return Number(prefix + digits[:-_DIGITS], int(digits[-_DIGITS:]), _DIGITS)
