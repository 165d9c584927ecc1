"""A mirror that is away: ingest goes on; what the mirror lacks is noted, and filled in when it is back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ByteSize

from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms, to_ms
from runtime.errors import JournalFull, StoreError
from telemetry import journal_file, refill
from telemetry.catalogue import GPU, METER, WEATHER
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.frame import Frame
from telemetry.gap import MINUTE_MS, MOST_SPANS, Gap, Span, spans_of
from telemetry.journal import Journal, JournalOptions
from telemetry.series import SeriesRegistry
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.eventually import eventually
from tests.fakes.frames import T0, frame
from tests.fakes.mirrored import HOLD, LIMIT, Site
from tests.fakes.sink import FlakySink

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


class Away(MemoryStore):
    """A mirror whose server can be away."""

    away = False

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        if self.away:
            raise StoreError("the mirror is away")
        await super().append(frames, position)


def mirrored(folder: Path, clock: ManualClock) -> tuple[Site, Away]:
    site = Site(folder, clock, lambda registry: Away(MemoryOptions(), registry, folder, "mirror"))
    assert isinstance(site.mirror, Away)
    return site, site.mirror


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


async def test_a_mirror_that_is_away_stops_nothing_and_is_filled_in_when_it_is_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    site, mirror = mirrored(tmp_path, clock)
    async with site.running():
        await site.put(GPU, 0)
        await site.second.wait_for(1)
        mirror.away = True
        for second in range(1, 80):  # more than the journal takes
            await site.put(GPU, 30 * second)
            assert site.journal.held <= HOLD * LIMIT
        status = await site.second.status()
        assert status.error == "the mirror is away"
        assert status.missed > 40
        assert status.missed_since == NOON
        assert (await site.reader.status()).missed == 0
        mirror.away = False
        await site.filled()
        status = await site.second.status()
        assert (status.missed, status.missed_since) == (0, None)
        assert await site.rows(site.mirror, GPU) == await site.rows(site.first, GPU)
        assert len(await site.rows(site.mirror, GPU)) == 80 * 2_000


async def test_filling_in_goes_on_after_a_kill(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "PIECE", 2_000)
    site, mirror = mirrored(tmp_path, clock)
    async with site.running():
        mirror.away = True
        for second in range(40):
            await site.put(GPU, 10 * second)
        lacking = site.journal.gaps["mirror"]
    mirror.away = False
    lives = 0
    while lacking.spans:
        lives += 1
        heir = Site(tmp_path, clock, lambda _: mirror)
        async with heir.running():
            assert heir.journal.gaps["mirror"] == lacking, "what was filled in is not asked for again"
            for second in range(3):
                await heir.put(WEATHER, 50_000 + 10 * lives + second, 1)
                await heir.second.wait_for(heir.journal.head)
            lacking = heir.journal.gaps["mirror"]
            if not lacking.spans:
                assert await heir.rows(site.mirror, GPU) == await heir.rows(heir.first, GPU)
    assert lives > 2


async def test_rows_that_came_late_are_filled_in_without_the_days_between(
    tmp_path: Path, clock: ManualClock
) -> None:
    site, mirror = mirrored(tmp_path, clock)
    async with site.running():
        mirror.away = True
        for second in range(40):
            await site.put(GPU, second)
            await site.put(METER, second - 5 * 86_400, 3)
        spans = site.journal.gaps["mirror"].spans
        assert {span.measurement for span in spans} == {"gpu", "meter"}
        assert all(span.until_ms - span.first_ms <= 3 * MINUTE_MS for span in spans)
        mirror.away = False
        await site.filled()
        for measurement in (GPU, METER):
            assert await site.rows(site.mirror, measurement) == await site.rows(site.first, measurement)


async def test_many_short_spans_are_filled_in_together(tmp_path: Path, clock: ManualClock) -> None:
    """Late rows leave a span each: one with each write would take a slow site half a day."""
    site, mirror = mirrored(tmp_path, clock)
    async with site.running():
        mirror.away = True
        for number in range(40):
            await site.put(GPU, number)
            for late in range(2):
                await site.put(METER, -600 * (2 * number + late + 1), 3)
        spans, before = site.journal.gaps["mirror"].spans, site.journal.head
        assert len(spans) > 40
        mirror.away = False
        await site.filled()
        assert site.journal.head - before < len(spans) / 4
        for measurement in (GPU, METER):
            assert await site.rows(site.mirror, measurement) == await site.rows(site.first, measurement)


async def test_what_the_first_store_does_not_keep_is_told_as_lost(tmp_path: Path, clock: ManualClock) -> None:
    site, mirror = mirrored(tmp_path, clock)
    async with site.running(takes=("meter", "weather")):
        mirror.away = True
        for second in range(40):
            await site.put(GPU, second)
            await site.put(METER, second, 1)
        gap = site.journal.gaps["mirror"]
        assert {span.measurement for span in gap.spans} == {"meter"}
        mirror.away = False
        await site.filled()
        assert (await site.second.status()).missed == gap.lost > 0
        assert await site.rows(site.mirror, METER) == await site.rows(site.first, METER)


async def test_what_was_pruned_meanwhile_is_told_as_lost(tmp_path: Path, clock: ManualClock) -> None:
    site, mirror = mirrored(tmp_path, clock)
    async with site.running():
        mirror.away, site.gone = True, from_ms(T0 + 120_000)
        for second in range(40):
            await site.put(GPU, 60 * second)
        missed = (await site.second.status()).missed
        mirror.away = False
        await site.filled()
        assert (await site.second.status()).missed == missed
        lacking = await site.rows(site.first, GPU) - await site.rows(site.mirror, GPU)
        assert {row[-2] for row in lacking} == {T0, T0 + 60_000}


async def test_the_first_store_is_waited_for_whatever_it_holds(tmp_path: Path, clock: ManualClock) -> None:
    registry = SeriesRegistry()
    journal = Journal(tmp_path / "j", registry, JournalOptions(limit=ByteSize(LIMIT)), wall=clock)
    await journal.open()
    away = FlakySink()
    follower = Follower(journal, away, FollowOptions(hold=0.01))
    all_of_them = Followers(journal, [follower], MemoryStore(MemoryOptions(), registry, tmp_path))
    random = np.random.default_rng(1)
    number = registry.id(METER, ("g", "m"))

    async def put_much() -> None:
        for _ in range(200):
            at = np.arange(2_000, dtype=np.int64)
            power = {"power_w": random.random(2_000)}
            await journal.append([Frame(METER, np.full(2_000, number, dtype=np.int32), at, power)])
            await all_of_them.trim()

    with pytest.raises(JournalFull):
        await put_much()
    assert await journal.first() == 1
    await journal.close()


async def lacking_batches(folder: Path, clock: ManualClock, accept: int = 0) -> tuple[Journal, FlakySink]:
    """A journal that begins at 9, and a sink that was put back to where it had taken batch 2."""
    registry = SeriesRegistry()
    options = JournalOptions(accept_loss_before=accept)
    journal = Journal(folder / "journal.sqlite", registry, options, wall=clock)
    await journal.open()
    if journal.head == 0:
        for second in range(10):
            await journal.append([frame(registry, METER, [(("g", "m"), second, {"power_w": 1.0})])])
        await journal.trim(8, {"flaky": 8, "other": 9})
    sink = FlakySink()
    sink.writes = [(2, [0, 1])]
    return journal, sink


@pytest.mark.parametrize("mirror", [False, True])
async def test_a_store_that_was_put_back_to_before_the_journal(
    tmp_path: Path, clock: ManualClock, mirror: bool
) -> None:
    """The first store and the ledger do not go on as if nothing lacked; a mirror goes on and tells."""
    journal, sink = await lacking_batches(tmp_path, clock)
    options = FollowOptions(interval=timedelta(0))
    follower = Follower(journal, sink, options, Backoff(0.001, 0.002), mirror)
    following = asyncio.create_task(follower.run())

    async def judged() -> bool:
        return follower.position == 10 or follower.error is not None

    await eventually(judged)
    following.cancel()
    await asyncio.wait([following])
    status = await follower.status()
    if mirror:
        assert (status.position, status.missed, status.error) == (10, 6, None)
    else:
        assert status.position == 2
        assert "6 batches between them are missing" in str(status.error)
        assert "accept_loss_before = 9" in str(status.error)
    await journal.close()


@pytest.mark.parametrize("mirror", [False, True])
async def test_a_person_may_accept_the_loss(tmp_path: Path, clock: ManualClock, mirror: bool) -> None:
    journal, _ = await lacking_batches(tmp_path, clock)
    if mirror:
        await journal.keep_gap("flaky", Gap(8, 6, 6, to_ms(NOON)))
    await journal.close()
    journal, sink = await lacking_batches(tmp_path, clock, accept=9)
    follower = Follower(journal, sink, FollowOptions(interval=timedelta(0)), mirror=mirror)
    following = asyncio.create_task(follower.run())
    async with asyncio.timeout(20):
        await follower.wait_for(10)
    following.cancel()
    await asyncio.wait([following])
    status = await follower.status()
    assert (status.position, status.missed, status.missed_since, status.error) == (10, 0, None, None)
    await journal.close()


async def test_commits_do_not_wait_for_all_that_is_forgotten(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "_TRIMMED", 1)  # a batch at a time
    registry = SeriesRegistry()
    journal = Journal(tmp_path / "j", registry, wall=clock)
    await journal.open()
    rows = frame(registry, METER, [(("g", "m"), 1, {"power_w": 1.0})])
    for _ in range(100):
        await journal.append([rows])
    trimming = asyncio.create_task(journal.trim(100, {"all": 100}))
    await asyncio.sleep(0)
    assert await journal.append([rows]) == 101
    assert not trimming.done()
    assert journal.status().entries > 50
    await trimming
    assert (journal.status().entries, await journal.first()) == (1, 101)
    held = journal.held
    await journal.close()
    again = Journal(tmp_path / "j", SeriesRegistry(), wall=clock)
    await again.open()
    assert (again.held, again.places) == (held, {"all": 100})
    await again.close()


async def test_a_batch_whose_size_cannot_be_told_is_not_committed(tmp_path: Path, clock: ManualClock) -> None:
    """Either it is on disk and the caller knows, or it is not."""
    registry = SeriesRegistry()
    journal = Journal(tmp_path / "j", registry, wall=clock)
    await journal.open()
    rows = frame(registry, METER, [(("g", "m"), 1, {"power_w": 1.0})])

    def forbid(action: int, what: str | None, *_: object) -> int:
        return sqlite3.SQLITE_DENY if what == "page_count" else sqlite3.SQLITE_OK

    journal._file._writer.set_authorizer(forbid)
    with pytest.raises(StoreError, match="not authorized"):
        await journal.append([rows], {"received": 1})
    journal._file._writer.set_authorizer(None)
    assert (journal.head, journal.status().entries, journal.counters) == (0, 0, {})
    assert await journal.append([rows], {"received": 1}) == 1
    await journal.close()
    again = Journal(tmp_path / "j", SeriesRegistry(), wall=clock)
    await again.open()
    assert (again.head, again.counters["received"]) == (1, 1)
    await again.close()


def test_a_gap_is_told_by_the_minutes_that_have_rows() -> None:
    registry = SeriesRegistry()
    rows = frame(registry, METER, [(("g", "m"), at, {"power_w": 1.0}) for at in (0, 61, 59, 600)])
    weather = frame(registry, WEATHER, [(("g", "w"), 0, {"temp_c": 1.0})])
    spans = spans_of([rows, weather], lambda name: name == "meter")
    assert spans == [
        Span(T0, T0 + 2 * MINUTE_MS, "meter"),
        Span(T0 + 10 * MINUTE_MS, T0 + 11 * MINUTE_MS, "meter"),
    ]
    gap = Gap().widened(7, 3, to_ms(NOON), spans).widened(9, 2, 0, [Span(T0, T0 + 5, "gpu")])
    assert (gap.upto, gap.batches, gap.since_ms) == (9, 5, to_ms(NOON))
    assert Gap.decoded(gap.encoded()) == gap
    middle = gap.filled(Span(T0 + 10, T0 + 20, "meter"))
    assert Span(T0, T0 + 10, "meter") in middle.spans
    assert Span(T0 + 20, T0 + 2 * MINUTE_MS, "meter") in middle.spans
    assert middle.batches == 5
    for span in gap.spans:
        middle = middle.filled(span)
    assert middle == Gap(9)


def test_a_flood_of_late_rows_makes_no_endless_list() -> None:
    scattered = [Span(n * 10 * MINUTE_MS, n * 10 * MINUTE_MS + 1, "gpu") for n in range(50 * MOST_SPANS)]
    gap = Gap().widened(1, 1, 0, scattered)
    assert len(gap.spans) <= MOST_SPANS
    assert all(
        any(s.first_ms <= one.first_ms and one.until_ms <= s.until_ms for s in gap.spans)
        for one in scattered[::997]
    )
