"""An alert board in memory, with the contract's ordering, idempotence and revisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from alerts.board import HEARD, SILENCED, Alert, AlertState, Delivery, StaleRevision, Transition
from alerts.verdict import Severity

_QUIET = (AlertState.NORMAL, AlertState.PENDING)
_WAITING = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)


class MemoryBoard:
    """Holds what :meth:`put` gives it."""

    def __init__(self, alerts: Iterable[Alert] = ()) -> None:
        self.by_id: dict[int, Alert] = {}
        self._timeline: dict[int, list[Transition]] = {}
        self._deliveries: dict[int, list[Delivery]] = {}
        for found in alerts:
            self.put(found)

    def put(self, alert: Alert) -> None:
        """Add it, begun by its rule, or take its new state."""
        if alert.id not in self.by_id:
            begun = (AlertState.NORMAL, AlertState.UNACKNOWLEDGED, f"rule {alert.rule}", alert.summary)
            self._timeline.setdefault(alert.id, []).append(Transition(alert.id, alert.since, *begun))
        self.by_id[alert.id] = alert

    def sent(self, delivery: Delivery) -> None:
        """Remember that somebody was told."""
        assert delivery.alert_id is not None
        self._deliveries.setdefault(delivery.alert_id, []).append(delivery)

    async def alerts(
        self,
        *,
        active: bool | None = None,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        found = [
            a
            for a in self.by_id.values()
            if (active is None or active == (a.state not in _QUIET))
            and (site is None or a.site == site)
            and (end is None or a.since < end)
            and (start is None or a.ended is None or a.ended >= start)
        ]
        return sorted(found, key=_urgency)[:limit]

    async def alert(self, alert_id: int) -> Alert | None:
        return self.by_id.get(alert_id)

    async def timeline(self, alert_id: int) -> Sequence[Transition]:
        return self._timeline.get(alert_id, [])

    async def deliveries(self, alert_id: int) -> Sequence[Delivery]:
        return self._deliveries.get(alert_id, [])

    async def acknowledge(
        self, alert_id: int, *, who: str, note: str | None, rev: int | None, at: datetime
    ) -> Alert:
        alert = self.by_id[alert_id]
        if alert.state not in _WAITING:
            return alert
        if rev is not None and rev != alert.rev:
            raise StaleRevision
        over = alert.state is AlertState.RETURNED
        after = AlertState.NORMAL if over else AlertState.ACKNOWLEDGED
        changed = replace(
            alert,
            state=after,
            acknowledged_by=who,
            acknowledged_at=at,
            note=note or alert.note,
            rev=alert.rev + 1,
        )
        self._moved(alert, changed, who, note, at)
        return changed

    async def add_note(self, alert_id: int, *, who: str, note: str, at: datetime) -> Alert:
        alert = self.by_id[alert_id]
        changed = replace(alert, note=note, rev=alert.rev + 1)
        self._moved(alert, changed, who, note, at)
        return changed

    async def silence(
        self, alert_id: int, *, who: str, note: str | None, until: datetime, at: datetime
    ) -> Alert:
        alert = self.by_id[alert_id]
        changed = replace(alert, silenced_until=until, rev=alert.rev + 1)
        told = f"{SILENCED} {until.isoformat()}" if until > at else HEARD
        self._moved(alert, changed, who, f"{told}: {note}" if note else told, at)
        return changed

    def _moved(self, before: Alert, after: Alert, who: str, note: str | None, at: datetime) -> None:
        self.by_id[after.id] = after
        line = Transition(after.id, at, before.state, after.state, who, note)
        self._timeline.setdefault(after.id, []).append(line)


def _urgency(found: Alert) -> tuple[int, int, float, int]:
    over = found.state is AlertState.NORMAL
    last = {AlertState.UNACKNOWLEDGED: 0, AlertState.PENDING: 2, AlertState.NORMAL: 3}.get(found.state, 1)
    return (last, 0 if over else found.severity.number, -found.since.timestamp(), -found.id)


def alert(number: int, since: datetime, **changes: object) -> Alert:
    """An unacknowledged alarm of high severity about the PUE of gdansk, but for ``changes``."""
    plain = Alert(
        id=number,
        key=f"pue/gdansk/{number}",
        rule="pue",
        site="gdansk",
        severity=Severity.HIGH,
        state=AlertState.UNACKNOWLEDGED,
        title="PUE above its limit",
        summary="PUE of the last hour is 1.52, the limit is 1.40",
        value=1.52,
        limit=1.4,
        unit="",
        since=since,
        ended=None,
        acknowledged_by=None,
        acknowledged_at=None,
        note=None,
        rev=1,
        link="/green",
        evidence={"pue": 1.52, "since": since.isoformat()},
        fired_at=since,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
