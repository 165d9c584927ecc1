"""Which messages go into one batch: those that keep coming, and nothing is lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from collectors import gather
from collectors.gather import HASTE, SLICES, Gatherer
from collectors.source import Message
from runtime.errors import SourceError


class Spring:
    """A source that hands out one message whenever one was put in; ``ever`` gives it one always."""

    def __init__(self, ever: bool = False, window: int = 1_000) -> None:
        self.ever = ever
        self.window = window
        self.given = 0
        self.cancelled = False
        self._queue: asyncio.Queue[int | Exception] = asyncio.Queue()

    def put(self, *numbers: int | Exception) -> None:
        for number in numbers:
            self._queue.put_nowait(number)

    async def receive(self) -> list[Message]:
        if self.ever:
            self.put(self.given)
        try:
            number = await self._queue.get()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(number, Exception):
            raise number
        self.given += 1
        return [Message(str(number), b"")]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice of no time: what counts is what is at hand after it."""
    monkeypatch.setattr(gather, "SLICE", 0)


def told(batch: list[Message]) -> list[int]:
    return [int(message.topic) for message in batch]


async def test_messages_that_keep_coming_go_into_one_batch() -> None:
    gatherer = Gatherer(Spring(ever=True), most=100)
    assert told(await gatherer.take()) == list(range(SLICES + 1))
    assert told(await gatherer.take()) == list(range(SLICES + 1, 2 * SLICES + 2))


async def test_a_large_batch_waits_for_nobody() -> None:
    spring = Spring(ever=True)
    assert told(await Gatherer(spring, most=1).take()) == [0]
    assert spring.given == 1


async def test_few_messages_of_many_bytes_are_a_large_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_BYTES", 3)
    gatherer = Gatherer(Spring(ever=True), most=100)
    assert told(await gatherer.take()) == [0, 1, 2], "a byte of a topic each"
    assert told(await gatherer.take()) == [3, 4, 5]


async def test_half_the_brokers_window_is_a_large_batch() -> None:
    assert told(await Gatherer(Spring(ever=True, window=6), most=100).take()) == [0, 1, 2]


async def test_after_a_wait_in_vain_batches_go_at_once_and_nothing_is_lost() -> None:
    spring = Spring()
    gatherer = Gatherer(spring, most=100)
    spring.put(0)
    assert told(await gatherer.take()) == [0]
    spring.ever = True
    spring.put(1)  # taken by the receive that was left waiting
    batches = [told(await gatherer.take()) for _ in range(HASTE + 1)]
    assert batches[:HASTE] == [[n] for n in range(1, HASTE + 1)]
    assert len(batches[HASTE]) == SLICES + 1, "then it waits again"


async def at_once(spring: Spring, gatherer: Gatherer) -> int:
    """How many batches of a stream are handed over at once before one waits again."""
    spring.ever = True
    spring.put(0)
    count = 0
    while len(await gatherer.take()) == 1:
        count += 1
    return count


async def one_by_one(spring: Spring, gatherer: Gatherer, count: int) -> None:
    """So many messages, each long after the last."""
    spring.ever = False
    for _ in range(count):
        spring.put(0)
        await gatherer.take()


async def test_waits_in_vain_become_rarer_until_one_pays() -> None:
    spring = Spring()
    gatherer = Gatherer(spring, most=100)
    await one_by_one(spring, gatherer, 1)
    assert await at_once(spring, gatherer) == HASTE
    await one_by_one(spring, gatherer, 1 + HASTE + 1)
    assert await at_once(spring, gatherer) == 2 * HASTE
    await one_by_one(spring, gatherer, 1)
    assert await at_once(spring, gatherer) == HASTE


async def test_a_fault_of_the_source_is_raised_though_it_came_while_waiting_for_more() -> None:
    spring = Spring()
    spring.put(0, SourceError("gone"))
    gatherer = Gatherer(spring, most=100)
    with pytest.raises(SourceError, match="gone"):
        await gatherer.take()


async def test_closing_ends_the_receive_that_waits() -> None:
    spring = Spring()
    gatherer = Gatherer(spring, most=100)
    await gatherer.close()
    spring.put(0)
    await gatherer.take()
    assert not spring.cancelled
    await gatherer.close()
    assert spring.cancelled
