"""Energy between the first and the last reading of a register, where the register tells it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telemetry.frame import Floats
from telemetry.rollup import ENERGY, FELL

_WH_PER_J = 1 / 3600


@dataclass(frozen=True)
class Register:
    """What was read of the register of GPUs in each step, in joules: first and last, least and greatest.

    A register that only counts up is never below its first reading or above its last. One that was reset,
    or that two devices tell under one name, is: it fell.
    """

    first: Floats
    last: Floats
    low: Floats
    high: Floats

    def columns(self, count: Floats, fell: Floats | float = np.nan) -> dict[str, Floats]:
        """What a rollup keeps of ``count`` readings; ``fell`` is what its minutes knew of it."""
        seen = np.where((self.low < self.first) | (self.high > self.last), 1.0, np.nan)
        fell = np.fmax(seen, fell)
        sound = (count > 1) & np.isnan(fell)
        return {
            FELL: fell,
            ENERGY: np.where(sound, (self.last - self.first) * _WH_PER_J, np.nan),
        }
