"""Floods of alarms: how long more of them begin than one person can attend to (ISA-18.2, EEMUA 191)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

WITHIN = timedelta(minutes=10)
"""The time over which alarms are counted, their ends included, their beginnings not."""

BEARABLE = 10
"""Alarms within :data:`WITHIN` that one person can still attend to: with one more a flood starts."""

CALM = 5
"""A flood lasts until fewer than so many alarms have begun within :data:`WITHIN`."""


def flooded_since(begun: Sequence[datetime], at: datetime) -> datetime | None:
    """When the flood that goes on ``at`` a time started to be counted; None while there is none.

    ``begun`` are the times at which alarms began, in any order. What began at or before the answer is not of
    the flood. A flood starts with more than :data:`BEARABLE` alarms and goes on until fewer than
    :data:`CALM` are left, so that it does not end and start again around one number.
    """
    times = sorted(moment for moment in begun if moment <= at)
    since = None
    for now in sorted({*times, *(gone for moment in times if (gone := moment + WITHIN) <= at), at}):
        count = bisect_right(times, now) - bisect_right(times, now - WITHIN)
        if since is None and count > BEARABLE:
            since = now - WITHIN
        elif since is not None and count < CALM:
            since = None
    return since
