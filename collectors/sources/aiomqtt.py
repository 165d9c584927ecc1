"""MQTT by aiomqtt 2 (the successor of asyncio-mqtt), with the manual acknowledgement of the paho below it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from collectors.link import CONNECT_TIMEOUT, OFFLINE, QOS, Dial, Lost, Unanswered, ended, refusal
from collectors.private.aiomqtt import PahoInside
from collectors.session import BrokerSession, Pace
from collectors.source import SOURCES, BrokerOptions, Message
from runtime.errors import SourceError

_ACKS_PER_TURN = 200
"""PUBACKs sent before the event loop gets its turn; each costs paho about 25 µs."""


@SOURCES.add("aiomqtt", BrokerOptions)
def aiomqtt_source(
    options: BrokerOptions, *, memory: Path | None = None, pace: Pace | None = None
) -> BrokerSession:
    """A message source over aiomqtt."""
    return BrokerSession(AiomqttLink, options, memory=memory, pace=pace)


class AiomqttLink:
    """Implements :class:`collectors.link.Link`; one aiomqtt Client, entered once."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._client = _client(dial)
        self._inside = PahoInside(self._client)
        self._paho = self._inside.paho
        self._paho.on_message = self._on_message
        self._answered = self._paho.on_connect
        self._paho.on_connect = self._on_connect
        self._parted = self._paho.on_disconnect
        self._paho.on_disconnect = self._on_disconnect
        self._dropped = asyncio.Event()
        self._refused: int | None = None
        self._resumed = False
        self._inbox: list[MQTTMessage] = []
        self._news = asyncio.Event()
        self._open = False
        self._closed = False

    async def open(self) -> bool:
        """See :class:`collectors.link.Link`."""
        entering = asyncio.ensure_future(self._client.__aenter__())
        dropped = asyncio.ensure_future(self._dropped.wait())
        try:
            await asyncio.wait({entering, dropped}, return_when=asyncio.FIRST_COMPLETED)
            if self._refused is not None:
                raise refusal(self._refused, self._dial)
            if not entering.done():
                raise Unanswered(f"{self._dial.options.url} sent no usable CONNACK: hung up")
            entering.result()
        except aiomqtt.MqttError as error:
            if self._paho.socket() is not None:
                raise Unanswered(f"{self._dial.options.url} sent no usable CONNACK: {error}") from None
            raise SourceError(f"{self._dial.options.url} cannot be reached: {error}") from None
        finally:
            entering.cancel()
            dropped.cancel()
            await asyncio.gather(entering, dropped, return_exceptions=True)
        self._open = True
        return self._resumed

    async def subscribe(self, topics: Sequence[str]) -> Sequence[int]:
        """See :class:`collectors.link.Link`."""
        five = self._dial.version == "5"
        qos = self._dial.options.qos
        wanted: Any = [(topic, SubscribeOptions(qos=qos) if five else qos) for topic in topics]
        try:
            codes = await self._client.subscribe(wanted, timeout=CONNECT_TIMEOUT)
        except (aiomqtt.MqttError, ValueError) as error:
            raise SourceError(f"subscribing at {self._dial.options.url} failed: {error}") from None
        return [code if isinstance(code, int) else code.value for code in codes]

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """See :class:`collectors.link.Link`."""
        try:
            await self._client.unsubscribe(list(topics), timeout=CONNECT_TIMEOUT)
        except aiomqtt.MqttError as error:
            raise SourceError(f"unsubscribing at {self._dial.options.url} failed: {error}") from None

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """See :class:`collectors.link.Link`."""
        try:
            await self._client.publish(topic, payload, QOS, retain, timeout=CONNECT_TIMEOUT)
        except aiomqtt.MqttError as error:
            raise SourceError(f"publishing to {topic} failed: {error}") from None

    async def arrived(self) -> list[Message]:
        """See :class:`collectors.link.Link`."""
        while not self._inbox and not self._closed:
            self._news.clear()
            await self._news.wait()
        if self._closed:
            raise Lost(f"connection to {self._dial.options.url} lost")
        taken, self._inbox = self._inbox, []
        self._inside.resume()
        return [Message(m.topic, bytes(m.payload), m.retain, (self, m), m.dup) for m in taken]

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """See :class:`collectors.link.Link`."""
        for number, message in enumerate(messages, start=1):
            if self._closed:
                return number - 1
            received: MQTTMessage = message.handle[1]  # type: ignore[index]
            if received.qos:
                self._paho.ack(received.mid, received.qos)
            if number % _ACKS_PER_TURN == 0:
                await asyncio.sleep(0)
        return len(messages)

    async def lost(self) -> SourceError:
        """See :class:`collectors.link.Link`."""
        try:
            # Nothing is ever put into aiomqtt's own queue, so this waits for the end of the connection.
            await anext(self._client.messages)
        except aiomqtt.MqttError as error:
            return ended(_code(error.__cause__), self._dial, str(error.__cause__ or error))
        return Lost(f"connection to {self._dial.options.url} lost")

    async def close(self) -> None:
        """See :class:`collectors.link.Link`."""
        self._closed = True
        self._news.set()
        self._inside.resume()
        if self._open:
            with contextlib.suppress(aiomqtt.MqttError, ValueError):
                await self._client.__aexit__(None, None, None)
        self._inside.close_socket()

    # aiomqtt's own callbacks tell neither whether the session was resumed nor of an end before CONNACK.

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._resumed = bool(flags.session_present)
        self._refused = reason.value if reason.is_failure else None
        self._answered(client, userdata, flags, reason, properties)  # type: ignore[misc, call-arg]

    def _on_disconnect(self, *arguments: Any) -> None:
        self._dropped.set()
        self._parted(*arguments)  # type: ignore[misc]

    def _on_message(self, _client: Any, _userdata: Any, message: MQTTMessage) -> None:
        self._inbox.append(message)
        self._news.set()
        if len(self._inbox) >= self._dial.options.receive_maximum:
            self._inside.pause()


def _code(error: BaseException | None) -> int | None:
    code = getattr(error, "rc", None)
    return code if isinstance(code, int) else getattr(code, "value", None)


def _properties(packet: int, name: str, value: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    setattr(properties, name, value)
    return properties


def _client(dial: Dial) -> aiomqtt.Client:
    options, five = dial.options, dial.version == "5"
    connect = will = None
    if five:
        expiry = int(options.session_expiry.total_seconds()) if options.lasting else 0
        connect = _properties(PacketTypes.CONNECT, "SessionExpiryInterval", expiry)
        connect.ReceiveMaximum = options.receive_maximum
        will = _properties(
            PacketTypes.WILLMESSAGE, "WillDelayInterval", int(options.will_delay.total_seconds())
        )
    password = dial.login.password
    return aiomqtt.Client(
        options.host,
        options.port,
        identifier=options.client_id,
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        clean_start=not options.lasting if five else MQTT_CLEAN_START_FIRST_ONLY,
        clean_session=None if five else not options.lasting,
        properties=connect,
        username=dial.login.user,
        password=password.get_secret_value() if password else None,
        will=aiomqtt.Will(options.status_topic, OFFLINE, QOS, True, will),
        tls_context=dial.login.tls,
        keepalive=int(options.keepalive.total_seconds()),
        timeout=CONNECT_TIMEOUT,
    )
