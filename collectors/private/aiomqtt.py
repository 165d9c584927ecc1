"""The paho client inside an aiomqtt client: manual acknowledgement, and reading that can be paused.

aiomqtt acknowledges as soon as a message is in its queue, so a crash would lose the queue, and it reads on
when nobody takes. Both are mended in the paho client that it wraps, which is private: the dependency is
pinned below 3, and the contract suite of the sources covers every use made of it here.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiomqtt
from paho.mqtt import MQTTException
from paho.mqtt.client import Client

from collectors.private.member import member

_LIBRARY = "aiomqtt"


class PahoInside:
    """``paho`` acknowledges by hand from now on. Raises ServiceError if the library has changed."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.paho: Client = member(client, "_client", _LIBRARY)
        self._ended: asyncio.Future[None] = member(client, "_disconnected", _LIBRARY)
        self._close = member(self.paho, "_sock_close", "paho-mqtt")
        self._paused = False
        self.paho.manual_ack_set(True)

    def pause(self) -> None:
        """Stop reading the socket: QoS 0 and MQTT 3.1.1 know no other way to slow the broker down."""
        socket: Any = self.paho.socket()
        if socket is not None and not self._paused:
            self._paused = True
            asyncio.get_running_loop().remove_reader(socket.fileno())

    def resume(self) -> None:
        """Read again, if reading was paused."""
        socket: Any = self.paho.socket()
        if self._paused and socket is not None:
            self._paused = False
            asyncio.get_running_loop().add_reader(socket.fileno(), self._read)

    def close_socket(self) -> None:
        """Release the socket: after a failed connection nothing else does."""
        self._close()

    def _read(self) -> None:
        """As aiomqtt's own reader does, which cannot be had back once it was removed."""
        try:
            self.paho.loop_read()
            while (pending := getattr(self.paho.socket(), "pending", None)) and pending() > 0:
                self.paho.loop_read()  # TLS has decrypted more than paho took
        except (OSError, ValueError, MQTTException) as error:
            if not self._ended.done():
                self._ended.set_exception(error)
