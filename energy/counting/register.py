"""How one register behaves: the policy by which its readings are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from energy.interval import QUARTER_MS
from runtime.clock import from_ms
from telemetry.frame import Floats, Millis

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Swap:
    """At ``at_ms`` the meter was exchanged: the old one told ``end`` last, the new one began at ``start``.

    ``channel`` names the register of which that is told.
    """

    at_ms: int
    end: float
    start: float
    channel: str = "energy"


@dataclass(frozen=True)
class Ratio:
    """From ``since_ms`` on, each unit that the register gains stands for ``ratio`` units."""

    since_ms: int
    ratio: float


@dataclass(frozen=True)
class Register:
    """How a register counts, in its own unit (Wh, m³).

    Attributes:
        period_ms: nominal time between readings.
        rated: most that it can gain in one hour; some headroom is added before a gain is refused.
        modulus: the count at which it starts again from 0, if known.
        on_decrease: what a decrease means that is no rollover.
        quantum: the resolution to which boundary values are rounded.
        glitch: at most so many readings in a row are dropped for standing beside their neighbours.
        frozen_ms: it is held for stuck once it stood still for longer while its power tells otherwise.
        swaps: when it was exchanged, earliest first.
        ratios: of its transformers, earliest first; the first holds for all before as well.
    """

    period_ms: int
    rated: float
    modulus: float | None = None
    on_decrease: Literal["reset", "unknown"] = "reset"
    quantum: float = 1.0
    glitch: int = 3
    frozen_ms: int = HOUR_MS
    swaps: tuple[Swap, ...] = ()
    ratios: tuple[Ratio, ...] = ()

    def of(self, channel: str) -> Register:
        """The policy of one register of a device: with the swaps that tell of that."""
        own = tuple(swap for swap in self.swaps if swap.channel == channel)
        return self if own == self.swaps else replace(self, swaps=own)

    @property
    def bracket_ms(self) -> int:
        """Longest time between two readings whose interpolation still counts as measured.

        Never more than an hour, whatever the period: a straight line through a day would give the night sun.
        """
        return max(min(2 * self.period_ms, HOUR_MS), QUARTER_MS)

    def onwards(self, at: Millis, value: Floats) -> Floats:
        """The readings as one count that goes on across every swap."""
        level = value
        for swap in self.swaps:
            level = np.where(at >= swap.at_ms, level + (swap.end - swap.start), level)
        return level

    def ratio_at(self, at: Millis) -> Floats:
        """What one unit stands for at each time."""
        if not self.ratios:
            return np.ones(len(at))
        since = np.array([ratio.since_ms for ratio in self.ratios], dtype=np.int64)
        index = np.maximum(np.searchsorted(since, at, side="right") - 1, 0)
        found: Floats = np.array([ratio.ratio for ratio in self.ratios])[index]
        return found

    def ratio_between(self, at: Millis) -> Floats:
        """What one unit stood for between each two neighbouring times, on the mean over that time."""
        if len(self.ratios) < 2:
            return self.ratio_at(at[:-1])
        since = np.array([ratio.since_ms for ratio in self.ratios[1:]], dtype=np.int64)
        points = np.unique(np.concatenate((at, since)))
        area = np.concatenate(([0.0], np.cumsum(np.diff(points) * self.ratio_at(points[:-1]))))
        mean: Floats = np.diff(area[np.searchsorted(points, at)]) / np.diff(at)
        # Where nothing changed, the ratio itself and not what dividing made of it.
        begun, ended = self.ratio_at(at[:-1]), self.ratio_at(at[1:] - 1)
        return np.where(begun == ended, begun, mean)

    def changes(self) -> list[tuple[int, str]]:
        """The quarter (since 1970) of every change of the transformers, and what is said of it."""
        return [
            (
                after.since_ms // QUARTER_MS,
                f"the transformer ratio changed from {before.ratio:.15g} to {after.ratio:.15g} "
                f"at {from_ms(after.since_ms):%Y-%m-%d %H:%M:%SZ}",
            )
            for before, after in pairwise(self.ratios)
        ]

    def swapped_between(self, at: Millis) -> npt.NDArray[np.bool_]:
        """Whether the meter was exchanged between each two neighbouring times."""
        found = np.zeros(max(len(at) - 1, 0), dtype=np.bool_)
        for swap in self.swaps:
            found |= (at[:-1] < swap.at_ms) & (at[1:] >= swap.at_ms)
        return found
