"""Which quarters causes and locks reach: sorted once, so that each of many rows asks by bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Quarters = tuple[int, int]
"""``first <= q < until``."""


class Reach:
    """A union of quarters; ranges that meet or overlap are one."""

    def __init__(self, ranges: Iterable[Quarters] = ()) -> None:
        self._firsts: list[int] = []
        self._untils: list[int] = []
        for first, until in sorted(one for one in ranges if one[0] < one[1]):
            if self._untils and first <= self._untils[-1]:
                self._untils[-1] = max(self._untils[-1], until)
            else:
                self._firsts.append(first)
                self._untils.append(until)

    @classmethod
    def merged(cls, ranges: Iterable[Quarters]) -> Sequence[Quarters]:
        """The ranges of the union of ``ranges``, in order."""
        found = cls(ranges)
        return list(zip(found._firsts, found._untils, strict=True))

    def meets(self, first: int, until: int) -> bool:
        """Whether any of the quarters is in it."""
        at = bisect_left(self._firsts, until) - 1
        return at >= 0 and self._untils[at] > first

    def covers(self, first: int, until: int) -> bool:
        """Whether all of the quarters are in it."""
        at = bisect_right(self._firsts, first) - 1
        return at >= 0 and self._untils[at] >= until


class Count:
    """How many of several things reach some quarters; each is given by the parts that it reaches."""

    def __init__(self, parts: Iterable[Sequence[Quarters]] = ()) -> None:
        whole: list[Quarters] = []
        self._broken: list[Reach] = []
        for own in parts:
            if len(own) == 1:
                whole.append(own[0])
            elif own:
                self._broken.append(Reach(own))
        self._firsts = sorted(first for first, _ in whole)
        self._untils = sorted(until for _, until in whole)

    def of(self, first: int, until: int) -> int:
        """How many reach any of the quarters ``first <= q < until``."""
        begun, over = bisect_left(self._firsts, until), bisect_right(self._untils, first)
        return begun - over + sum(one.meets(first, until) for one in self._broken)
