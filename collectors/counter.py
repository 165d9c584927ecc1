"""A publisher's own count of its messages: which are lost, even when some come again or out of order."""

from __future__ import annotations

REMEMBERED = 128
"""Newest numbers of which it is known one by one whether they came."""

LARGEST_GAP = 100_000
"""A number that is further ahead of the newest (a day at one a second) is a new count, not a loss."""

_ALL = (1 << REMEMBERED) - 1


class Counter:
    """Follows the ``seq`` of one publisher. A broker sends again what it does not know to have arrived, and
    one that died sends again what it had written down long ago: neither is a loss, nor what follows it.

    ``at_ms`` is the time of the newest number: a lower one that is later than that begins a new count.
    """

    __slots__ = ("_came", "_newest", "at_ms")

    def __init__(self, seq: int, at_ms: int) -> None:
        # Whatever came before the first number that is known is taken to have come.
        self._newest, self._came, self.at_ms = seq, _ALL, at_ms

    def take(self, seq: int, at_ms: int) -> int:
        """How many more messages are lost, now that ``seq`` has come; -1 when it is one of those itself."""
        ahead = seq - self._newest
        if ahead == 1:
            self._came = (self._came << 1 | 1) & _ALL
        elif 0 < ahead <= LARGEST_GAP:
            self._came = (self._came << ahead | 1) & _ALL if ahead < REMEMBERED else 1
        elif ahead <= 0 and at_ms <= self.at_ms:
            return self._again(-ahead)
        else:
            self._newest, self._came, self.at_ms = seq, _ALL, at_ms
            return 0
        self._newest, self.at_ms = seq, at_ms
        return ahead - 1

    def _again(self, back: int) -> int:
        if back >= REMEMBERED or self._came >> back & 1:
            return 0
        self._came |= 1 << back
        return -1
