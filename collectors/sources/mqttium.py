"""MQTT by mqttium: bounded everywhere, public manual acknowledgement, the fastest of those measured."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import mqttium
from mqttium import MQTTProtocolVersion
from mqttium.api import AsyncClient, Properties, PublishMessage

from collectors.link import CONNECT_TIMEOUT, OFFLINE, QOS, Dial, Lost, NotSpoken, Unanswered, ended, refusal
from collectors.private.mqttium import WindowInside
from collectors.session import BrokerSession, Pace
from collectors.source import SOURCES, BrokerOptions, Message
from runtime.errors import SourceError

_QUEUED_BYTES = 256 * 1024 * 1024 + 65_536
"""More than the largest packet that MQTT knows, so that none can be undeliverable."""


@SOURCES.add("mqttium", BrokerOptions)
def mqttium_source(
    options: BrokerOptions, *, memory: Path | None = None, pace: Pace | None = None
) -> BrokerSession:
    """A message source over mqttium."""
    return BrokerSession(MqttiumLink, options, memory=memory, pace=pace)


class MqttiumLink:
    """Implements :class:`collectors.link.Link`; one AsyncClient, connected once."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._client = _client(dial)
        self._window = WindowInside(self._client)
        self._client.on_disconnect = self._on_disconnect
        self._stream: AsyncIterator[mqttium.api.Message] = self._client.messages()
        self._end: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def open(self) -> bool:
        """See :class:`collectors.link.Link`."""
        options = self._dial.options
        try:
            answer = await self._client.connect(
                options.host, options.port, ssl=self._dial.login.tls, timeout=CONNECT_TIMEOUT
            )
        except mqttium.ConnectRefusedError as error:
            raise refusal(error.reason_code, self._dial) from None
        except mqttium.ConnectError as error:
            raise SourceError(f"{options.url} cannot be reached: {error}") from None
        except mqttium.MalformedPacketError as error:  # the CONNACK of an old broker is none in MQTT 5
            raise NotSpoken(f"{options.url} sent no usable CONNACK: {error}") from None
        except (mqttium.MQTTError, OSError) as error:
            raise Unanswered(f"{options.url} sent no usable CONNACK: {error}") from None
        self._window.widen()
        self._stream = self._client.messages()
        return answer.session_present

    async def subscribe(self, topics: Sequence[str]) -> Sequence[int]:
        """See :class:`collectors.link.Link`."""
        qos = self._dial.options.qos
        try:
            return (await self._client.subscribe(topics, qos=qos, timeout=CONNECT_TIMEOUT)).reason_codes
        except mqttium.SubscribeError as error:
            return error.result.reason_codes
        except (mqttium.MQTTError, OSError) as error:
            raise SourceError(f"subscribing at {self._dial.options.url} failed: {error}") from None

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """See :class:`collectors.link.Link`."""
        try:
            await self._client.unsubscribe(topics, timeout=CONNECT_TIMEOUT)
        except (mqttium.MQTTError, OSError) as error:
            raise SourceError(f"unsubscribing at {self._dial.options.url} failed: {error}") from None

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """See :class:`collectors.link.Link`."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await (await self._client.publish(topic, payload, qos=QOS, retain=retain)).wait()
        except (mqttium.MQTTError, OSError) as error:
            raise SourceError(f"publishing to {topic} failed: {error or 'no PUBACK'}") from None

    async def arrived(self) -> list[Message]:
        """See :class:`collectors.link.Link`."""
        stream = self._stream
        try:
            first = await anext(stream)
        except StopAsyncIteration:
            raise Lost(f"connection to {self._dial.options.url} lost") from None
        except asyncio.CancelledError:
            self._stream = self._client.messages()  # cancelling a generator ends it
            raise
        messages = [Message(first.topic, first.payload, first.retain, (self, first), first.dup)]
        # What is queued is handed over without suspending, so this never waits.
        for _ in range(self._client.stats().delivery.iterator_queued):
            item = await anext(stream)
            messages.append(Message(item.topic, item.payload, item.retain, (self, item), item.dup))
        return messages

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """See :class:`collectors.link.Link`."""
        acknowledge, told = self._client.ack, 0
        with contextlib.suppress(mqttium.MQTTError, OSError):
            for message in messages:
                await acknowledge(message.handle[1])  # type: ignore[index]
                told += 1
        return told

    async def lost(self) -> SourceError:
        """See :class:`collectors.link.Link`."""
        cause = await asyncio.shield(self._end)
        return ended(getattr(cause, "reason_code", None), self._dial, str(cause or "closed"))

    async def close(self) -> None:
        """See :class:`collectors.link.Link`."""
        with contextlib.suppress(mqttium.MQTTError, OSError):
            await self._client.disconnect()
        if not self._end.done():
            self._end.cancel()

    def _on_disconnect(self, cause: BaseException | None) -> None:
        if not self._end.done():
            self._end.set_result(cause)


def _client(dial: Dial) -> AsyncClient:
    options, five = dial.options, dial.version == "5"
    expiry = int(options.session_expiry.total_seconds()) if options.lasting else 0
    will_delay = Properties({"will_delay_interval": int(options.will_delay.total_seconds())})
    password = dial.login.password
    return AsyncClient(
        options.client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        clean_start=not options.lasting,
        keepalive=int(options.keepalive.total_seconds()),
        username=dial.login.user,
        password=password.get_secret_value() if password else None,
        connect_properties=Properties({"session_expiry_interval": expiry}) if five else None,
        will=PublishMessage(
            options.status_topic, OFFLINE, QOS, retain=True, properties=will_delay if five else None
        ),
        # MQTT 3.1.1 cannot tell the broker a window: there the full queue stops us from reading the socket.
        max_inbound_inflight=options.receive_maximum if five else None,
        max_iterator_messages=options.receive_maximum,
        max_iterator_bytes=_QUEUED_BYTES,
        manual_ack=True,
    )
