"""A publisher's own count of its messages: which are lost, even when some come again or out of order."""

from __future__ import annotations

from datetime import timedelta

from telemetry.counted import ALL, REMEMBERED, Counted

LARGEST_GAP = 100_000
"""Of a number that is further ahead of the newest (a day at one a second) it is not clear whether a new count
begins: it is a loss of as many as the publisher's rhythm says, not of as many as the numbers do."""

LARGEST = 2**53
"""Numbers beyond this are no counts: JSON has no whole numbers there, and the disk no room."""

OTHERS = 8
"""Publishers on one topic whose counts are told apart."""

OTHER_MS = timedelta(hours=1) // timedelta(milliseconds=1)
"""A count that was left for another and is not gone on with for so long has ended."""

ENOUGH_RETURNS = 5
"""Returns to a count that was left before it is clear that it was not left at all."""


class Counter:
    """Follows the ``seq`` of one publisher. A broker sends again what it does not know to have arrived, and
    one that died sends again what it had written down long ago: neither is a loss, nor what follows it.

    ``at_ms`` is the time of the ``newest`` number: a lower one that is later than that begins a new count.
    When the one before goes on as well, several publishers send to one topic: each is followed by itself.
    """

    __slots__ = ("_others", "_returns", "at_ms", "came", "newest")

    def __init__(self, seq: int, at_ms: int) -> None:
        # Whatever came before the first number that is known is taken to have come.
        self.newest, self.came, self.at_ms = seq, ALL, at_ms
        self._others: list[tuple[int, int, int]] | None = None
        self._returns = 0

    @classmethod
    def of(cls, known: Counted) -> Counter:
        """Go on from what was known before."""
        counter = cls(known.newest, known.at_ms)
        counter.came = known.came
        return counter

    def shared(self) -> bool:
        """Whether more than one publisher has counted here since this was asked last."""
        returns, self._returns = self._returns, 0
        return returns >= ENOUGH_RETURNS

    def take(self, seq: int, at_ms: int) -> int:
        """How many more messages are lost, now that ``seq`` has come; -1 when it is one of those itself.

        :data:`LARGEST_GAP` or more is how far the number jumped: how many were lost is not clear by that.
        """
        ahead = seq - self.newest
        if ahead != 1:
            if self._others is not None and self._return(seq, at_ms):
                ahead = seq - self.newest
            elif ahead <= 0 and at_ms <= self.at_ms:
                return self._again(-ahead)
            elif ahead <= 0:
                self._leave()
                self.newest, self.came, self.at_ms = seq, ALL, at_ms
                return 0
        if ahead < REMEMBERED:
            self.came = (self.came << ahead | 1) & ALL
        else:
            self.came = 1 if ahead <= LARGEST_GAP else ALL
        self.newest, self.at_ms = seq, at_ms
        return ahead - 1

    def _leave(self) -> None:
        """What was followed so far may be another publisher's count."""
        self._others = [(self.newest, self.came, self.at_ms), *(self._others or ())][:OTHERS]

    def _return(self, seq: int, at_ms: int) -> bool:
        """Go on with a count that was left, if ``seq`` is the next of it, or nearly."""
        others = self._others or []
        ahead = seq - self.newest
        for place, (newest, _, since) in enumerate(others):
            on = seq - newest
            if 0 < on < REMEMBERED and (ahead <= 0 or on < ahead) and 0 < at_ms - since <= OTHER_MS:
                left = (self.newest, self.came, self.at_ms)
                self.newest, self.came, self.at_ms = others[place]
                others[place] = left
                self._returns += 1
                return True
        return False

    def _again(self, back: int) -> int:
        if back >= REMEMBERED or self.came >> back & 1:
            return 0
        self.came |= 1 << back
        return -1
