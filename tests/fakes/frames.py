"""Frames from rows that a reader can follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry

T0 = 1_764_547_200_000
"""2025-12-01T00:00Z in milliseconds; times of rows are seconds after it."""

Row = tuple[tuple[str, ...], float, Mapping[str, float]]
"""Labels, seconds after :data:`T0`, and the fields told."""


def frame(registry: SeriesRegistry, measurement: Measurement, rows: Sequence[Row]) -> Frame:
    """``rows`` as a frame, in their order."""
    return Frame(
        measurement,
        np.array([registry.id(measurement, labels) for labels, _, _ in rows], dtype=np.int32),
        np.array([T0 + round(1000 * at) for _, at, _ in rows], dtype=np.int64),
        {
            name: np.array([told.get(name, np.nan) for _, _, told in rows])
            for name in measurement.field_names
            if any(name in told for _, _, told in rows)
        },
    )
