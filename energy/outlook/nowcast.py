"""What a target's figure will likely be at the end of its period, as a range."""

from __future__ import annotations

from dataclasses import dataclass

HOLDS = 0.8
"""In at least this share of cases the range holds what the figure turns out to be. It is made of nineteen
in twenty of the past errors, since what comes is never quite like the past."""


@dataclass(frozen=True)
class Nowcast:
    """The figure at the end: ``expected``, with what is not known taken as the figure itself takes it.

    ``worse`` and ``better`` hold it in at least :data:`HOLDS` of all cases; in the worse all that is not
    known costs, in the better nothing of it does. ``short`` is the cost above the allowance that is
    expected, negative where some is to spare, ``short_worse`` that at the worse end; both in the basis of
    the aim.
    """

    expected: float
    worse: float
    better: float
    short: float
    short_worse: float

    @property
    def low(self) -> float:
        """The lower end of the range."""
        return min(self.worse, self.better)

    @property
    def high(self) -> float:
        """The upper end of the range."""
        return max(self.worse, self.better)
