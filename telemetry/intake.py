"""The measurement in which the ingest keeps its account: what each source told in an hour, and what not."""

from __future__ import annotations

from telemetry.catalogue import Field, Measurement
from telemetry.reason import REASONS

_MANY = 2.0**53


def _number(name: str) -> Field:
    return Field(name, "1", 0.0, _MANY, additive=True)


INTAKE = Measurement(
    "intake",
    ("source",),
    (
        _number("expected"),
        _number("received"),
        _number("rows"),
        _number("not_newer"),
        _number("missed"),
        _number("session_gaps"),
        Field("upto", "1", 0.0, _MANY),
        *(_number(f"rejected_{reason}") for reason in REASONS),
    ),
)
"""A row per source and hour (its start), counts of that hour; ``upto`` is the journal position reached."""
