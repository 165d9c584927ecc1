"""The link over our own MQTT 5 connection: what is asked of the broker, and what its answers mean."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, SupportsInt, TypeVar

from mqtt5 import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectReasonCode,
    PubAckPacket,
    PublishPacket,
    QoS,
    SubAckPacket,
    SubscribePacket,
    TopicFilter,
    UnsubAckPacket,
    UnsubscribePacket,
    Will,
)

from collectors.link import (
    CONNECT_TIMEOUT,
    OFFLINE,
    REFUSED,
    Dial,
    Lost,
    NotSpoken,
    Refused,
    Unanswered,
    ended,
    refusal,
)
from collectors.mqtt5.connection import Answer, Connection
from collectors.mqtt5.inbox import Inbox
from collectors.mqtt5.packets import LARGEST, OldGreeting
from collectors.source import Message
from runtime.errors import SourceError

T = TypeVar("T")
AnswerT = TypeVar("AnswerT", PubAckPacket, SubAckPacket, UnsubAckPacket)

_LONGEST_KEEPALIVE = 65_535


class Mqtt5Link:
    """Implements :class:`collectors.link.Link` for MQTT 5 only; one :class:`Connection`, opened once."""

    def __init__(self, dial: Dial) -> None:
        if dial.version != "5":
            raise ValueError(f"this link speaks MQTT 5, not {dial.version}")
        self._dial = dial
        self._where = dial.options.url
        self._inbox = Inbox(self, dial.options.receive_maximum)
        self._connection: Connection | None = None
        self._window = asyncio.Semaphore()
        self._largest: int | None = None

    async def open(self) -> bool:
        """See :class:`collectors.link.Link`."""
        hello = _connect(self._dial)
        connection = self._connection = await self._reach()
        connection.write(hello)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                answer = await connection.greeting
        except TimeoutError:
            raise Unanswered(f"{self._where} sent no CONNACK in {CONNECT_TIMEOUT:g} s") from None
        if answer is None:
            raise self._unanswered(connection)
        if (code := int(answer.reason_code)) >= REFUSED:
            raise refusal(code, self._dial)
        self._agree(connection, answer)
        return answer.session_present

    async def subscribe(self, topics: Sequence[str]) -> Sequence[int]:
        """See :class:`collectors.link.Link`."""
        qos = QoS(self._dial.options.qos)
        answer = await self._ask("subscribing", lambda n: _subscribe(n, topics, qos), SubAckPacket)
        return self._one_each(topics, answer.reason_codes)

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """See :class:`collectors.link.Link`."""
        request: Callable[[int], bytes] = lambda n: UnsubscribePacket(n, list(topics)).write()  # noqa: E731
        answer = await self._ask("unsubscribing", request, UnsubAckPacket)
        for topic, code in zip(topics, self._one_each(topics, answer.reason_codes), strict=True):
            if code >= REFUSED:
                raise SourceError(f"{self._where} refused to unsubscribe us from {topic} (0x{code:02x})")

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """See :class:`collectors.link.Link`."""
        what = f"publishing to {topic}"
        answer = await self._ask(what, lambda n: self._message(n, topic, payload, retain), PubAckPacket)
        if (code := int(answer.reason_code)) >= REFUSED:
            told = answer.reason_str or answer.reason_code.name
            raise SourceError(f"{what} at {self._where} refused (0x{code:02x}): {told}")

    async def arrived(self) -> list[Message]:
        """See :class:`collectors.link.Link`."""
        connection = self._opened()
        messages = await self._inbox.take()
        if connection.end.done():
            raise Lost(str(self._reason(connection)))
        connection.read_on()
        return messages

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """See :class:`collectors.link.Link`."""
        connection = self._opened()
        # All in one write; there are no more than 65,535 packet identifiers, so it has no more than 256 KiB.
        told = connection.write(b"".join([m.handle[1] for m in messages]))  # type: ignore[index]
        return len(messages) if told and await connection.drained() else 0

    async def lost(self) -> SourceError:
        """See :class:`collectors.link.Link`."""
        connection = self._opened()
        await asyncio.shield(connection.end)
        return self._reason(connection)

    async def close(self) -> None:
        """See :class:`collectors.link.Link`."""
        if self._connection is not None:
            await self._connection.close()

    async def _reach(self) -> Connection:
        options, tls = self._dial.options, self._dial.login.tls
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self._inbox), options.host, options.port, ssl=tls
                )
        except (OSError, UnicodeError) as error:  # a name that is none is a UnicodeError
            told = str(error) or f"no connection in {CONNECT_TIMEOUT:g} s"
            raise SourceError(f"{self._where} cannot be reached: {told}") from None
        return connection

    def _unanswered(self, connection: Connection) -> SourceError:
        end = connection.end.result()
        if isinstance(end.cause, ssl.SSLError):  # in TLS 1.3 a refused certificate shows only now
            return SourceError(f"{self._where} cannot be reached: {end.detail}")
        told = f"{self._where} sent no usable CONNACK: {end.detail}"
        return NotSpoken(told) if isinstance(end.cause, OldGreeting) else Unanswered(told)

    def _agree(self, connection: Connection, answer: ConnAckPacket) -> None:
        """Keep to what the broker's CONNACK asks for.

        A keep-alive of the broker counts where it is shorter: we may always speak more often than we must.
        """
        ours, theirs = _keepalive(self._dial), answer.server_keep_alive
        seconds = min(filter(None, (ours, theirs)), default=0)
        if seconds:
            connection.keep_alive(seconds)
        self._window = asyncio.Semaphore(answer.receive_max)
        self._largest = answer.max_packet_size

    async def _ask(self, what: str, request: Callable[[int], bytes], kind: type[AnswerT]) -> AnswerT:
        connection = self._opened()
        try:
            answer = await _heard_from(connection, self._answer(connection, request, kind))
        except TimeoutError:
            raise SourceError(f"{what} at {self._where}: no answer in {CONNECT_TIMEOUT:g} s") from None
        except (ValueError, OverflowError) as error:
            raise SourceError(f"{what} at {self._where} is not possible: {error}") from None
        if answer is None:
            raise self._reason(connection)
        if not isinstance(answer, kind):
            self._mistaken(connection, f"{type(answer).__name__} in answer to {what}")
            raise self._reason(connection)
        return answer

    async def _answer(
        self, connection: Connection, request: Callable[[int], bytes], kind: type[AnswerT]
    ) -> Answer | None:
        if kind is not PubAckPacket:
            return await asyncio.shield(connection.ask(request))
        # One that nobody waits for any longer still counts in the broker's window until it is answered.
        await self._window.acquire()
        try:
            answer = connection.ask(request)
        except BaseException:
            self._window.release()
            raise
        answer.add_done_callback(lambda _: self._window.release())
        return await asyncio.shield(answer)

    def _message(self, number: int, topic: str, payload: bytes, retain: bool) -> bytes:
        packet = PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, retain=retain, packet_id=number).write()
        if self._largest is not None and len(packet) > self._largest:
            raise ValueError(f"it takes {len(packet)} bytes and the broker no more than {self._largest}")
        return packet

    def _one_each(self, topics: Sequence[str], codes: Sequence[SupportsInt]) -> list[int]:
        connection = self._opened()
        if len(codes) != len(topics):
            self._mistaken(connection, f"{len(codes)} reason codes for {len(topics)} topics")
            raise self._reason(connection)
        return [int(code) for code in codes]  # the codec's enumerations have no order

    def _mistaken(self, connection: Connection, detail: str) -> None:
        connection.fail(DisconnectReasonCode.PROTOCOL_ERROR, f"the broker sent {detail}")

    def _opened(self) -> Connection:
        if self._connection is None:
            raise Lost(f"there is no connection to {self._where} yet")
        return self._connection

    def _reason(self, connection: Connection) -> SourceError:
        end = connection.end.result()
        return ended(end.code, self._dial, end.detail)


async def _heard_from(connection: Connection, asking: Coroutine[Any, Any, T]) -> T:
    """What ``asking`` returns. Raises TimeoutError when meanwhile nothing at all is heard from the broker.

    After an outage as many messages as the window holds may come before any answer, and who hangs up on them
    gets the same ones again.
    """
    job = asyncio.ensure_future(asking)
    try:
        while True:
            before = connection.chunks
            await asyncio.wait({job}, timeout=CONNECT_TIMEOUT)
            if job.done():
                return job.result()
            if connection.chunks == before and not connection.paused:
                raise TimeoutError
    finally:
        job.cancel()


def _keepalive(dial: Dial) -> int:
    return min(math.ceil(dial.options.keepalive.total_seconds()), _LONGEST_KEEPALIVE)


def _subscribe(number: int, topics: Sequence[str], qos: QoS) -> bytes:
    filters = [TopicFilter(t, max_qos=qos, retain_as_published=False) for t in topics]
    return SubscribePacket(number, filters).write()


def _connect(dial: Dial) -> bytes:
    """CONNECT for a session that may outlive the connection. Raises Refused naming what cannot be said."""
    options, login = dial.options, dial.login
    expiry = int(options.session_expiry.total_seconds()) if options.lasting else 0
    try:
        will = Will(
            options.status_topic,
            payload=OFFLINE,
            qos=QoS.AT_LEAST_ONCE,
            retain=True,
            will_delay_interval=int(options.will_delay.total_seconds()),
        )
        return ConnectPacket(
            options.client_id,
            username=login.user,
            password=login.password.get_secret_value().encode() if login.password else None,
            clean_start=not options.lasting,
            will=will,
            keep_alive=_keepalive(dial),
            session_expiry_interval=expiry,
            receive_max=options.receive_maximum,
            max_packet_size=LARGEST,
        ).write()
    except (ValueError, OverflowError) as error:
        keys = "client_id, user, password_file and status_topic"
        raise Refused(f"[broker] {keys} do not make a CONNECT: {error}") from None
