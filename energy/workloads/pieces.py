"""Energy of GPUs over time: pieces between readings, and how much of it lies between any two times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.frame import Floats, Ints, Mask, Millis
from telemetry.rollup import MINUTE_MS

GAP_MS = 15 * MINUTE_MS
"""Across so much time a register tells what was used, and it is taken as used evenly."""

POWER_GAP_MS = 2 * MINUTE_MS
"""Across so much time the mean power of a minute stands for what follows it: twice the rollup's step."""

MOST_W = 5_000.0
"""No GPU takes more: a register that tells so was reset, or is another's."""

_MJ = 1_000.0
_AT_ONCE = 250_000
"""Minutes that are worked on at once, or few more: what lies between is larger than they are."""


@dataclass(frozen=True)
class Minutes:
    """Minutes of GPUs, by GPU and time: register (J, first of the minute), mean power, whether it fell."""

    gpu: Ints
    at_ms: Millis
    register_j: Floats
    fell: Mask
    power_w: Floats

    def where(self, rows: NDArray[Any] | slice) -> Minutes:
        """Those that ``rows`` selects, in its order."""
        return Minutes(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True)
class Pieces:
    """Each piece is a stretch of one GPU with the energy (J) that it took; they do not overlap."""

    gpu: Ints
    start_ms: Millis
    end_ms: Millis
    joules: Floats

    def joined(self, other: Pieces) -> Pieces:
        """Both, of different GPUs."""
        return Pieces(
            np.concatenate((self.gpu, other.gpu)),
            np.concatenate((self.start_ms, other.start_ms)),
            np.concatenate((self.end_ms, other.end_ms)),
            np.concatenate((self.joules, other.joules)),
        )


def pieces(minutes: Minutes) -> Pieces:
    """By the register from minute to minute; by power where that tells nothing; else there is no piece.

    The register's first readings of two minutes are one cadence apart from their beginnings at most, both by
    the same.
    """
    rows = len(minutes.gpu)
    if not rows:
        return Pieces(minutes.gpu, minutes.at_ms, minutes.at_ms, minutes.power_w)
    others = np.flatnonzero(np.diff(minutes.gpu)) + 1
    wanted = np.searchsorted(others, np.arange(_AT_ONCE, rows, _AT_ONCE))
    cuts = np.unique(np.append(others[wanted[wanted < len(others)]], [0, rows]))
    found = [_pieces(minutes.where(slice(*span))) for span in pairwise(cuts.tolist())]
    return Pieces(*(np.concatenate([getattr(one, name.name) for one in found]) for name in fields(Pieces)))


def _pieces(minutes: Minutes) -> Pieces:
    follows = np.append(minutes.gpu[1:] == minutes.gpu[:-1], False)
    apart = np.append(np.diff(minutes.at_ms), 0)
    counted = np.append(np.diff(minutes.register_j), np.nan)
    with np.errstate(invalid="ignore"):
        by_register = follows & (apart <= GAP_MS) & (counted >= 0) & (counted <= MOST_W * apart / 1000)
        by_register &= ~minutes.fell
        by_power = ~by_register & ~np.isnan(minutes.power_w)
    stands = np.where(follows & (apart <= POWER_GAP_MS), apart, MINUTE_MS)
    length = np.where(by_register, apart, stands)
    joules = np.where(by_register, counted, minutes.power_w * stands / 1000)
    known = by_register | by_power
    start = minutes.at_ms[known]
    return Pieces(minutes.gpu[known], start, start + length[known], joules[known])


def by_counters(counters: Mapping[int, Sequence[tuple[int, int]]]) -> Pieces:
    """From counts (time in ms, mJ) by GPU: the energy between two counts, unknown where it went down."""
    found = []
    for gpu, counts in sorted(counters.items()):
        ordered = sorted(counts)
        for (start, before), (end, after) in pairwise(ordered):
            if after >= before and end > start:
                found.append((gpu, start, end, (after - before) / _MJ))
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    return Pieces(
        np.array(columns[0], dtype=np.int32),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=np.int64),
        np.array(columns[3], dtype=np.float64),
    )


class Meterage:
    """Answers how much energy and how much known time of a GPU lies between two times of ``[start, end)``."""

    def __init__(self, known: Pieces, start_ms: int, end_ms: int) -> None:
        self._start, self._length = start_ms, end_ms - start_ms + 1
        inside = (known.end_ms > start_ms) & (known.start_ms < end_ms)
        inside &= known.end_ms > known.start_ms
        gpu, since, until = known.gpu[inside], known.start_ms[inside], known.end_ms[inside]
        joules = known.joules[inside]
        if not in_order(gpu, since):
            order = np.lexsort((since, gpu))
            gpu, since, until, joules = gpu[order], since[order], until[order], joules[order]
        first, last = np.maximum(since, start_ms), np.minimum(until, end_ms)
        joules *= (last - first) / (until - since)
        self._x = np.column_stack((self._axis(gpu, first), self._axis(gpu, last))).ravel()
        self._joules = _stairs(joules)
        self._told = _stairs((last - first).astype(np.float64))

    def between(self, gpu: Ints, start_ms: Millis, end_ms: Millis) -> tuple[Floats, Floats]:
        """Joules and known milliseconds of each stretch."""
        if not len(self._x):
            nothing = np.zeros(len(gpu))
            return nothing, nothing
        first, last = self._axis(gpu, start_ms), self._axis(gpu, end_ms)
        return tuple(  # type: ignore[return-value]
            np.interp(last, self._x, stair) - np.interp(first, self._x, stair)
            for stair in (self._joules, self._told)
        )

    def _axis(self, gpu: Ints, at_ms: Millis) -> Floats:
        """All GPUs one after the other on one line of time, exact up to 2^53 ms."""
        return (gpu.astype(np.int64) * self._length + (at_ms - self._start)).astype(np.float64)


def in_order(gpu: Ints, at_ms: Millis) -> bool:
    """Whether the rows are by GPU and time."""
    same = gpu[1:] == gpu[:-1]
    return bool(((gpu[1:] > gpu[:-1]) | (same & (at_ms[1:] >= at_ms[:-1]))).all())


def _stairs(heights: Floats) -> Floats:
    """Sum before and after each step, in turn."""
    after = np.cumsum(heights)
    return np.column_stack((after - heights, after)).ravel()
