"""Certificates with consecutive numbers, as one row of a registry's file tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from energy.certificates.technology import Technology

TIMED = timedelta(hours=1)
"""Produced within this, a certificate is time-stamped (granular)."""


@dataclass(frozen=True)
class Bundle:
    """What is known of them; ``line`` is that of the file. ``certificate_wh`` is what each number stands for.

    ``supply`` names the site's own supply that made them; ``held``: on our account, else only issued.
    """

    registry: str
    series: str
    first: int
    last: int
    digits: int
    certificate_wh: int
    production_start: datetime
    production_end: datetime
    zone: str
    country: str | None
    technology: Technology
    plant: str
    supply: str | None
    commissioned: date | None
    issued_at: datetime | None
    expires_at: datetime
    held: bool
    line: int

    @property
    def count(self) -> int:
        """How many certificates they are."""
        return self.last - self.first + 1

    @property
    def volume_wh(self) -> int:
        """Their energy."""
        return self.count * self.certificate_wh

    @property
    def timed(self) -> bool:
        """Whether they can prove in which hour their energy was made."""
        return self.production_end - self.production_start <= TIMED

    @property
    def numbers(self) -> str:
        """``PL-2026-00001 to PL-2026-00100``, or the one number that it is."""
        return numbers(self.series, self.digits, self.first, self.last)

    def overlaps(self, other: Bundle) -> bool:
        """Whether both name the same certificate."""
        same = (self.registry, self.series) == (other.registry, other.series)
        return same and self.first <= other.last and other.first <= self.last


def numbers(series: str, digits: int, first: int, last: int) -> str:
    """Consecutive numbers as people read them."""
    written = f"{series}{first:0{digits}d}"
    return written if first == last else f"{written} to {series}{last:0{digits}d}"
