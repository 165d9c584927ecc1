"""What a source owed in an hour, and how much of it came: at the rhythm that held then, not at today's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telemetry.frame import Floats, Mask, Millis
from telemetry.intake_tally import HOUR_MS

Columns = Mapping[str, Floats]
"""float64[n] by name: what is told of n sources in one hour."""

TOLD: tuple[str, ...] = ("period_ms", "expected", "from_ms", "silent")
"""Columns of the ledger that are no counts: :func:`expectation` tells them."""


@dataclass(frozen=True)
class Asked:
    """The hour that begins at ``at_ms``, asked for at ``now_ms``; ``closed`` hours were accounted before."""

    at_ms: int
    now_ms: int
    closed: bool

    @property
    def current(self) -> bool:
        """Whether it is not over yet."""
        return self.now_ms < self.at_ms + HOUR_MS


@dataclass(frozen=True)
class Known:
    """What is known of n sources besides their counts; periods are float64[n] in ms, NaN where unknown.

    Attributes:
        declared_ms: as the configuration says.
        early_ms: what their first messages showed later.
        before_ms: the period of the hour before.
        now_ms: what is believed now.
        since_ms: int64[n], from when on each is expected.
        silent: float64[n], hours without any message up to the end of the hour; NaN where unknown.
        told: the columns :data:`TOLD` as they were last stored.
    """

    declared_ms: Floats
    early_ms: Floats
    before_ms: Floats
    now_ms: Floats
    since_ms: Millis
    silent: Floats
    told: Columns


def came(counts: Columns, repeats: Floats) -> Floats:
    """float64[n], messages of which something new was kept: none that was refused whole or came again.

    ``repeats`` are rows that had been stored before. Of a source that repeats, messages count as its rows do.
    """
    used = np.maximum(0.0, counts["received"] - counts["refused"])
    rows = counts["rows"]
    with np.errstate(divide="ignore", invalid="ignore"):
        new = np.where(rows > 0, np.maximum(0.0, 1.0 - repeats / rows), 1.0)
    found: Floats = used * new
    return found


def expectation(hour: Asked, counts: Columns, known: Known) -> dict[str, Floats]:
    """The columns :data:`TOLD` of sources with ``counts``; what an hour was closed with stays."""
    period = _period_ms(hour, counts, known)
    until = np.full(len(period), float(hour.at_ms + HOUR_MS))
    if hour.current:  # the newest may be on its way
        until = hour.now_ms - np.nan_to_num(period)
    expected = np.floor(np.maximum(0.0, until - np.maximum(hour.at_ms, known.since_ms)) / period)
    if hour.closed:
        final = _is_final(counts, known)
        expected[final] = known.told["expected"][final]
        period[final] = known.told["period_ms"][final]
    into = known.since_ms - hour.at_ms
    return {
        "period_ms": period,
        "expected": expected,
        "from_ms": np.where((into > 0) & (into < HOUR_MS), into, np.nan),
        "silent": np.where(counts["received"] > 0, 0.0, known.silent),
    }


def _period_ms(hour: Asked, counts: Columns, known: Known) -> Floats:
    """float64[n], the period of each source in the hour; NaN where nobody knows one.

    As declared. Else as its messages showed by what they stand for: an hour at two rhythms is whole when all
    of its messages together cover it. One in which nothing came is held to the rhythm before it, and one
    whose messages came before anything was known, to the first that was.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.where(counts["paced"] > 0, counts["covers_ms"] / counts["paced"], np.nan)
    before = np.full(len(shown), np.nan) if hour.current else known.before_ms
    other = np.where(counts["received"] > 0, known.early_ms, before)
    found = known.declared_ms
    for told in (shown, other, known.now_ms):
        found = np.where(np.isnan(found), told, found)
    return found


def _is_final(counts: Columns, known: Known) -> Mask:
    """bool[n], of whom an hour that was closed keeps what was expected in it then.

    What was declared may change later, what was known of the silent too. Of those who spoke, their own
    messages tell the rhythm, also the ones that came after the hour was closed.
    """
    kept = ~np.isnan(known.told["expected"])
    spoke = np.isnan(known.declared_ms) & (counts["paced"] > 0)
    final: Mask = kept & ~spoke
    return final
