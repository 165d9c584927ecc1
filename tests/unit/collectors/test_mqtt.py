"""The collector's order of things: commit first, acknowledge after, wait while the journal cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from collectors import mqtt
from collectors.decoders.native import NativeDecoder
from collectors.mqtt import MqttCollector
from collectors.source import Message
from collectors.sources.replay import ReplaySource
from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms
from runtime.errors import JournalFull, SourceError, StoreError
from telemetry.batch import Batch
from telemetry.series import SeriesRegistry
from tests.eventually import eventually

TOPIC = "dc/v1/gdansk/meter/main-1"


class FakeIngest:
    """Keeps what is committed; ``troubles`` are raised first, one per attempt."""

    def __init__(self, journal: list[str], *troubles: Exception) -> None:
        self.journal = journal
        self.troubles = list(troubles)
        self.batches: list[Batch] = []

    async def commit(self, batch: Batch) -> None:
        if self.troubles:
            self.journal.append("refused")
            raise self.troubles.pop(0)
        self.batches.append(batch)
        self.journal.append(f"committed {batch.received}")

    def acknowledged(self, n: int) -> None:
        self.journal.append(f"counted {n}")


class NotedSource(ReplaySource):
    """A recording that notes when it is acknowledged and when it is stopped."""

    def __init__(self, journal: list[str], messages: AsyncIterator[tuple[str, bytes]]) -> None:
        super().__init__(messages, batch=2)
        self._journal = journal

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        self._journal.append(f"acknowledged {len(messages)}")
        return await super().acknowledge(messages)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self._journal.append("disconnected")


async def recording(count: int) -> AsyncIterator[tuple[str, bytes]]:
    for n in range(count):
        yield TOPIC, b'{"ts":%d,"power_w":1}' % n


@asynccontextmanager
async def collecting(source: ReplaySource, ingest: FakeIngest) -> AsyncIterator[MqttCollector]:
    decoder = NativeDecoder(SeriesRegistry())
    clock = ManualClock(from_ms(7_000))
    collector = MqttCollector(source, decoder, ingest, clock, Backoff(0.001, 0.002))
    task = asyncio.create_task(collector.run())
    yield collector
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_each_batch_is_committed_then_acknowledged_then_counted() -> None:
    journal: list[str] = []
    source, ingest = NotedSource(journal, recording(3)), FakeIngest(journal)
    async with asyncio.timeout(10), collecting(source, ingest):
        await source.exhausted.wait()
    assert journal == [
        *("committed 2", "acknowledged 2", "counted 2"),
        *("committed 1", "acknowledged 1", "counted 1"),
        "disconnected",
    ]
    assert [f.at_ms.tolist() for b in ingest.batches for f in b.frames()] == [[0, 1], [2]]


async def test_what_cannot_be_committed_is_tried_again_and_not_acknowledged() -> None:
    journal: list[str] = []
    troubles = (JournalFull("full"), JournalFull("full"), StoreError("disk"))
    source, ingest = NotedSource(journal, recording(1)), FakeIngest(journal, *troubles)
    async with asyncio.timeout(10), collecting(source, ingest) as collector:
        await source.exhausted.wait()
        assert collector.problem is None
    assert journal[:5] == ["refused"] * 3 + ["committed 1", "acknowledged 1"]


async def test_while_it_waits_it_says_why() -> None:
    source = ReplaySource(recording(1))
    ingest = FakeIngest([], *[JournalFull("the journal is full") for _ in range(10_000)])
    async with collecting(source, ingest) as collector:

        async def problem() -> str | None:
            return collector.problem

        assert await eventually(problem) == "the journal is full"
        assert source.acknowledged == 0


async def test_only_what_the_broker_was_told_of_counts_as_acknowledged() -> None:
    class Hasty(NotedSource):
        """Loses its connection after one acknowledgement of each batch."""

        async def acknowledge(self, messages: Sequence[Message]) -> int:
            await super().acknowledge(messages)
            return 1

    journal: list[str] = []
    source, ingest = Hasty(journal, recording(3)), FakeIngest(journal)
    async with asyncio.timeout(10), collecting(source, ingest):
        await source.exhausted.wait()
    assert [step for step in journal if step.startswith("counted")] == ["counted 1", "counted 1"]


async def test_each_gap_of_the_session_is_counted_once_with_the_batch_after_it() -> None:
    class Forgotten(NotedSource):
        """A source whose broker forgets its session once before each batch."""

        async def receive(self) -> list[Message]:
            messages = await super().receive()
            self.session_gaps += 1
            return messages

    source, ingest = Forgotten([], recording(5)), FakeIngest([])
    async with asyncio.timeout(10), collecting(source, ingest):
        await source.exhausted.wait()
    assert [batch.session_gaps for batch in ingest.batches] == [1, 1, 1]


async def test_a_large_arrival_is_committed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "BATCH", 2)
    journal: list[str] = []
    source, ingest = ReplaySource(recording(5)), FakeIngest(journal)
    async with asyncio.timeout(10), collecting(source, ingest):
        await source.exhausted.wait()
    assert [step for step in journal if step.startswith("committed")] == [f"committed {n}" for n in (2, 2, 1)]
    assert source.acknowledged == 5


async def test_messages_without_time_take_the_clock() -> None:
    async def unstamped() -> AsyncIterator[tuple[str, bytes]]:
        yield TOPIC, b'{"power_w":1}'

    source, ingest = ReplaySource(unstamped()), FakeIngest([])
    async with asyncio.timeout(10), collecting(source, ingest):
        await source.exhausted.wait()
    assert ingest.batches[0].frames()[0].at_ms.tolist() == [7_000]


async def test_a_fault_of_the_source_ends_the_collector() -> None:
    async def broken() -> AsyncIterator[tuple[str, bytes]]:
        yield TOPIC, b"{}"
        raise SourceError("the recording is damaged")

    collector = MqttCollector(
        ReplaySource(broken(), batch=1),
        NativeDecoder(SeriesRegistry()),
        FakeIngest([]),
        ManualClock(from_ms(0)),
    )
    with pytest.raises(SourceError, match="damaged"):
        await collector.run()


async def test_a_recording_hands_out_no_more_before_the_last_was_acknowledged() -> None:
    source = ReplaySource(recording(5), batch=2)
    first = await source.receive()
    waiting = asyncio.create_task(source.receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    await source.acknowledge(first[:1])
    await asyncio.sleep(0)
    assert not waiting.done()
    await source.acknowledge(first[1:])
    second = await waiting
    await source.acknowledge(second)
    assert not source.exhausted.is_set()
    await source.acknowledge(await source.receive())
    assert source.exhausted.is_set()
    assert (source.acknowledged, source.connected, source.share) == (5, False, None)
    with pytest.raises(SourceError):
        await source.publish("a", b"")


async def test_a_recording_tells_its_progress_if_it_knows_it() -> None:
    class Tape:
        share = 0.25

        def __aiter__(self) -> Tape:
            return self

        async def __anext__(self) -> tuple[str, bytes]:
            raise StopAsyncIteration

    assert ReplaySource(Tape()).share == 0.25
