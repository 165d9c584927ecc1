"""Single readings and short runs that stand beside a register which otherwise only grew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats


def glitches(level: Floats, longest: int) -> npt.NDArray[np.int8]:
    """-1 where a count stands too low, 1 where too high, 0 where it does not.

    A glitch is a run of at most ``longest`` counts that all stand below, or all above, both the count before
    and the one after it, while those two agree that the register only grew. Whether a count is one depends
    on nothing beyond ``longest`` counts to either side.
    """
    found = np.zeros(len(level), dtype=np.int8)
    if len(level) < 3 or not (np.diff(level) < 0).any():
        return found
    for length in range(1, min(longest, len(level) - 2) + 1):
        before, after = level[: -length - 1], level[length + 1 :]
        inner = np.lib.stride_tricks.sliding_window_view(level[1:-1], length)
        agree = after >= before
        for sign, beside in ((-1, inner.max(axis=1) < before), (1, inner.min(axis=1) > after)):
            for start in np.flatnonzero(agree & beside).tolist():
                found[start + 1 : start + 1 + length] = sign
    return found
