"""Round numbers for the axes of charts."""

from __future__ import annotations

import math


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round values whose span covers ``low`` to ``high``, ascending."""
    span = high - low
    if span <= 0:
        low, span = low - 0.5, 1.0
        high = low + span
    rough = span / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]
