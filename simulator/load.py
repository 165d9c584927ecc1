"""What the GPUs do: pools of nodes that train for days, or answer people by day and evening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.noise import HOUR_MS, MINUTE_MS, Floats, Ints, Keys, constant, keys, smooth, uniform
from simulator.weather import local_hours

PPM = 1_000_000
"""Utilisation is counted in parts per million, so that its sums over time are exact integers."""

_IDLE = 0.02
_SKIPPED = 0.04
"""Part of the slots of training in which nothing runs."""


@dataclass(frozen=True)
class Pools:
    """Groups of nodes that run one job each; the first ``training`` of them train, the others infer."""

    keys: Keys
    training: int
    zone: str

    @classmethod
    def of(cls, count: int, training_share: float, zone: str, *names: str | int) -> Pools:
        """``count`` pools, of which about ``training_share`` train."""
        return cls(keys(count, *names), round(count * training_share), zone)

    @property
    def count(self) -> int:
        """How many pools there are."""
        return len(self.keys)

    def utilisation(self, times_ms: Ints) -> Ints:
        """Parts per million of full load, shape (pools, times)."""
        train = _training(self.keys[: self.training], times_ms)
        infer = _inference(self.keys[self.training :], self.zone, times_ms)
        load: Ints = np.rint(np.concatenate([train, infer]) * PPM).astype(np.int64)
        return load


def _training(pools: Keys, times_ms: Ints) -> Floats:
    """Jobs of 14 to 54 hours on a plateau, with a short dip at each checkpoint and a pause between jobs."""
    slot_ms = np.rint((14 + 40 * constant(pools)) * HOUR_MS).astype(np.int64)
    shifted = times_ms + np.rint(constant(pools, 1) * slot_ms).astype(np.int64)
    slot = shifted // slot_ms
    into = shifted - slot * slot_ms
    job = 8 * slot

    begin = uniform(pools, job) * 0.04 * slot_ms
    end = (0.94 + 0.06 * uniform(pools, job + 1)) * slot_ms
    skipped = uniform(pools, job + 2) < _SKIPPED
    running = (into >= begin) & (into < end) & ~skipped

    since = into - begin
    warm = np.clip(since / (6 * MINUTE_MS), 0.0, 1.0)
    every = (50 + 70 * uniform(pools, job + 3)) * MINUTE_MS
    saving = (since > every) & (since % every < 2.5 * MINUTE_MS)
    plateau = 0.88 + 0.11 * uniform(pools, job + 4)
    wander = 0.04 * smooth(pools + np.uint64(7), times_ms, 20 * MINUTE_MS)
    busy = plateau * warm * np.where(saving, 0.38, 1.0) - wander * warm
    return np.where(running, np.maximum(busy, _IDLE), _IDLE)


def training_runs(pools: Pools, start_ms: int, end_ms: int) -> list[tuple[int, int, int, int]]:
    """(pool, number, begin in ms, end in ms) of every job of training that begins or ends in the time given.

    A few before and after it may be among them.
    """
    train = pools.keys[: pools.training]
    slot_ms = np.rint((14 + 40 * constant(train)) * HOUR_MS).astype(np.int64)
    offset = np.rint(constant(train, 1) * slot_ms).astype(np.int64)
    found = []
    for pool in range(pools.training):
        length, key = int(slot_ms[pool, 0]), train[pool : pool + 1]
        first, last = ((at + int(offset[pool, 0])) // length for at in (start_ms, end_ms))
        slots = np.arange(first - 1, last + 1, dtype=np.int64)
        begin = uniform(key, 8 * slots)[0] * 0.04 * length
        end = (0.94 + 0.06 * uniform(key, 8 * slots + 1)[0]) * length
        runs = uniform(key, 8 * slots + 2)[0] >= _SKIPPED
        origin = slots * length - int(offset[pool, 0])
        for number in np.flatnonzero(runs).tolist():
            since, until = (int(origin[number] + edge[number]) for edge in (begin, end))
            found.append((pool, int(slots[number]), since, until))
    return found


def _inference(pools: Keys, zone: str, times_ms: Ints) -> Floats:
    """Follows people: low at four in the morning, high in the afternoon, a bump in the evening."""
    hour, weekday = local_hours(zone, times_ms)
    day = 0.5 - 0.5 * np.cos(2 * np.pi * (hour - 4.0) / 24.0)
    evening = np.exp(-(((hour - 20.5) / 1.8) ** 2))
    people = (0.36 + 0.36 * day + 0.10 * evening) * np.where(weekday >= 5, 0.88, 1.0)
    size = 0.9 + 0.2 * constant(pools)
    chatter = 0.10 * (smooth(pools + np.uint64(7), times_ms, 11 * MINUTE_MS) - 0.5)
    return np.clip(people * size + chatter, _IDLE, 1.0)
