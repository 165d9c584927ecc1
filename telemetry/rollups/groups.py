"""Racks, halls and sites: which of them each GPU belongs to, and their rows of a minute that closes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from telemetry.catalogue import GPU, Kind
from telemetry.frame import Floats, Frame, Ints
from telemetry.rollup import ALL_ROLLUPS, ENERGY, GROUPS, MINUTE_MS, Rollup, told_by
from telemetry.rollups.partial import Index
from telemetry.rollups.steps import Steps, keys_of, series_of, starts_of
from telemetry.series import SeriesKey, SeriesRegistry

_SLICE = 20_000
"""Series that are looked at between two looks at the event loop."""


class Groups:
    """The groups of all series by their ids; -1 for what is no GPU, or is added up elsewhere."""

    def __init__(self, registry: SeriesRegistry) -> None:
        self._registry = registry
        self._of: dict[str, Ints] = {name: np.zeros(0, dtype=np.int32) for name in GROUPS}

    async def learn(self) -> None:
        """Find the groups of all series that are new, a slice at a time: a start may bring millions."""
        registry = self._registry
        while (first := len(self._of["site"])) < len(registry):
            keys = [registry.key(number) for number in range(first, min(first + _SLICE, len(registry)))]
            for name, known in self._of.items():
                fresh = np.array([self._group(name, key) for key in keys], dtype=np.int32)
                self._of[name] = np.concatenate([known, fresh])
            await asyncio.sleep(0)

    def rows(self, minutes: Sequence[Frame]) -> list[Frame]:
        """The rows of groups that ``minutes`` make; of series that were learnt. Blocking."""
        found = []
        for frame in minutes:
            for name, of in self._of.items() if frame.measurement.of == GPU.name else ():
                rows = grouped(ALL_ROLLUPS[f"{name}_1m"], frame, of[frame.series])
                found += [rows] if rows is not None else []
        return found

    def steps(self, name: str, members: Steps) -> Steps:
        """The steps of the groups ``name`` that ``members``, steps of learnt GPUs, belong to."""
        groups = self._of[name][series_of(members.keys)]
        keys = (groups.astype(np.int64) << 32) | (members.keys & 0xFFFF_FFFF)
        return Steps(np.unique(keys[groups >= 0]), members.step_ms)

    def _group(self, name: str, key: SeriesKey) -> int:
        base, labels = key
        if base != GPU.name:
            return -1
        measurement, registry = ALL_ROLLUPS[f"{name}_1m"].measurement, self._registry
        place = labels[: len(measurement.labels)]
        return registry.id(measurement, place) if registry.share.adds_up(place) else -1


def grouped(rollup: Rollup, rows: Frame, groups: Ints) -> Frame | None:
    """Groups made of ``rows``, minutes of the GPUs; ``groups`` is the group of each row, or -1."""
    inside = groups >= 0
    if not inside.any():
        return None
    keys = keys_of(groups[inside], rows.at_ms[inside], MINUTE_MS)
    names, member = np.unique(keys, return_inverse=True)
    columns: dict[str, Floats] = {}
    for field in rollup.base.fields:
        if field.kind is Kind.COUNTER:
            continue
        total, told = _added(rows.columns[field.name][inside], member, len(names))
        value = total if field.additive else total / np.maximum(told, 1)
        columns[field.name] = value = np.where(told > 0, value, np.nan)
        columns[f"{field.name}_min"] = columns[f"{field.name}_max"] = value
        if told_by(field) in rollup.measurement.field_names:
            columns[told_by(field)] = np.where(told > 0, told, np.nan)
    energy, told = _added(rows.columns[ENERGY][inside], member, len(names))
    columns[ENERGY] = np.where(told > 0, energy, np.nan)
    return Frame(rollup.measurement, series_of(names), starts_of(names, MINUTE_MS), columns)


def _added(column: Floats, member: Index, n: int) -> tuple[Floats, Floats]:
    told = ~np.isnan(column)
    total = np.bincount(member, np.where(told, column, 0.0), n)
    return np.asarray(total, np.float64), np.asarray(np.bincount(member, told, n), np.float64)
