"""Rollups: what is kept of every measurement for each minute and hour, and of racks, halls and sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from telemetry.catalogue import GPU, MEASUREMENTS, Field, Kind, Measurement

MINUTE_MS = 60_000
HOUR_MS = 3_600_000

STEPS_MS: Mapping[str, int] = {"1m": MINUTE_MS, "1h": HOUR_MS}
"""Length of a rollup's rows in ms by the end of its name."""

REGISTER = "energy_j"
"""The register of a GPU."""

FELL = f"{REGISTER}_fell"
"""1 where the register was seen below its first or above its last reading of a GPU's step: it was reset."""

ENERGY = "energy_wh"
"""Wh between the first and the last register reading of a GPU's step; missing where the register fell."""

MEMBERS = "members"
"""How many series told anything that went into a group's row."""

PART = "hall"
"""The group whose rows larger ones are put together from: they also count who told what is averaged."""

_MANY = 2.0**53


@dataclass(frozen=True)
class Rollup:
    """One derived measurement: ``base`` in rows of ``step_ms``, named by the start of the step.

    Without ``group`` it has a row per series of the base, under the same ids. Of a gauge ``f`` it keeps the
    mean as ``f``, ``f_min``, ``f_max``, ``f_last`` and ``f_count`` (readings); of a counter the last reading
    as ``f``, ``f_first`` and ``f_count``.

    With ``group`` (labels) it has a row per group, over the group's means of a step: additive fields add up,
    others are averaged. ``f_min`` and ``f_max`` are the group's least and greatest minute, so that an hour
    keeps its peaks. Rows of a :data:`PART` weigh as much as :func:`told_by` counts.
    """

    measurement: Measurement
    base: Measurement
    step_ms: int
    group: tuple[str, ...] | None = None


def of_series(base: Measurement, end: str) -> Rollup:
    """The rollup of ``base`` with a row per series; ``end`` is a key of :data:`STEPS_MS`."""
    fields = [field for f in base.fields for field in _kept(f)]
    if base is GPU:
        fields.append(Field(FELL, "1", 0.0, 1.0))
        fields.append(Field(ENERGY, "Wh", 0.0, _MANY, additive=True))
    measurement = Measurement(f"{base.name}_{end}", base.labels, tuple(fields), base.name, base.named)
    return Rollup(measurement, base, STEPS_MS[end])


def of_group(name: str, group: tuple[str, ...], end: str) -> Rollup:
    """The rollup of all GPUs that agree in the labels ``group``."""
    fields = [field for f in GPU.fields if f.kind is Kind.GAUGE for field in _spread(f)]
    fields.append(Field(ENERGY, "Wh", 0.0, _MANY, additive=True))
    fields.append(Field(MEMBERS, "1", 0.0, _MANY, additive=True))
    if name == PART:
        averaged = (f for f in GPU.fields if f.kind is Kind.GAUGE and not f.additive)
        fields += [Field(told_by(f), "1", 0.0, _MANY, additive=True) for f in averaged]
    measurement = Measurement(f"{name}_{end}", group, tuple(fields), GPU.name, name)
    return Rollup(measurement, GPU, STEPS_MS[end], group)


def told_by(field: Field) -> str:
    """Column of a :data:`PART` that counts the series that told ``field``."""
    return MEMBERS if field.additive else f"{field.name}_{MEMBERS}"


def _kept(field: Field) -> Iterator[Field]:
    count = f"{field.name}_count"
    if field.kind is Kind.COUNTER:
        yield field
        yield _like(field, "first")
    else:
        yield Field(field.name, field.unit, field.low, field.high, additive=field.additive, weight=count)
        yield from (_like(field, end) for end in ("min", "max", "last"))
    yield Field(count, "1", 0.0, _MANY, additive=True)


def _spread(field: Field) -> Iterator[Field]:
    low, high = (-_MANY, _MANY) if field.additive else (field.low, field.high)
    for name in (field.name, f"{field.name}_min", f"{field.name}_max"):
        yield Field(name, field.unit, low, high, additive=field.additive)


def _like(field: Field, end: str) -> Field:
    return Field(
        f"{field.name}_{end}", field.unit, field.low, field.high, field.kind, additive=field.additive
    )


GROUPS: Mapping[str, tuple[str, ...]] = {
    "rack": ("site", "hall", "rack"),
    PART: ("site", "hall"),
    "site": ("site",),
}
"""Groups of GPUs that have rows of their own, by the name under which they are registered.

Each agrees in the first of a GPU's labels.
"""

ALL_ROLLUPS: Mapping[str, Rollup] = {
    one.measurement.name: one
    for end in STEPS_MS
    for one in (
        *(of_series(base, end) for base in MEASUREMENTS.values()),
        *(of_group(name, group, end) for name, group in GROUPS.items()),
    )
}
"""Every rollup by the name of its measurement."""

ROLLUPS: Mapping[str, Measurement] = {name: one.measurement for name, one in ALL_ROLLUPS.items()}
"""The measurements of all rollups by name."""
