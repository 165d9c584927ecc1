"""Late readings merged into minutes whose readings were released: the aggregates of both, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from telemetry.catalogue import GPU, Field, Kind
from telemetry.frame import Floats, Frame
from telemetry.rollup import ENERGY, FELL, REGISTER, Rollup
from telemetry.rollups.steps import Keys, keys_of, series_of, starts_of


def merged(rollup: Rollup, frames: Sequence[Frame]) -> Frame:
    """Rows of ``rollup``: all of ``frames``, at least one, those of one series and time put together.

    Counts, means and extremes are those of all. First and last, and what a register told between them, stay
    those of the earlier frame: nobody knows which reading came when.
    """
    frames = list(frames)
    while len(frames) > 1:
        pairs = [frames[k : k + 2] for k in range(0, len(frames), 2)]
        frames = [_merged(rollup, *pair) if len(pair) > 1 else pair[0] for pair in pairs]
    return frames[0]


def _merged(rollup: Rollup, kept: Frame, late: Frame) -> Frame:
    both = [keys_of(frame.series, frame.at_ms, rollup.step_ms) for frame in (kept, late)]
    keys = np.unique(np.concatenate(both))
    sides = [_laid(keys, frame, rollup) for frame in (kept, late)]
    columns: dict[str, Floats] = {}
    for field in rollup.base.fields:
        columns |= _together(field, sides)
    if rollup.base is GPU:
        ours, theirs = sides
        columns[FELL] = np.fmax(ours[FELL], theirs[FELL])
        columns[ENERGY] = np.where(np.isnan(ours[REGISTER]), theirs[ENERGY], ours[ENERGY])
    return Frame(rollup.measurement, series_of(keys), starts_of(keys, rollup.step_ms), columns)


def _together(field: Field, sides: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    name = field.name
    one, two = (np.nan_to_num(side[f"{name}_count"]) for side in sides)
    count = np.where(one + two > 0, one + two, np.nan)
    columns = {f"{name}_count": count}
    for end in ("", "_first") if field.kind is Kind.COUNTER else ("_last",):
        ours, theirs = (side[f"{name}{end}"] for side in sides)
        columns[f"{name}{end}"] = np.where(np.isnan(ours), theirs, ours)
    if field.kind is Kind.GAUGE:
        ours, theirs = (np.nan_to_num(side[name]) for side in sides)
        columns[name] = (ours * one + theirs * two) / count
        for end, extreme in (("_min", np.fmin), ("_max", np.fmax)):
            columns[f"{name}{end}"] = extreme(*(side[f"{name}{end}"] for side in sides))
    return columns


def _laid(keys: Keys, frame: Frame, rollup: Rollup) -> dict[str, Floats]:
    """Columns of ``frame`` at the places of ``keys``; NaN where it has no row."""
    place = np.searchsorted(keys, keys_of(frame.series, frame.at_ms, rollup.step_ms))
    laid = {name: np.full(len(keys), np.nan) for name in rollup.measurement.field_names}
    for name, column in frame.columns.items():
        laid[name][place] = column
    return laid
