"""Dirty windows: minutes that are not what their readings say, because something came late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from telemetry.catalogue import Measurement
from telemetry.frame import Frame, Mask
from telemetry.rollup import MINUTE_MS
from telemetry.rollups.steps import Keys, starts_of

_MANY = 200
"""Windows that are kept apart, each with its own position; more are put together, or a flood piles up."""


class Mend(StrEnum):
    """What a window needs, and after it each needs what follows."""

    RECOMPUTE = "recompute"
    """The minutes are made again of their readings: that may be done twice."""
    MERGE = "merge"
    """The readings were released: the late ones are merged into the minutes, which must be done once."""
    SPREAD = "spread"
    """The minutes are right; their hours and groups are made again of them."""


@dataclass(frozen=True)
class Dirty:
    """Minutes of ``measurement`` that rows after position ``since`` and up to ``upto`` are about.

    ``late`` is what is to be merged: rollup rows of just the late readings.
    """

    mend: Mend
    since: int
    upto: int
    measurement: Measurement
    keys: Keys
    late: Frame | None = None

    def first_ms(self) -> int:
        """Start of the oldest of its minutes."""
        return int(starts_of(self.keys, MINUTE_MS).min())

    def merged(self) -> Dirty:
        """What is left to do once its late readings are merged."""
        return replace(self, mend=Mend.SPREAD, late=None)


class DirtyWindows:
    """What came late, in the order in which it came."""

    def __init__(self) -> None:
        self._windows: list[Dirty] = []

    def add(self, window: Dirty) -> None:
        """Note ``window``."""
        self._windows.append(window)
        apart = [one for one in self._windows if one.mend is not Mend.MERGE]
        if len(apart) > _MANY:
            merges = [one for one in self._windows if one.mend is Mend.MERGE]
            self._windows = [*merges, *_together(apart)]

    def since(self) -> int | None:
        """Position before the oldest row that any is about; None if there is none."""
        return since(self._windows)

    def take(self, closed_ms: int) -> list[Dirty]:
        """Take out what can be mended; minutes from ``closed_ms`` on are open, and are mended once closed."""
        taken, left = [], []
        for window in self._windows:
            if window.mend is not Mend.RECOMPUTE:
                taken.append(window)
                continue
            closed = starts_of(window.keys, MINUTE_MS) < closed_ms
            taken += _chosen(window, closed)
            left += _chosen(window, ~closed)
        self._windows = left
        return taken


def since(windows: Iterable[Dirty]) -> int | None:
    """Position before the oldest row that any of ``windows`` is about; None if there is none."""
    return min((one.since for one in windows), default=None)


def by_measurement(windows: Iterable[Dirty]) -> Mapping[Measurement, Keys]:
    """All keys of ``windows``, each once, in order."""
    found: dict[str, list[Dirty]] = {}
    for window in windows:
        found.setdefault(window.measurement.name, []).append(window)
    return {
        group[0].measurement: np.unique(np.concatenate([one.keys for one in group]))
        for group in found.values()
    }


def _together(windows: Sequence[Dirty]) -> list[Dirty]:
    """As few of them as can be, each as far back as the first."""
    first, last = min(one.since for one in windows), max(one.upto for one in windows)
    return [
        Dirty(mend, first, last, measurement, keys)
        for mend in (Mend.RECOMPUTE, Mend.SPREAD)
        for measurement, keys in by_measurement(one for one in windows if one.mend is mend).items()
    ]


def _chosen(window: Dirty, mask: Mask) -> list[Dirty]:
    return [replace(window, keys=window.keys[mask])] if mask.any() else []
