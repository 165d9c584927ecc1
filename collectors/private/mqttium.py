"""The inbound session inside an mqttium client: how many messages it tolerates unacknowledged."""

from __future__ import annotations

from mqttium.api import AsyncClient

from collectors.private.member import member

PACKET_IDS = 65_535
"""No broker can have more messages unacknowledged: it has no more packet identifiers."""

_LIBRARY = "mqttium"
_WINDOW = "_receive_maximum"


class WindowInside:
    """Raises ServiceError if the library has changed."""

    def __init__(self, client: AsyncClient) -> None:
        self._inbound = member(member(client, "_engine", _LIBRARY), "inbound", _LIBRARY)
        member(self._inbound, _WINDOW, _LIBRARY)

    def widen(self) -> None:
        """Tolerate as many as there are packet identifiers; to be called after each CONNACK.

        Mosquitto 2.0 sends more than the receive maximum while it drains a backlog. mqttium would hang up on
        it, for ever, and there is no public way to advertise less than is tolerated. The queue stays
        bounded: when it is full the socket is not read.
        """
        setattr(self._inbound, _WINDOW, PACKET_IDS)
