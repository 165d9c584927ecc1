"""The account of the intake: what each source told in an hour and what became of it, as columns."""

from __future__ import annotations

from telemetry.catalogue import Field, Measurement
from telemetry.reason import REASONS

NOBODY = "(nobody)"
"""Source of what no known device told: status messages, topics that are none, gaps of the session."""


def nobody(share: str | None) -> str:
    """:data:`NOBODY` of the process that takes the part ``share``: two must not write the same rows."""
    return NOBODY if share is None else f"{NOBODY[:-1]} {share})"


def is_nobody(source: str) -> bool:
    """Whether that is the nobody of any process."""
    return source.startswith(NOBODY[:-1])


REJECTED: tuple[str, ...] = tuple(f"rejected_{reason}" for reason in REASONS)
"""Columns of what was refused, in the order of the reasons."""

COUNTS: tuple[str, ...] = (
    "received",
    "rows",
    "not_newer",
    "repeated",
    "missed",
    "unstamped",
    "session_gaps",
    *REJECTED,
)
"""Columns that add up over sources and hours to the counters of the ingest."""

PACE: tuple[str, ...] = ("paced", "covers_ms")
"""Columns that add up too: messages of which a rhythm was known, and the time that they stand for at it."""

ADDED: tuple[str, ...] = (*COUNTS, *PACE, "refused")
"""Columns that add up over batches; nothing told is 0. ``refused`` are messages of which nothing was used."""

_MANY = 2.0**53
_NAMED = "source"


def _number(name: str) -> Field:
    return Field(name, "1", 0.0, _MANY, additive=True)


INTAKE = Measurement(
    "intake",
    ("source",),
    (*map(_number, ADDED), Field("from_ms", "ms", 0.0, _MANY)),
    named_as=_NAMED,
)
"""What one batch adds to an hour (named by its start) of a source; only the journal holds it.

``from_ms`` is how far into the hour a source spoke that had not been heard since the service started.
"""

COMPLETENESS = Measurement(
    "completeness",
    ("source",),
    (
        *map(_number, ADDED),
        _number("expected"),
        Field("period_ms", "ms", 0.0, _MANY),
        Field("from_ms", "ms", 0.0, _MANY),
        Field("silent", "h", 0.0, _MANY),
    ),
    named_as=_NAMED,
)
"""An hour of a source as a whole, overwritten as it grows.

``expected`` messages, one each ``period_ms``, from ``from_ms`` into the hour on; both missing where nobody
knows the cadence. Each of the ``paced`` messages stands for the period that its source kept at its time, all
of them for ``covers_ms``. ``silent`` is how many hours up to the end of this one nothing has come.
"""
