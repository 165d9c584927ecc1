"""From the broker to the journal and back: a message is acknowledged once it is on disk, and not before."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import structlog

from collectors.decoder import Decoder
from collectors.gather import Gatherer
from collectors.source import Message, MessageSource
from runtime.backoff import Backoff
from runtime.clock import Clock, to_ms
from runtime.errors import JournalFull, StoreError
from telemetry.batch import Batch

log = structlog.get_logger(__name__)


BATCH = 5_000
"""Most messages of one commit: enough to make it cheap, few enough that pages need not wait for a backlog."""


class Ingest(Protocol):
    """What the collector needs of :mod:`telemetry.ingest`."""

    async def commit(self, batch: Batch) -> None:
        """Put ``batch`` on disk. Raises JournalFull or StoreError, after which it may be tried again."""
        ...

    def acknowledged(self, n: int) -> None:
        """``n`` messages were acknowledged to the broker."""
        ...


class MqttCollector:
    """Takes what has arrived, decodes it into one batch, commits it, acknowledges it; and again.

    While the journal is full or fails, nothing is acknowledged and the same batch is tried again: the
    broker keeps what comes meanwhile. Decoding is not done ahead of the commit: the batch that arrives
    during a commit is then larger, which costs less than two small ones.
    """

    def __init__(
        self,
        source: MessageSource,
        decoder: Decoder,
        ingest: Ingest,
        clock: Clock,
        backoff: Backoff | None = None,
    ) -> None:
        self._source = source
        self._decoder = decoder
        self._ingest = ingest
        self._clock = clock
        self._backoff = backoff or Backoff(first=0.2, ceiling=10.0)
        self._gaps = 0
        self.problem: str | None = None
        """Why nothing is being acknowledged now, for people; None while all is well."""

    async def run(self) -> None:
        """Collect until cancelled; the connection is closed last, after the last acknowledgement."""
        connection = asyncio.create_task(self._source.run(), name="message-source")
        pump = asyncio.create_task(self._pump(), name="message-pump")
        try:
            done, _ = await asyncio.wait({connection, pump}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (pump, connection):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(task, return_exceptions=True)

    async def _pump(self) -> None:
        gatherer = Gatherer(self._source, BATCH)
        try:
            while True:
                arrived = await gatherer.take()
                for first in range(0, len(arrived), BATCH):
                    await self._keep(arrived[first : first + BATCH])
        finally:
            await gatherer.close()

    async def _keep(self, messages: list[Message]) -> None:
        batch = Batch()
        self._decoder.decode(messages, batch, to_ms(self._clock.now()))
        self._count_gaps(batch)
        await self._commit(batch)
        await self._settle(messages)

    def _count_gaps(self, batch: Batch) -> None:
        gaps = self._source.session_gaps
        batch.session_gaps, self._gaps = gaps - self._gaps, gaps

    async def _commit(self, batch: Batch) -> None:
        while True:
            try:
                await self._ingest.commit(batch)
            except (JournalFull, StoreError) as error:
                self._report(str(error), batch.received)
                await asyncio.sleep(self._backoff.next())
            else:
                if self.problem is not None:
                    log.info("collector_resumed", after=self.problem)
                    self.problem = None
                    self._backoff.reset()
                return

    async def _settle(self, messages: list[Message]) -> None:
        self._ingest.acknowledged(await self._source.acknowledge(messages))

    def _report(self, problem: str, waiting: int) -> None:
        if problem != self.problem:
            log.warning("collector_waiting", problem=problem, messages=waiting)
            self.problem = problem
