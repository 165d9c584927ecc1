"""The alarms that a month's report lists, and when they have become others than those that were issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

import msgspec

from alerts.board import Alert, AlertBoard, AlertState
from alerts.verdict import Severity
from energy.figures import ALL
from energy.interval import Period
from reports.content import AlertLine


async def alert_lines(site: str, period: Period, board: AlertBoard) -> tuple[AlertLine, ...]:
    """Every alarm of ``site`` (of any, for ``all``) that was active in ``period``, earliest first."""
    found = await board.alerts(site=None if site == ALL else site, start=period.start, end=period.end)
    shown = [a for a in found if a.state is not AlertState.PENDING and _touches(a, period)]
    return tuple(_line(a) for a in sorted(shown, key=lambda a: (a.since, a.id)))


def counted(lines: Sequence[AlertLine]) -> dict[str, int]:
    """How many there are of each severity."""
    return {severity.value: sum(line.severity == severity.value for line in lines) for severity in Severity}


def with_forgotten(now: Sequence[AlertLine], before: Sequence[AlertLine]) -> tuple[AlertLine, ...]:
    """``now``, and those of ``before`` that the board has forgotten since: what was reported stays so."""
    known = {line.id for line in now}
    lost = (line for line in before if line.id not in known)
    return tuple(sorted([*now, *lost], key=lambda line: (line.start, line.id)))


def same(now: Sequence[AlertLine], before: Sequence[AlertLine]) -> bool:
    """Whether both tell the same of the month.

    Who acknowledged an alarm, and what they noted, is how people dealt with it, mostly later. What an alarm
    says moves as long as it is active; it counts once that has ended.
    """
    return [_told(line) for line in now] == [_told(line) for line in before]


def _told(line: AlertLine) -> AlertLine:
    told = replace(line, state="", acknowledged_by=None, acknowledged_at=None, note=None)
    if line.end is None:
        told = replace(told, summary="", value=None, limit=None, evidence={})
    return told


def _touches(alert: Alert, period: Period) -> bool:
    return alert.since < period.end and (alert.ended is None or alert.ended > period.start)


def _line(alert: Alert) -> AlertLine:
    return AlertLine(
        id=alert.id,
        rule=alert.rule,
        severity=alert.severity.value,
        state=alert.state.value,
        title=alert.title,
        summary=alert.summary,
        value=alert.value,
        limit=alert.limit,
        unit=alert.unit,
        start=alert.since.astimezone(UTC),
        end=alert.ended,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=alert.acknowledged_at,
        note=alert.note,
        evidence=msgspec.json.decode(msgspec.json.encode(dict(alert.evidence))),
    )
