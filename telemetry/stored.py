"""All that stores keep: what devices tell, the rollups of it, and the account of the intake."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.intake import INTAKE
from telemetry.rollup import ROLLUPS

STORED: Mapping[str, Measurement] = {**MEASUREMENTS, **ROLLUPS, INTAKE.name: INTAKE}
"""Every measurement that a journal or store may hold, by name."""

LABELS_OF: Mapping[str, tuple[str, ...]] = {m.named: m.labels for m in STORED.values()}
"""Labels by the name under which series are registered."""


def is_told(measurement: Measurement) -> bool:
    """Whether devices tell it: the rest is made here, and is no reading that anybody counts."""
    return measurement.name in MEASUREMENTS
