"""A publisher's own count of its messages: which are lost, even when some come again or out of order."""

from __future__ import annotations

from telemetry.counted import ALL, REMEMBERED, Counted

LARGEST_GAP = 100_000
"""A number that is further ahead of the newest (a day at one a second) is a new count, not a loss."""

LARGEST = 2**53
"""Numbers beyond this are no counts: JSON has no whole numbers there, and the disk no room."""


class Counter:
    """Follows the ``seq`` of one publisher. A broker sends again what it does not know to have arrived, and
    one that died sends again what it had written down long ago: neither is a loss, nor what follows it.

    ``at_ms`` is the time of the ``newest`` number: a lower one that is later than that begins a new count.
    """

    __slots__ = ("at_ms", "came", "newest")

    def __init__(self, seq: int, at_ms: int) -> None:
        # Whatever came before the first number that is known is taken to have come.
        self.newest, self.came, self.at_ms = seq, ALL, at_ms

    @classmethod
    def of(cls, known: Counted) -> Counter:
        """Go on from what was known before."""
        counter = cls(known.newest, known.at_ms)
        counter.came = known.came
        return counter

    def take(self, seq: int, at_ms: int) -> int:
        """How many more messages are lost, now that ``seq`` has come; -1 when it is one of those itself."""
        ahead = seq - self.newest
        if ahead == 1:
            self.came = (self.came << 1 | 1) & ALL
        elif 0 < ahead <= LARGEST_GAP:
            self.came = (self.came << ahead | 1) & ALL if ahead < REMEMBERED else 1
        elif ahead <= 0 and at_ms <= self.at_ms:
            return self._again(-ahead)
        else:
            self.newest, self.came, self.at_ms = seq, ALL, at_ms
            return 0
        self.newest, self.at_ms = seq, at_ms
        return ahead - 1

    def _again(self, back: int) -> int:
        if back >= REMEMBERED or self.came >> back & 1:
            return 0
        self.came |= 1 << back
        return -1
