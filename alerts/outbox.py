"""Delivers what the book decided, at least once, by channels that cannot delay one another."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from pydantic import Field

from alerts.message import AlertMessage, Channel, PartlyDelivered
from alerts.queue import Letter, Queue
from alerts.reading import ChannelStatus
from runtime.backoff import Backoff
from runtime.clock import Clock
from runtime.database import DATABASE_AWAY, Database
from runtime.errors import DeliveryError
from runtime.options import Duration, Options

log = structlog.get_logger(__name__)

POLL = timedelta(seconds=5)
"""How often the outbox looks for messages that another process put there."""


class DeliveryOptions(Options):
    """The ``[delivery]`` table: how patient the outbox is with every channel."""

    timeout: Duration = timedelta(seconds=30)
    give_up: Duration = timedelta(hours=24)
    first_retry: Duration = timedelta(seconds=5)
    longest_retry: Duration = timedelta(minutes=15)
    concurrency: int = Field(default=4, ge=1, le=100)


class Outbox:
    """Works off the outbox through ``channels``, each in lanes of its own.

    ``clock`` is the machine's. ``owner`` names this instance over restarts, so that what it was sending when
    it was killed is sent again at once; unnamed, that waits for the lease to end.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        clock: Clock,
        options: DeliveryOptions | None = None,
        owner: str | None = None,
    ) -> None:
        self._channels, self._clock, self._options = dict(channels), clock, options or DeliveryOptions()
        owner = owner or f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        lease = self._options.timeout + timedelta(seconds=30)
        self._queue = Queue(database, owner, clock, lease)
        self._woken = {name: asyncio.Event() for name in self._channels}
        self._failing: dict[str, datetime] = {}
        self._status = {name: ChannelStatus(name, 0, None, timedelta(0), False) for name in self._channels}

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._bearing("all", self._begin)
        async with asyncio.TaskGroup() as tasks:
            for name in self._channels:
                tasks.create_task(self._lane(name), name=f"channel {name}")

    def wake(self) -> None:
        """There may be new messages."""
        for event in self._woken.values():
            event.set()

    async def post(self, message: AlertMessage, channels: Sequence[str]) -> int:
        """Put ``message`` into the outbox of each channel; how many were new. Raises KeyError."""
        for name in channels:
            self._channels[name]
        posted = await self._queue.put(channels, message)
        self.wake()
        return posted

    def channels(self) -> Sequence[ChannelStatus]:
        """How each channel fares, for pages and for the rule that watches them."""
        now = self._clock.now()
        return [
            replace(status, failing_for=now - self._failing.get(name, now))
            for name, status in self._status.items()
        ]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            await channel.close()

    async def _begin(self) -> None:
        await self._queue.orphan()
        for name in self._channels:
            self._status[name] = await self._queue.status(name)

    async def _lane(self, name: str) -> NoReturn:
        while True:
            await self._bearing(name, lambda: self._turn(name))

    async def _bearing(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work``, over and over while the database is away."""
        backoff = Backoff()
        while True:
            try:
                return await work()
            except DATABASE_AWAY as error:
                log.warning("outbox_database_failed", channel=name, error=str(error))
                await self._clock.sleep_until(self._clock.now() + timedelta(seconds=backoff.next()))

    async def _turn(self, name: str) -> None:
        self._woken[name].clear()
        asked = self._clock.now()
        letters = await self._queue.claim(name, self._options.concurrency)
        if letters:
            await asyncio.gather(*(self._deliver(name, letter) for letter in letters))
        else:
            await self._rest(name, asked)

    async def _rest(self, name: str, asked: datetime) -> None:
        status = await self._queue.status(name)
        self._status[name] = replace(self._status[name], waiting=status.waiting)
        until = asked + POLL
        until = min(until, await self._queue.next_due(name, asked) or until)
        waits = [
            asyncio.create_task(self._woken[name].wait()),
            asyncio.create_task(self._clock.sleep_until(until)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _deliver(self, name: str, letter: Letter) -> None:
        if letter.message is None:
            return await self._fail(name, letter, DeliveryError(letter.trouble, permanent=True))
        try:
            async with asyncio.timeout(self._options.timeout.total_seconds()):
                await self._channels[name].send(letter.message)
        except asyncio.CancelledError:
            await asyncio.shield(self._queue.again(letter, self._clock.now(), None))
            raise
        except TimeoutError:
            seconds = self._options.timeout.total_seconds()
            await self._fail(name, letter, DeliveryError(f"no answer within {seconds:g} s"))
        except DeliveryError as error:
            await self._fail(name, letter, error)
        except Exception as error:
            log.exception("delivery_broke", channel=name, key=letter.key)
            await self._fail(name, letter, DeliveryError(f"{type(error).__name__}: {error}"))
        else:
            await self._queue.delivered(letter)
            now = self._clock.now()
            self._status[name] = replace(self._status[name], error=None, given_up=False, delivered_at=now)
            self._failing.pop(name, None)
            event = "report_told" if letter.message.kind == "report" else "alert_told"
            log.info(event, channel=name, key=letter.key, attempts=letter.attempts)

    async def _fail(self, name: str, letter: Letter, error: DeliveryError) -> None:
        now, known = self._clock.now(), self._status[name]
        over = now - letter.first_tried_at >= self._options.give_up
        lost = error.permanent or over
        self._failing.setdefault(name, now)
        self._status[name] = replace(known, error=str(error), given_up=known.given_up or lost)
        if str(error) != known.error or lost:
            event = "delivery_given_up" if lost else "delivery_failed"
            log.warning(event, channel=name, key=letter.key, error=str(error), attempts=letter.attempts)
        if lost:
            await self._queue.failed(letter, str(error), reached=error.reached)
        else:
            rest = error.rest if isinstance(error, PartlyDelivered) else None
            await self._queue.again(letter, now + self._delay(letter.attempts), str(error), rest)

    def _delay(self, attempts: int) -> timedelta:
        doubled = self._options.first_retry * 2.0 ** min(attempts - 1, 20)
        step: timedelta = min(doubled, self._options.longest_retry)
        return step * random.uniform(0.5, 1.0)
