"""Why messages and rows are refused."""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "undecodable": "The payload is not in the format that its topic promises.",
    "no_known_field": "The message holds no field that the catalogue knows.",
    "not_finite": "A value is infinite or not a number.",
    "out_of_range": "A value lies outside the plausible range of its field.",
    "future": "The timestamp lies further ahead of the wall clock than the tolerance.",
    "too_old": "The timestamp is older than the accepted lateness.",
    "topic": "The topic is not one that the service was told to accept.",
    "cardinality": "The series or source is new and the limit of their number is reached.",
    "too_large": "The payload is larger than the limit.",
}
"""Why messages and rows are refused; decoders and checks use no other names."""
