"""What a battery holds, parcel by parcel: first in, first out, in exact fractions of a watt-hour."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import NamedTuple


class Hour(NamedTuple):
    """Wh of one hour: ``drawn`` left the store, of which ``given`` reached the site."""

    load: int
    contracted: int
    charged: int
    drawn: int
    given: int


class TrueStore:
    """Begins empty. Of what charges it, as much is green as the hour's supply had left after its load."""

    def __init__(self) -> None:
        self._parcels: deque[tuple[Fraction, Fraction]] = deque()  # Wh, and the share of them that is green

    def pass_hour(self, hour: Hour) -> int:
        """Whole Wh of what was given that are green."""
        green, missing = self._draw(hour.drawn)
        left = hour.charged - missing  # what comes in and goes out within the hour does not stay
        if left > 0:
            surplus = min(hour.charged, max(0, hour.contracted - hour.load))
            self._parcels.append((left, Fraction(surplus, hour.charged)))
        return int(green * hour.given / hour.drawn) if hour.drawn else 0

    def _draw(self, wh: int) -> tuple[Fraction, Fraction]:
        """Take ``wh`` from the front: how much of it was green, and how much was not there."""
        green, wanted = Fraction(0), Fraction(wh)
        while wanted and self._parcels:
            size, share = self._parcels.popleft()
            taken = min(size, wanted)
            green += taken * share
            wanted -= taken
            if size > taken:
                self._parcels.appendleft((size - taken, share))
        return green, wanted
