"""Minutes and hours of series as numbers: a key is ``series << 32 | number of the step``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from telemetry.frame import Ints, Mask, Millis

Keys = npt.NDArray[np.int64]

_GAP = 30
"""Steps in a row that nobody asks for, from which on it is worth asking twice."""


def keys_of(series: Ints, at_ms: Millis, step_ms: int) -> Keys:
    """The key of each (series, step), repeats included."""
    return (series.astype(np.int64) << 32) | (at_ms // step_ms)


def series_of(keys: Keys) -> Ints:
    """int32, the series of each key."""
    return (keys >> 32).astype(np.int32)


def starts_of(keys: Keys, step_ms: int) -> Millis:
    """int64, the start of each key's step in ms."""
    return (keys & 0xFFFF_FFFF) * step_ms


@dataclass(frozen=True)
class Steps:
    """Steps of one measurement: sorted keys, each once, of steps of ``step_ms``."""

    keys: Keys
    step_ms: int

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def series(self) -> Ints:
        """int32, the series in them, each once."""
        return np.unique(series_of(self.keys))

    def of(self, series: Ints) -> Steps:
        """Those of ``series``."""
        return Steps(self.keys[np.isin(series_of(self.keys), series)], self.step_ms)

    def hold(self, series: Ints, at_ms: Millis) -> Mask:
        """Which of these (series, time) fall into one of the steps."""
        return np.isin(keys_of(series, at_ms, self.step_ms), self.keys)

    def spans(self, longest: int) -> Iterator[tuple[int, int]]:
        """Ranges in ms that hold all steps, none longer than so many of them, without long gaps."""
        at_ms, width = np.unique(starts_of(self.keys, self.step_ms)), self.step_ms
        first = previous = int(at_ms[0])
        for at in map(int, at_ms[1:]):
            if at + width - first > longest * width or at - previous > _GAP * width:
                yield first, previous + width
                first = at
            previous = at
        yield first, previous + width
