"""Cron in a time zone, right over both changes to and from daylight saving time.

APScheduler 3.11 adds wall-clock distances as elapsed time, so asked in mid-March for "midnight of the first"
in Europe it answers the first of *May*, and a fixed hour that is repeated in October comes twice. Here its
cron fields walk over plain wall-clock time, and the zone is applied to what they find.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

_REACH = timedelta(hours=3)
"""More than any zone ever moved its clocks at once."""


class ZonedCron(BaseTrigger):  # type: ignore[misc]  # apscheduler publishes no types
    """Due by the five fields of ``text`` on the clocks of ``zone``.

    A fixed hour that is skipped is due right after the gap, and one that is repeated only the first time;
    with a wildcard hour every real occurrence is due. Weekdays are names, because crons disagree on their
    numbers. Raises ValueError.
    """

    def __init__(self, text: str, zone: str) -> None:
        fields = text.split()
        if len(fields) == 5 and any(c.isdigit() for c in fields[4].partition("/")[0]):
            raise ValueError(f"{text!r}: write weekdays as mon..sun, their numbers differ between crons")
        self.text, self.zone = text, ZoneInfo(zone)
        self._wall = CronTrigger.from_crontab(text, timezone=UTC)
        self._any_hour = fields[1].startswith("*")

    def get_next_fire_time(self, previous: Any, now: datetime) -> datetime | None:
        """The first due time at or after ``now``, UTC; ``previous`` is not needed."""
        now = now.astimezone(UTC)
        wall = now.astimezone(self.zone).replace(tzinfo=None)
        due = self._next_wall(wall)
        if due is None:
            return None
        offsets = {t.replace(tzinfo=self.zone).utcoffset() for t in (wall - _REACH, due + _REACH)}
        if len(offsets) == 1:
            return due.replace(tzinfo=self.zone).astimezone(UTC)
        return self._next_near_change(now, wall - _REACH, due + 2 * _REACH)

    def _next_near_change(self, now: datetime, start: datetime, end: datetime) -> datetime | None:
        best: datetime | None = None
        due = self._next_wall(start)
        while due is not None and (due <= end or best is None):
            moments = [m for m in self._moments(due) if m >= now]
            best = min([*moments, *([best] if best else [])], default=None)
            if best is not None and due > best.astimezone(self.zone).replace(tzinfo=None) + _REACH:
                break
            due = self._next_wall(due + timedelta(seconds=1))
        return best

    def _next_wall(self, wall: datetime) -> datetime | None:
        found: datetime | None = self._wall.get_next_fire_time(None, wall.replace(tzinfo=UTC))
        return None if found is None else found.replace(tzinfo=None)

    def _moments(self, wall: datetime) -> list[datetime]:
        """The real times at which the clocks of the zone show ``wall``: one, two or none."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if not self._any_hour or first == second:
            return [first]
        repeated = first < second
        return [first, second] if repeated else []
