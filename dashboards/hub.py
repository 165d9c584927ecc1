"""The live feed: computed and encoded once a second, handed to every open page."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.board import Alert, AlertState
from alerts.verdict import Severity
from dashboards.house import House
from dashboards.now import Gauge, Now
from runtime.clock import to_ms
from runtime.errors import ServiceError
from telemetry.status import IngestStatus

QUEUE = 16
"""Messages that a slow client may be behind; then it loses the oldest and sees the gap in ``seq``."""

TOPICS = frozenset({"tick", "alarm", "ingest", "loading"})
"""What a client may choose from; ``hello`` and ``bye`` reach everybody."""

_INGEST_EVERY_S = 5.0
_RECHECK_EVERY = 60
_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 4.0

log = structlog.get_logger(__name__)


class Listener:
    """One client's queue; iterate :meth:`messages` until the feed or the client ends."""

    def __init__(self) -> None:
        self._queue: deque[str] = deque(maxlen=QUEUE)
        self._filled = asyncio.Event()
        self._ended = False
        self.topics = TOPICS

    def want(self, topics: Iterable[str]) -> None:
        """From now on only these; unknown ones are ignored, so that new pages work with old services."""
        self.topics = TOPICS & frozenset(topics)

    def put(self, message: str) -> None:
        """Hand over; the oldest is dropped when the queue is full."""
        if not self._ended:
            self._queue.append(message)
            self._filled.set()

    def end(self) -> None:
        """No more will come; what is queued can still be read."""
        self._ended = True
        self._filled.set()

    async def messages(self) -> AsyncIterator[str]:
        """Encoded messages as they come."""
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._ended:
                return
            self._filled.clear()
            await self._filled.wait()


class Hub:
    """Broadcasts to listeners; idle, and free of cost, while there are none.

    A tick carries ``gdansk.power_w`` and the like: every gauge of every site and of ``all``.
    :meth:`run` is started by the application and ticks every ``interval_s`` of machine time: a replayed
    month must not flood the pages. ``recheck_s`` is how often a client's login is looked at again.
    """

    def __init__(self, house: House, now: Now, build: str, interval_s: float = 1.0) -> None:
        self._house, self._now, self._build = house, now, build
        self.interval_s = interval_s
        self.recheck_s = _RECHECK_EVERY * interval_s
        self.seq = 0
        self._listeners: set[Listener] = set()
        self._arrived = asyncio.Event()
        self._alarms: dict[int, Alert] | None = None
        self._loading = False
        self._closed = False

    @property
    def listening(self) -> int:
        """How many clients there are, as ``/metrics`` tells."""
        return len(self._listeners)

    def join(self) -> Listener:
        """A new client; its first message is ``hello``."""
        listener = Listener()
        hello = {"seq": self.seq, "interval_s": self.interval_s, "build": self._build}
        listener.put(_encode("hello", now=to_ms(self._house.clock.now()), **hello))
        if self._closed:
            listener.put(self._bye())
            listener.end()
        else:
            self._listeners.add(listener)
            self._arrived.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """The client is gone."""
        self._listeners.discard(listener)
        listener.end()

    def close(self) -> None:
        """Send ``bye`` to everybody, each with another time to return, so that they do not come at once."""
        self._closed = True
        self._arrived.set()
        for listener in list(self._listeners):
            listener.put(self._bye())
            self.leave(listener)

    async def run(self) -> None:
        """Tick, and watch alerts and ingest, until :meth:`close`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self.tick, self.interval_s))
            group.create_task(self._repeat(self.watch_alarms, self.interval_s))
            group.create_task(self._repeat(self.tell_ingest, max(_INGEST_EVERY_S, self.interval_s)))

    async def tick(self) -> None:
        """The figures of this moment, and how far a recorded past has been loaded."""
        at = to_ms(self._house.clock.now())
        everything = self._now.everything(at)
        values = {
            f"{key}.{name}": _told(gauge)
            for key, site in everything.items()
            for name, gauge in site.gauges().items()
        }
        self.seq += 1
        self._send("tick", seq=self.seq, t=at, values=values)
        share = self._house.history.loading()
        if share is not None or self._loading:
            self._send("loading", share=1.0 if share is None else share)
        self._loading = share is not None

    async def watch_alarms(self) -> None:
        """One message for each alert that began, changed or ended since the last look."""
        current = {alert.id: alert for alert in await self._house.alerts.alerts(active=True)}
        before, self._alarms = self._alarms, current
        if before is None:
            return
        counts = active_counts(current.values())
        for alert in await self._changed(before, current):
            self._send("alarm", **_alarm(alert), active=counts)

    async def tell_ingest(self) -> None:
        """Counters, journal and stores."""
        self._send("ingest", **ingest_body(await self._house.ingest.status()))

    async def _changed(self, before: Mapping[int, Alert], current: Mapping[int, Alert]) -> list[Alert]:
        changed = [a for a in current.values() if a.id not in before or before[a.id].rev != a.rev]
        ended = [await self._house.alerts.alert(number) for number in before.keys() - current.keys()]
        return [*changed, *(a for a in ended if a is not None)]

    async def _repeat(self, work: Any, every_s: float) -> None:
        while not self._closed:
            if not self._listeners:
                self._alarms = None  # what changes meanwhile, a new page reads for itself
                self._arrived.clear()
                await self._arrived.wait()
                continue
            try:
                await work()
            except (ServiceError, SQLAlchemyError, OSError) as error:
                log.warning("live_feed_failed", work=work.__name__, error=str(error))
            await self._pause(every_s)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._closed:
                    self._arrived.clear()
                    await self._arrived.wait()

    def _send(self, topic: str, **body: Any) -> None:
        wanted = [listener for listener in self._listeners if topic in listener.topics]
        if wanted:
            message = _encode(topic, **body)
            for listener in wanted:
                listener.put(message)

    def _bye(self) -> str:
        return _encode("bye", retry=round(random.uniform(_FIRST_RETRY_S, _LAST_RETRY_S), 2))


def active_counts(alerts: Iterable[Alert]) -> dict[str, int]:
    """How many alerts of each severity there are, zeros included."""
    counts = dict.fromkeys((s.value for s in Severity), 0)
    for alert in alerts:
        counts[alert.severity.value] += 1
    return counts


def ingest_body(status: IngestStatus) -> dict[str, Any]:
    """The body of ``GET /api/v1/ingest`` and of the live ``ingest`` message."""
    return {
        "received": status.received,
        "stored_rows": status.stored_rows,
        "acknowledged": status.acknowledged,
        "duplicates": status.duplicates,
        "late": status.late,
        "rejected": dict(status.rejected),
        "missed": status.missed,
        "session_gaps": status.session_gaps,
        "unstamped": status.unstamped,
        "unknown_fields_estimate": status.unknown_fields,
        "journal": vars(status.journal),
        "stores": [vars(store) for store in status.stores],
        "connected": status.connected,
        "mqtt": status.mqtt,
        "disks": [asdict(room) for room in status.disks],
    }


def _told(gauge: Gauge) -> dict[str, Any]:
    told: dict[str, Any] = {"v": gauge.v, "at": gauge.at}
    if gauge.v is None:
        return told | {"why": gauge.reason}
    return told if gauge.note is None else told | {"note": gauge.note}


def _alarm(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "rev": alert.rev,
        "state": alert.state.value,
        "severity": alert.severity.value,
        "site": alert.site,
        "title": alert.title,
        "unacknowledged": alert.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED),
    }


def _encode(topic: str, **body: Any) -> str:
    return msgspec.json.encode({"type": topic, **body}).decode()
