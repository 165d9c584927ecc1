"""A site's gateway: publishes the model over real MQTT, live or a recorded range at full speed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal

import structlog
from mqttium import MQTTError, MQTTProtocolVersion
from mqttium.api import AsyncClient, PublishMessage, PublishReceipt, ReconnectPolicy

from runtime.clock import EPOCH, MILLISECOND, Clock
from runtime.errors import SourceError
from simulator.messages import Cadence, Encoding, Message, messages
from simulator.model import Model

log = structlog.get_logger(__name__)

ONLINE, OFFLINE = b"online", b"offline"
_QOS = 1
LIVE = Cadence(node=timedelta(seconds=5), other=timedelta(seconds=10))
"""How often a live site speaks."""


@dataclass(frozen=True)
class Link:
    """How a gateway reaches its broker; at most ``unacknowledged`` messages are under way.

    ``window`` is how many of them MQTT 3.1.1 sends without a PUBACK: a broker drops what is beyond its own
    limit, 20 in mosquitto's default. MQTT 5 brokers tell theirs.
    """

    port: int
    host: str = "127.0.0.1"
    client_id: str = ""
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    window: int = 20
    unacknowledged: int = 2_000
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass
class Account:
    """What was handed to the client and what the broker has answered for, by topic."""

    published: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def settled(self) -> bool:
        """Whether every message has its answer."""
        return self.published.total() == self.acknowledged.total() + self.refused.total()


class Publisher:
    """Publishes what ``model`` says, at QoS 1, and reconnects with backoff until it is closed.

    An async context manager: connected inside, ``online`` (retained) on the first device's status topic,
    ``offline`` there when it leaves or, as its last will, when it dies. :attr:`account` counts telemetry,
    not status. Raises SourceError when the broker refuses it.
    """

    def __init__(self, model: Model, link: Link, encoding: Encoding | None = None) -> None:
        self.account = Account()
        self._model = model
        self._link = link
        self._encoding = encoding or Encoding()
        self._status = f"{model.devices[0].topic}/status"
        self._answered = asyncio.Event()
        self._client = AsyncClient(
            link.client_id or f"simulator-{'-'.join(model.sites)}",
            protocol=MQTTProtocolVersion.MQTTv5 if link.protocol == "5" else MQTTProtocolVersion.MQTTv311,
            keepalive=30,
            username=link.user,
            password=link.password,
            will=PublishMessage(self._status, OFFLINE, _QOS, retain=True),
            max_outbound_inflight=None if link.protocol == "5" else link.window,
            max_unacknowledged_messages=link.unacknowledged,
            reconnect=ReconnectPolicy(initial_delay=0.2, max_delay=15.0),
        )

    async def __aenter__(self) -> Publisher:
        self._client.on_connect = self._announce
        try:
            await self._client.connect(self._link.host, self._link.port)
        except (MQTTError, OSError) as error:
            raise SourceError(
                f"the simulator cannot publish to {self._link.host}:{self._link.port}: {error}"
            ) from error
        log.info("publisher_connected", sites=list(self._model.sites), port=self._link.port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._client.is_connected:
                farewell = await self._client.publish(self._status, OFFLINE, qos=_QOS, retain=True)
                async with asyncio.timeout(5):
                    await farewell.wait()
        except (MQTTError, TimeoutError) as problem:
            log.warning("publisher_left_without_farewell", error=str(problem))
        finally:
            await self._client.disconnect()
            log.info("publisher_closed", published=self.account.published.total())

    async def recorded(self, start: datetime, end: datetime, cadence: Cadence | None = None) -> Account:
        """Publish ``start <= t < end`` as fast as the broker takes it; returns once each has its answer."""
        await self.publish(messages(self._model, start, end, cadence, self._encoding))
        await self.settled()
        return self.account

    async def live(self, clock: Clock, cadence: Cadence = LIVE, since: datetime | None = None) -> None:
        """Publish by the wall clock until cancelled, from ``since`` (default: now) on without a gap."""
        every = min(cadence.node, cadence.other)
        begin = since or clock.now()
        while True:
            tick = EPOCH + ((clock.now() - EPOCH) // every) * every
            if tick >= begin:
                upto = tick + MILLISECOND
                await self.publish(messages(self._model, begin, upto, cadence, self._encoding))
                begin = upto
            await clock.sleep_until(max(tick + every, begin))

    async def publish(self, stream: Iterable[Message]) -> None:
        """Hand over messages in order; waits while too many are without an answer."""
        for topic, payload in stream:
            try:
                receipt = await self._client.publish(topic, payload, qos=_QOS)
            except MQTTError as error:
                raise SourceError(f"the simulator lost its broker for good: {error}") from error
            self.account.published[topic] += 1
            receipt.add_done_callback(lambda done, topic=topic: self._settle(topic, done))  # type: ignore[misc]

    async def settled(self) -> None:
        """Return once every message that was handed over has its answer."""
        while not self.account.settled:
            self._answered.clear()
            await self._answered.wait()

    def _settle(self, topic: str, receipt: PublishReceipt) -> None:
        if receipt.exception() is None:
            self.account.acknowledged[topic] += 1
        else:
            self.account.refused[topic] += 1
        self._answered.set()

    async def _announce(self, _connack: object) -> None:
        await self._client.publish(self._status, ONLINE, qos=_QOS, retain=True)
