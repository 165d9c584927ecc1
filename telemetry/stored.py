"""All that stores keep: what devices tell, the rollups of it, and the account of the intake."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.intake import COMPLETENESS, INTAKE
from telemetry.job import JOB
from telemetry.rollup import ROLLUPS

STORED: Mapping[str, Measurement] = {**MEASUREMENTS, **ROLLUPS, COMPLETENESS.name: COMPLETENESS}
"""Every measurement that a store may hold, by name."""

JOURNALLED: Mapping[str, Measurement] = {**STORED, INTAKE.name: INTAKE, JOB.name: JOB}
"""Every measurement that the journal may hold: also what is only on its way to another."""

LABELS_OF: Mapping[str, tuple[str, ...]] = {m.named: m.labels for m in STORED.values()}
"""Labels by the name under which series are registered."""


def is_told(measurement: Measurement) -> bool:
    """Whether devices tell it: the rest is made here, and is no reading that anybody counts."""
    return measurement.name in MEASUREMENTS
