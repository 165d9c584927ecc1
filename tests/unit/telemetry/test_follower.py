"""Following the journal: in order, once, through failures; and trimming behind the slowest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.backoff import Backoff
from runtime.clock import ManualClock
from runtime.errors import StoreError
from telemetry.catalogue import METER, WEATHER
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.journal import Journal, JournalOptions
from telemetry.series import SeriesRegistry
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.eventually import eventually
from tests.fakes.frames import T0, frame
from tests.fakes.sink import FlakySink

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
QUICK = FollowOptions(interval=timedelta(0))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def journal(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Journal]:
    made = Journal(tmp_path / "journal.sqlite", SeriesRegistry(), wall=clock)
    await made.open()
    yield made
    await made.close()


async def put(journal: Journal, *seconds: float) -> None:
    for second in seconds:
        await journal.append([frame(journal.registry, METER, [(("g", "m"), second, {"power_w": 1.0})])])


def follow(journal: Journal, sink: FlakySink, options: FollowOptions = QUICK) -> Follower:
    return Follower(journal, sink, options, Backoff(first=0.001, ceiling=0.002))


def followers(journal: Journal, *members: Follower) -> Followers:
    store = MemoryStore(MemoryOptions(), journal.registry, Path())
    return Followers(journal, members, store)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()):
        raise error


def times(*seconds: float) -> list[int]:
    return [T0 + round(1000 * s) for s in seconds]


async def test_batches_arrive_in_order_and_those_that_waited_arrive_together(journal: Journal) -> None:
    await put(journal, 1, 2, 3)
    sink = FlakySink()
    follower = follow(journal, sink)
    async with running(follower.run()):
        await follower.wait_for(3)
        assert sink.writes == [(3, times(1, 2, 3))]
        await put(journal, 4)
        await follower.wait_for(4)
    assert sink.rows == times(1, 2, 3, 4)


async def test_a_failing_sink_keeps_its_place_and_says_why(journal: Journal, clock: ManualClock) -> None:
    await put(journal, 1)
    clock.advance(timedelta(seconds=90))
    await put(journal, 2)
    sink = FlakySink(failures=3)
    sink.gate.clear()
    follower = follow(journal, sink)
    async with running(follower.run()):
        while (await follower.status()).error is None:
            sink.gate.set()
            await asyncio.sleep(0)
        status = await follower.status()
        assert status.error == "the flaky sink refuses"
        assert (status.position, status.lag_s) == (0, 90.0)
        await follower.wait_for(2)
    assert sink.refused == 3
    assert sink.rows == times(1, 2)
    status = await follower.status()
    assert (status.position, status.lag_s, status.error) == (2, 0.0, None)


async def test_rows_set_aside_are_told(journal: Journal) -> None:
    sink = FlakySink()
    sink.dead_letters = 3
    assert (await follow(journal, sink).status()).dead_letters == 3


async def test_a_sink_that_lost_rows_is_told_them_again(journal: Journal) -> None:
    await put(journal, 1, 2)
    sink = FlakySink()
    follower = follow(journal, sink)
    async with running(follower.run()):
        await follower.wait_for(2)
        sink.lost_position, sink.failures = 1, 1
        await put(journal, 3)
        await follower.wait_for(3)
    assert sink.writes == [(2, times(1, 2)), (3, times(2, 3))]


async def test_who_waits_from_before_the_start_is_told_that_nothing_is_missing(journal: Journal) -> None:
    await put(journal, 1, 2)
    sink = FlakySink()
    before = follow(journal, sink)
    async with running(before.run()):
        await before.wait_for(journal.head)
    restarted = follow(journal, sink)
    waiting = asyncio.create_task(restarted.wait_for(journal.head))
    await asyncio.sleep(0)
    async with running(restarted.run()):
        await waiting
    assert sink.rows == times(1, 2)


async def test_only_the_measurements_that_a_store_takes_reach_it(journal: Journal) -> None:
    weather = frame(journal.registry, WEATHER, [(("g", "roof"), 7, {"temp_c": 1.0})])
    await put(journal, 1)
    await journal.append([weather])
    sink = FlakySink()
    follower = follow(journal, sink, FollowOptions(measurements=("wea*",), interval=timedelta(0)))
    async with running(follower.run()):
        await follower.wait_for(2)
    assert sink.writes == [(2, times(7))]


async def test_the_journal_is_trimmed_behind_the_slowest(journal: Journal) -> None:
    fast, slow = follow(journal, FlakySink("fast")), follow(journal, slow_sink := FlakySink("slow"))
    slow_sink.gate.clear()
    both = followers(journal, fast, slow)
    async with running(both.run()):
        await put(journal, 1, 2)
        await fast.wait_for(2)
        await both.trim()
        assert journal.status().entries == 2
        slow_sink.gate.set()
        await both.wait_for(2)
        await both.trim()
        assert journal.status().entries == 0
        assert [s.name for s in await both.statuses()] == ["fast", "slow"]


async def test_trimming_goes_on_by_itself(journal: Journal) -> None:
    both = followers(journal, follow(journal, FlakySink()))
    async with running(both.run()):
        await put(journal, 1)
        while journal.status().entries:  # noqa: ASYNC110 - trimming tells nobody
            await asyncio.sleep(0.001)


async def test_a_place_that_was_put_off_is_written_once_the_journal_rests(journal: Journal) -> None:
    """Else a full journal, which takes nothing more, would stay full for good."""

    class PuttingOff(FlakySink):
        safe = 0

        async def write_place(self, position: int) -> None:
            self.safe = position

    both = followers(journal, follow(journal, FlakySink("plain")), follow(journal, PuttingOff("late")))
    async with running(both.run()):
        await put(journal, 1, 2)
        while journal.status().entries:  # noqa: ASYNC110 - trimming tells nobody
            await asyncio.sleep(0.001)
    assert journal.places == {"plain": 2, "late": 2}


async def test_within_the_safety_window_nothing_is_forgotten_and_all_is_sent_again(
    journal: Journal, clock: ManualClock
) -> None:
    careful = FollowOptions(interval=timedelta(0), safety=timedelta(seconds=60))
    sink = FlakySink()
    follower = follow(journal, sink, careful)
    alone = followers(journal, follower)
    async with running(follower.run()):
        await put(journal, 1)
        await follower.wait_for(1)
        clock.advance(timedelta(seconds=40))
        await put(journal, 2)
        await follower.wait_for(2)
        clock.advance(timedelta(seconds=30))
        await alone.trim()
        assert journal.places == {"flaky": 1}
        assert [e.position for e in await journal.read(0)] == [2]
        sink.failures = 1
        await put(journal, 3)
        await follower.wait_for(3)
    assert sink.rows == times(1, 2, 2, 3)
    # A restart sends again what is not known to have stood long enough.
    again = follow(journal, sink, careful)
    await again.open()
    assert again.position == 1


async def test_the_safety_window_is_as_long_as_it_lasts_whatever_the_clock_is_set_to(
    journal: Journal, clock: ManualClock
) -> None:
    """A step of NTP, or a machine that was suspended, says nothing of what a server has on its disk."""
    follower = follow(
        journal, FlakySink(), FollowOptions(interval=timedelta(0), safety=timedelta(seconds=60))
    )
    async with running(follower.run()):
        await put(journal, 1)
        await follower.wait_for(1)
        clock.set(NOON + timedelta(hours=1))
        assert follower.safe == 0
        clock.advance(timedelta(seconds=59))
        assert follower.safe == 0
        clock.set(NOON - timedelta(hours=1))
        clock.advance(timedelta(seconds=1))
        assert follower.safe == 1


async def test_no_write_spans_a_position_that_the_sink_has_marked(journal: Journal) -> None:
    class Marking(FlakySink):
        marks = (2, 3, 9)

    await put(journal, 1, 2, 3, 4, 5)
    sink = Marking()
    follower = follow(journal, sink)
    async with running(follower.run()):
        await follower.wait_for(5)
    assert [position for position, _ in sink.writes] == [2, 3, 5]
    assert sink.rows == times(1, 2, 3, 4, 5)


async def test_a_store_that_joins_late_goes_on_from_what_is_left(journal: Journal) -> None:
    await put(journal, 1, 2)
    await journal.trim(2)
    sink = FlakySink()
    follower = follow(journal, sink)
    async with running(follower.run()):
        await follower.wait_for(2)
        await put(journal, 3)
        await follower.wait_for(3)
    assert sink.rows == times(3)


async def emptied(folder: Path, clock: ManualClock, accept: int = 0) -> Journal:
    """A journal that forgot two batches of three because ``flaky`` had taken them."""
    journal = Journal(
        folder / "known.sqlite", SeriesRegistry(), JournalOptions(accept_loss_before=accept), wall=clock
    )
    await journal.open()
    await put(journal, 1, 2, 3)
    await journal.trim(2, {"flaky": 2})
    return journal


async def test_an_empty_store_that_had_taken_batches_is_no_store_that_joins_late(
    tmp_path: Path, clock: ManualClock
) -> None:
    """A disk that is not mounted leaves an empty file: history would be gone, and nobody told."""
    journal, sink = await emptied(tmp_path, clock), FlakySink()
    follower = follow(journal, sink)

    async def judged() -> bool:
        return follower.error is not None or follower.position > 0

    async with running(follower.run()):
        await eventually(judged)
    assert (follower.position, sink.writes) == (0, [])
    assert "flaky is empty, though it had taken batch 2" in str(follower.error)
    assert "accept_loss_before = 3" in str(follower.error)
    await journal.close()


async def test_a_person_may_go_on_with_an_empty_store(tmp_path: Path, clock: ManualClock) -> None:
    journal, sink = await emptied(tmp_path, clock, accept=3), FlakySink()
    follower = follow(journal, sink)
    async with running(follower.run()):
        await follower.wait_for(3)
    assert (follower.error, sink.rows) == (None, times(3))
    await journal.close()


async def test_an_empty_mirror_that_had_taken_batches_lacks_them(tmp_path: Path, clock: ManualClock) -> None:
    journal, sink = await emptied(tmp_path, clock), FlakySink()
    follower = Follower(journal, sink, QUICK, Backoff(first=0.001, ceiling=0.002), mirror=True)
    async with running(follower.run()):
        await follower.wait_for(3)
    assert ((await follower.status()).missed, sink.rows) == (2, times(3))
    await journal.close()


async def test_a_store_that_forgets_by_design_begins_anew(tmp_path: Path, clock: ManualClock) -> None:
    journal, sink = await emptied(tmp_path, clock), FlakySink()
    follower = follow(journal, sink, MemoryOptions(interval=timedelta(0)))
    async with running(follower.run()):
        await follower.wait_for(3)
    assert (follower.error, sink.rows) == (None, times(3))
    await journal.close()


async def test_a_store_of_another_journal_is_refused(journal: Journal) -> None:
    sink = FlakySink()
    sink.lost_position = 9
    with pytest.raises(StoreError, match="has taken batch 9, but the journal ends at 0"):
        await follow(journal, sink).open()
