"""Late rows added to a rollup row whose readings are kept no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from telemetry.catalogue import Field, Kind
from telemetry.frame import Floats, Frame
from telemetry.rollup import ENERGY, Rollup
from telemetry.rollup_again import Keys, keys_of
from telemetry.rollup_part import with_energy


def added(rollup: Rollup, kept: Frame, late: Frame) -> Frame:
    """Rows of ``rollup``: all of ``kept`` and ``late``, those of one series and time put together.

    Counts, means and extremes are those of both. First and last stay: nobody knows which came when.
    """
    both = [keys_of(frame.series, frame.at_ms, rollup.step_ms) for frame in (kept, late)]
    keys = np.unique(np.concatenate(both))
    sides = [_laid(keys, frame, rollup) for frame in (kept, late)]
    columns: dict[str, Floats] = {}
    for field in rollup.base.fields:
        columns |= _together(field, sides)
    series = (keys >> 32).astype(np.int32)
    frame = Frame(rollup.measurement, series, (keys & 0xFFFF_FFFF) * rollup.step_ms, columns)
    return with_energy(frame) if ENERGY in rollup.measurement.field_names else frame


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
