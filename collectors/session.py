"""A persistent session with a broker that outlives its connections: the part that all MQTT clients share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from collectors.link import (
    OFFLINE,
    ONLINE,
    REFUSED,
    Dial,
    Link,
    Lost,
    NotSpoken,
    Refused,
    TakenOver,
    Unanswered,
    Version,
)
from collectors.login import read_login
from collectors.remembered import Remembered, recall, remember
from collectors.source import BrokerOptions, Message
from runtime.backoff import Backoff
from runtime.errors import SourceError

log = structlog.get_logger(__name__)

_FAREWELL = 5.0
"""Seconds that a shutdown may spend on saying ``offline``."""

_CONTESTED = 2
"""Connections in a row that did not last, after which another client is taken to have our name."""

HANG_UPS = 3
"""Hang-ups in a row after which a broker that never spoke MQTT 5 with us is tried in MQTT 3.1.1 too."""


@dataclass
class Pace:
    """How long to wait, in seconds.

    ``away``: nobody answers. The ceiling is low, because a broker that is back holds the messages of all
    devices for us, and its queues overflow while we wait. ``lost``: the connection did not last. Two
    processes with one client id throw each other out for ever, so these waits grow somewhat longer; no more,
    because on a bad line operators look at old values meanwhile. ``refused``: only people can mend it.
    ``stable``: after that long a connection counts as one that works. Longer than any wait after a lost one,
    so that a rival who waits as we do never makes ours look stable.
    """

    away: Backoff = field(default_factory=lambda: Backoff(first=0.5))
    lost: Backoff = field(default_factory=lambda: Backoff(first=0.5, ceiling=15.0))
    refused: Backoff = field(default_factory=lambda: Backoff(first=60.0, ceiling=600.0))
    stable: float = 60.0


class BrokerSession:
    """Implements :class:`collectors.source.MessageSource` over any :class:`collectors.link.Link`.

    Each connection is a new link. Messages that arrived over an old one and were not acknowledged are
    forgotten: the broker sends them again. ``memory`` is a file that lets a new process know which session
    it takes up; without it a gap over a restart goes unnoticed.
    """

    def __init__(
        self,
        link: Callable[[Dial], Link],
        options: BrokerOptions,
        *,
        memory: Path | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._new_link = link
        self._options = options
        self._memory = memory
        self._pace = pace or Pace()
        self._link: Link | None = None
        self._changed = asyncio.Event()
        self._connected = False
        self._reached = False
        self._known: tuple[str, ...] | None = None
        self._contest: str | None = None
        self._five = False
        self._hang_ups = 0
        self._short = 0
        self.session_gaps = 0
        self.problem: str | None = None
        """Why there is no working connection now, or none that lasts; None while all is well."""
        self.version: Version | None = None
        """The version of MQTT that is spoken; None while there is no connection."""

    @property
    def connected(self) -> bool:
        """See :class:`collectors.source.MessageSource`."""
        return self._connected

    @property
    def window(self) -> int:
        """See :class:`collectors.source.MessageSource`."""
        return self._options.receive_maximum

    async def run(self) -> None:
        """See :class:`collectors.source.MessageSource`."""
        await asyncio.to_thread(self._recall)
        while True:
            try:
                await self._serve()
            except (SourceError, OSError) as error:  # a reset connection may show in any call
                _heed_cancellation()
                self._judge_end(error)
                delay = self._pause_after(error).next()
                self._report(self._contest or str(error), retry_s=round(delay, 1))
            await asyncio.sleep(delay)

    def _judge_end(self, error: Exception) -> None:
        """Count a gap when another client has, or seems to have, taken our session over.

        It gets what the broker kept for us, and acknowledges it; nothing else would tell.
        """
        if not self._reached or not isinstance(error, Lost | TakenOver):
            return
        if isinstance(error, TakenOver):
            self._contest = str(error)
        elif self._short >= _CONTESTED:
            self._contest = (
                f"{self._options.url} ended {self._short} connections soon after they began: look for a"
                f" second process with client id {self._options.client_id!r}, which then gets messages meant"
                " for us, and give it its own; else see the broker's log"
            )
        else:
            return
        self.session_gaps += self._options.lasting

    def _pause_after(self, error: Exception) -> Backoff:
        if isinstance(error, Refused):
            return self._pace.refused
        return self._pace.lost if self._reached else self._pace.away

    async def receive(self) -> list[Message]:
        """See :class:`collectors.source.MessageSource`."""
        while True:
            while (link := self._link) is None:
                self._changed.clear()
                await self._changed.wait()
            try:
                messages = await link.arrived()
            except Lost:
                if self._link is link:
                    self._link = None
                continue
            if self._link is link:
                return messages

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """See :class:`collectors.source.MessageSource`."""
        link = self._link
        if link is None:
            return 0
        current = [m for m in messages if isinstance(m.handle, tuple) and m.handle[0] is link]
        return await link.acknowledge(current) if current else 0

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See :class:`collectors.source.MessageSource`."""
        link = self._link
        if link is None or not self._connected:
            raise SourceError(f"not connected to {self._options.url}: nothing can be published now")
        await link.publish(topic, payload, retain)

    async def _serve(self) -> None:
        """One connection from first to last; always ends by an exception."""
        self._reached = False
        link, resumed = await self._dial()
        self._reached = alive = True
        self._pace.away.reset()
        self._note_gap(resumed)
        self._link = link
        self._changed.set()
        try:
            await self._subscribe(link, resumed)
            await link.publish(self._options.status_topic, ONLINE, True)
            self._connected, self.problem = True, self._contest
            log.info("broker_connected", url=self._options.url, resumed=resumed, mqtt=self.version)
            _heed_cancellation()
            reason = await self._outlast(link)
            alive = False
            raise reason
        finally:
            self._connected = False
            self._link = self.version = None
            await self._part(link, alive)

    async def _outlast(self, link: Link) -> SourceError:
        """Why ``link`` ended. Only one that lasted starts the waiting times anew.

        Two processes with one client id throw each other out for ever; mosquitto 2.0 does not say why it
        closes the connection, so all that can be done is to return more and more slowly.
        """
        self._short += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.stable):
                return await link.lost()
        self._pace.lost.reset()
        self._short, self._contest, self.problem = 0, None, None
        return await link.lost()

    async def _dial(self) -> tuple[Link, bool]:
        """An open link, and whether the broker had kept our session.

        MQTT 5 is tried first whenever we connect. MQTT 3.1.1 costs us much more and cannot say as much, so a
        hang-up alone, which any restart or load balancer may bring, is no reason to speak it.
        """
        options = self._options
        if options.protocol != "auto":
            return await self._open(options.protocol)
        # The embedded amqtt leaves a CONNECT of version 5 that has a will without any answer.
        if options.embedded:
            return await self._open("3.1.1")
        try:
            opened = await self._open("5")
        except NotSpoken as error:
            why = str(error)
        except Unanswered as error:
            self._hang_ups += 1
            if self._hang_ups < HANG_UPS:
                raise
            if self._five:
                hint = 'it spoke MQTT 5 before; if it no longer can, set [broker] protocol = "3.1.1"'
                raise Unanswered(f"{error}; {hint}") from None
            why = f"{error}, {self._hang_ups} times"
        else:
            self._five, self._hang_ups = True, 0
            return opened
        log.warning("broker_without_mqtt_5", url=options.url, reason=why, trying="3.1.1")
        return await self._open("3.1.1")

    async def _open(self, version: Version) -> tuple[Link, bool]:
        link = self._new_link(Dial(self._options, version, await read_login(self._options)))
        try:
            resumed = await link.open()
        except BaseException:
            await link.close()
            raise
        self.version = version
        return link, resumed

    def _note_gap(self, resumed: bool) -> None:
        if not resumed and self._known is not None and self._options.lasting:
            self.session_gaps += 1
            log.warning(
                "broker_session_missing",
                url=self._options.url,
                client_id=self._options.client_id,
                meaning="messages sent while we were away may be lost",
            )

    async def _subscribe(self, link: Link, resumed: bool) -> None:
        """Ask until every topic is granted; those that are granted deliver meanwhile."""
        topics = self._options.topics
        dropped = [t for t in self._known or () if t not in topics]
        if dropped and resumed:
            await link.unsubscribe(dropped)
        while True:
            codes = await link.subscribe(topics)
            refused = [f"{t} (0x{c:02x})" for t, c in zip(topics, codes, strict=True) if c >= REFUSED]
            if not refused:
                break
            delay = self._pace.refused.next()
            self._report(
                f"{self._options.url} refused to subscribe us to {', '.join(refused)}:"
                f" check [broker] topics and the broker's access list",
                retry_s=round(delay, 1),
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    raise await link.lost()
        self._pace.refused.reset()
        self._known = topics
        await asyncio.to_thread(self._remember)

    async def _part(self, link: Link, alive: bool) -> None:
        with contextlib.suppress(SourceError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                if alive:
                    await link.publish(self._options.status_topic, OFFLINE, True)
        await link.close()

    def _report(self, problem: str, retry_s: float) -> None:
        level = log.debug if problem == self.problem else log.warning
        self.problem = problem
        level("broker_problem", problem=problem, retry_s=retry_s)

    def _recall(self) -> None:
        found = recall(self._memory) if self._memory else None
        if found and (found.url, found.client_id) == (self._options.url, self._options.client_id):
            self._known, self._five = found.topics, found.five

    def _remember(self) -> None:
        if self._memory is None:
            return
        options = self._options
        try:
            now = Remembered(options.url, options.client_id, options.topics, self._five)
            remember(self._memory, now)
        except OSError as error:  # collecting is worth more: only a gap over a restart goes unnoticed
            log.warning("broker_session_not_remembered", path=str(self._memory), error=str(error))


def _heed_cancellation() -> None:
    """Raise a cancellation that asyncio.wait_for of Python 3.11 swallowed because its result came first.

    Its result may be an error too, such as that of a connection which is refused in that moment.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
