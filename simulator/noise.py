"""Randomness as a function of time: the same seed and moment give the same value, in whatever order asked.

A counter-based generator (the finaliser of splitmix64 over an index) takes the place of a stream of random
numbers, so that nothing has to be replayed from the start and a restart continues where it was.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_R30, _R27, _R31, _R11 = (np.uint64(n) for n in (30, 27, 31, 11))


def key(*names: str | int) -> Keys:
    """A 64-bit key, shape (1,), for everything that ``names`` name."""
    digest = hashlib.blake2b("/".join(str(name) for name in names).encode(), digest_size=8).digest()
    return np.array([int.from_bytes(digest, "little")], dtype=np.uint64)


def keys(count: int, *names: str | int) -> Keys:
    """``count`` keys, shape (count, 1), ready to broadcast over times."""
    return np.concatenate([key(*names, number) for number in range(count)]).reshape(count, 1)


def uniform(source: Keys, index: Ints) -> Floats:
    """Evenly spread values in [0, 1), one for each (key, index); the two are broadcast."""
    mixed = index.astype(np.uint64) * _GOLDEN + source
    mixed = (mixed ^ (mixed >> _R30)) * _FIRST
    mixed = (mixed ^ (mixed >> _R27)) * _SECOND
    mixed = mixed ^ (mixed >> _R31)
    return (mixed >> _R11).astype(np.float64) * 2.0**-53


def constant(source: Keys, number: int = 0) -> Floats:
    """One value in [0, 1) per key: a property that does not change with time."""
    return uniform(source, np.array([number], dtype=np.int64))


def smooth(source: Keys, times_ms: Ints, period_ms: int) -> Floats:
    """Values in [0, 1) that wander without a jump, with a new goal every ``period_ms``."""
    cell = times_ms // period_ms
    part = (times_ms - cell * period_ms) / period_ms
    before, after = uniform(source, cell), uniform(source, cell + 1)
    ease: Floats = part * part * (3.0 - 2.0 * part)
    return before + (after - before) * ease


def drift(source: Keys, times_ms: Ints, period_ms: int) -> Floats:
    """Weather-like wandering in [0, 1] around 0.5: long swings of ``period_ms`` with shorter ones on top."""
    swings = ((0.62, 1), (0.26, 3), (0.12, 9))
    total = sum(
        weight * smooth(source + np.uint64(part), times_ms, period_ms // part) for weight, part in swings
    )
    return np.clip(0.5 + (np.asarray(total) - 0.5) * 1.5, 0.0, 1.0)
