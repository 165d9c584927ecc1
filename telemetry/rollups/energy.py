"""Energy between the first and the last reading of a register, where the register tells it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telemetry.frame import Floats

REGISTER = "energy_j"
"""The register of a GPU, in joules."""

_WH_PER_J = 1 / 3600


@dataclass(frozen=True)
class Register:
    """What was read of a register in each step, in joules: the first and last, the least and greatest."""

    first: Floats
    last: Floats
    low: Floats
    high: Floats

    def energy_wh(self, count: Floats) -> Floats:
        """Wh in each step of ``count`` readings; NaN where it was read once, or was seen to fall.

        A register that only counts up is never below its first reading or above its last. One that was
        reset, or that two devices tell under one name, is.
        """
        sound = (count > 1) & (self.low >= self.first) & (self.high <= self.last)
        return np.where(sound, (self.last - self.first) * _WH_PER_J, np.nan)
