"""Prometheus Alertmanager by its API v2: each alert by its labels, told again while it fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pydantic import Field

from alerts.board import Alert, AlertState
from alerts.compose import labels
from alerts.message import CHANNELS, AlertMessage
from alerts.post import Address, LoginOptions, Poster
from alerts.state import FIRING
from alerts.verdict import Severity
from energy.quantity import quantity
from runtime.errors import DeliveryError
from runtime.options import Duration


class AlertmanagerOptions(LoginOptions):
    """A ``[[channel]]`` of ``type = "alertmanager"``; name every peer of a cluster in ``urls``.

    ``resend`` must stay below Alertmanager's ``resolve_timeout`` (5 minutes by default).
    """

    urls: tuple[Address, ...] = Field(min_length=1)
    resend: Duration = timedelta(minutes=1)
    labels: dict[str, str] = Field(default_factory=dict)


@CHANNELS.add("alertmanager", AlertmanagerOptions)
class AlertmanagerChannel:
    """POSTs to ``/api/v2/alerts`` of every peer; one peer that takes it is enough, as they gossip."""

    def __init__(self, options: AlertmanagerOptions) -> None:
        self._options = options
        self._login = options.authorization()
        self._poster = Poster()

    @property
    def resend(self) -> timedelta:
        """How often what fires is told again."""
        return self._options.resend

    async def send(self, message: AlertMessage) -> None:
        """Tell of every alert in the message; one that is no alert becomes a note. Raises DeliveryError."""
        if message.alerts:
            told = [self._alert(alert, message.link) for alert in message.alerts]
            await self._post([*told, *(end for alert in message.alerts for end in self._outgrown(alert))])
            return
        note = {"alertname": "amberwatt_notice", "key": message.alert_key, "severity": str(message.severity)}
        await self._post(
            [{"labels": note | self._options.labels, "annotations": {"summary": message.subject}}]
        )

    async def mirror(self, firing: Sequence[Alert]) -> None:
        """Tell of all that fires, so that none is forgotten. Raises DeliveryError."""
        if firing:
            await self._post([self._alert(alert, "") for alert in firing])

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def _alert(self, alert: Alert, link: str) -> dict[str, Any]:
        annotations = {"summary": alert.title, "description": alert.summary}
        if alert.advice:
            annotations["advice"] = alert.advice
        if alert.value is not None:
            annotations["value"] = quantity(alert.value, alert.unit)
        told: dict[str, Any] = {
            "labels": labels(alert) | self._options.labels,
            "annotations": annotations,
            "startsAt": _stamp(alert.since),
        }
        if alert.state not in FIRING and alert.ended is not None:
            told["endsAt"] = _stamp(max(alert.ended, alert.since))
        return told | ({"generatorURL": link} if link else {})

    def _outgrown(self, alert: Alert) -> list[dict[str, Any]]:
        """The ends of ``alert`` at lower severities: to Alertmanager other labels are another alert.

        An alert in its first revision has never been raised. Ending what never was is no news there.
        """
        lower = [s for s in Severity if s.number > alert.severity.number] if alert.rev > 1 else []
        gone = [replace(alert, severity=s, state=AlertState.NORMAL, ended=alert.since) for s in lower]
        return [self._alert(one, "") for one in gone]

    async def _post(self, alerts: list[dict[str, Any]]) -> None:
        body = msgspec.json.encode(alerts)
        failures: list[DeliveryError] = []
        for url in self._options.urls:
            try:
                await self._poster.post(f"{str(url).rstrip('/')}/api/v2/alerts", body, self._login)
            except DeliveryError as error:
                failures.append(error)
        if len(failures) == len(self._options.urls):
            permanent = all(error.permanent for error in failures)
            raise DeliveryError("; ".join(str(error) for error in failures), permanent=permanent)


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
