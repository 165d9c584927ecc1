"""Alerts as messages on MQTT topics, over the connection that the service has already."""

from __future__ import annotations

import re

from pydantic import Field

from alerts.document import document
from alerts.message import CHANNELS, AlertMessage, Publish
from runtime.errors import DeliveryError, SourceError
from runtime.options import Options


class MqttOptions(Options):
    """A ``[[channel]]`` of ``type = "mqtt"``; ``{site}``, ``{rule}`` and ``{severity}`` are filled in."""

    topic: str = Field(default="amberwatt/v1/alerts/{site}/{rule}", pattern=r"^[^+#]+$")


@CHANNELS.add("mqtt", MqttOptions)
class MqttChannel:
    """Publishes :func:`alerts.document.document` once it is connected."""

    def __init__(self, options: MqttOptions) -> None:
        self._options = options
        self._publish: Publish | None = None

    def connect(self, publish: Publish) -> None:
        """Send through ``publish`` from now on."""
        self._publish = publish

    async def send(self, message: AlertMessage) -> None:
        """Publish and wait for the broker's acknowledgement. Raises DeliveryError."""
        if self._publish is None:
            raise DeliveryError("there is no connection to the broker yet")
        try:
            await self._publish(self.topic(message), document(message))
        except SourceError as error:
            raise DeliveryError(f"the broker did not take it: {error}") from error

    async def close(self) -> None:
        """The connection is not ours."""

    def topic(self, message: AlertMessage) -> str:
        """Where ``message`` goes; an alert of no site is under ``all``."""
        rule = message.labels.get("alertname", message.kind)
        levels = {"site": message.site or "all", "rule": rule, "severity": str(message.severity)}
        return re.sub(r"\{(site|rule|severity)\}", lambda m: levels[m[1]], self._options.topic)
