"""A board on which nothing, or a given list of alerts, stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from alerts.board import Alert, AlertState, Delivery, Transition

_QUIET = (AlertState.NORMAL, AlertState.PENDING)


class EmptyBoard:
    """Reads of an :class:`alerts.board.AlertBoard` over ``alerts``; it takes no commands."""

    def __init__(self, alerts: Sequence[Alert] = ()) -> None:
        self._alerts = list(alerts)

    async def alerts(
        self,
        *,
        active: bool | None = None,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Sequence[Alert]:
        return [
            a
            for a in self._alerts
            if (active is None or (a.state not in _QUIET) == active)
            and (site is None or a.site == site)
            and (end is None or a.since < end)
            and (start is None or a.ended is None or a.ended > start)
        ]

    async def alert(self, alert_id: int) -> Alert | None:
        return next((a for a in self._alerts if a.id == alert_id), None)

    async def timeline(self, alert_id: int) -> Sequence[Transition]:
        return []

    async def deliveries(self, alert_id: int) -> Sequence[Delivery]:
        return []

    async def acknowledge(
        self, alert_id: int, *, who: str, note: str | None, rev: int | None, at: datetime
    ) -> Alert:
        raise KeyError(alert_id)

    async def silence(
        self, alert_id: int, *, who: str, note: str | None, until: datetime, at: datetime
    ) -> Alert:
        raise KeyError(alert_id)
