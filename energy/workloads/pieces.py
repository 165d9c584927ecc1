"""Energy of GPUs over time: pieces between readings, and how much of it lies between any two times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from telemetry.frame import Floats, Ints, Millis
from telemetry.rollup import MINUTE_MS

GAP_MS = 15 * MINUTE_MS
"""Across so much time a register tells what was used, and it is taken as used evenly."""

POWER_GAP_MS = 2 * MINUTE_MS
"""Across so much time the mean power of a minute stands for what follows it: twice the rollup's step."""

MOST_W = 5_000.0
"""No GPU takes more: a register that tells so was reset, or is another's."""

_MJ = 1_000.0


@dataclass(frozen=True)
class Minutes:
    """Minutes of GPUs, by GPU and time: register (J, first of the minute), mean power, whether it fell."""

    gpu: Ints
    at_ms: Millis
    register_j: Floats
    fell: Floats
    power_w: Floats


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
    if not len(minutes.gpu):
        return Pieces(minutes.gpu, minutes.at_ms, minutes.at_ms, minutes.power_w)
    follows = np.append(minutes.gpu[1:] == minutes.gpu[:-1], False)
    apart = np.append(np.diff(minutes.at_ms), 0)
    counted = np.append(np.diff(minutes.register_j), np.nan)
    with np.errstate(invalid="ignore"):
        by_register = follows & (apart <= GAP_MS) & (counted >= 0) & (counted <= MOST_W * apart / 1000)
        by_register &= ~(minutes.fell > 0)
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
        order = np.lexsort((known.start_ms, known.gpu))
        gpu, since, until = known.gpu[order], known.start_ms[order], known.end_ms[order]
        length = until - since
        first, last = np.clip(since, start_ms, end_ms), np.clip(until, start_ms, end_ms)
        inside = last > first
        part = (last - first)[inside] / length[inside]
        joules = known.joules[order][inside] * part
        edges = np.column_stack(
            (self._axis(gpu[inside], first[inside]), self._axis(gpu[inside], last[inside]))
        )
        self._x = edges.ravel()
        self._joules = _stairs(joules)
        self._told = _stairs((last - first)[inside].astype(np.float64))

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


def _stairs(heights: Floats) -> Floats:
    """Sum before and after each step, in turn."""
    after = np.cumsum(heights)
    return np.column_stack((after - heights, after)).ravel()
