"""From a batch to the disk, to the live state and to the counters, over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from runtime.clock import ManualClock, from_ms
from runtime.errors import JournalFull
from telemetry.batch import SAMPLES_PER_REASON, Again, Batch
from telemetry.catalogue import GPU, METER, Measurement
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.frame import Frame
from telemetry.ingest import Ingest
from telemetry.journal import Journal, JournalOptions
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.restore import restore
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.status import IngestStatus
from telemetry.store import SeriesQuery, StoreCounts
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.frames import T0, Row

MAIN, UPS = ("gdansk", "main-1"), ("gdansk", "ups-a")


@dataclass
class House:
    """Everything between a collector and the store."""

    ingest: Ingest
    journal: Journal
    live: LiveState
    sources: SourceBook
    store: DuckDBStore
    followers: Followers

    def batch(self, measurement: Measurement, *rows: Row, received: int | None = None) -> Batch:
        """A batch as a collector builds it: one message a row."""
        made = Batch(received=len(rows) if received is None else received)
        builder = made.rows(measurement)
        for labels, second, told in rows:
            builder.series.append(self.journal.registry.id(measurement, labels))
            builder.at_ms.append(T0 + round(1000 * second))
            for name, column in builder.columns.items():
                column.append(told.get(name, float("nan")))
        return made

    async def status(self) -> IngestStatus:
        """Counters once the store has followed."""
        await self.followers.wait_for(self.journal.head)
        return await self.ingest.status()


class Overwriting(DuckDBStore):
    """Says as little of repeats as InfluxDB does: rows sent, and no duplicates."""

    async def counts(self) -> StoreCounts:
        told = await super().counts()
        return StoreCounts(told.rows + told.duplicates, 0)


@asynccontextmanager
async def house(
    folder: Path, limit: int = 64 << 20, follow: bool = True, make: type[DuckDBStore] = DuckDBStore
) -> AsyncIterator[House]:
    """Start on ``folder`` as the service does, restoring what is there."""
    registry = SeriesRegistry()
    clock = ManualClock(from_ms(T0) + timedelta(hours=1))
    journal = Journal(folder / "journal.sqlite", registry, JournalOptions(limit=limit), clock)
    await journal.open()
    live = LiveState(registry)
    sources = SourceBook(registry, live)
    store = make(DuckDBOptions(), registry, folder)
    await restore(journal, store, live, sources)
    followers = Followers(journal, [Follower(journal, store, FollowOptions(interval=timedelta(0)))], store)
    ingest = Ingest(journal, live, sources, Quality(registry, wall=clock), followers)
    task = asyncio.create_task(followers.run()) if follow else None
    try:
        async with asyncio.timeout(20):
            yield House(ingest, journal, live, sources, store, followers)
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await store.close()
        await journal.close()


async def test_what_is_committed_is_on_disk_live_and_told_to_listeners(tmp_path: Path) -> None:
    heard: list[Sequence[Frame]] = []
    async with house(tmp_path) as h:
        h.ingest.listen(heard.append)
        await h.ingest.commit(h.batch(METER, (MAIN, 1, {"power_w": 5.0}), (UPS, 1, {"power_w": 3.0})))
        assert len(await h.journal.read(0)) == 1
        assert h.live.value(METER, MAIN, "power_w") == (5.0, T0 + 1000)
        assert [len(f) for frames in heard for f in frames] == [2]
        h.ingest.acknowledged(2)
        status = await h.status()
        assert (status.received, status.acknowledged, status.stored_rows) == (2, 2, 2)
        assert (status.duplicates, status.late, dict(status.rejected)) == (0, 0, {})
        assert status.stores[0].position == 1
        assert status.connected is False


async def test_repeats_and_late_rows_are_told_apart(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        first = h.batch(METER, *((MAIN, s, {"power_w": float(s)}) for s in (10, 20, 30)))
        await h.ingest.commit(first)
        await h.ingest.commit(first)
        await h.ingest.commit(h.batch(METER, (MAIN, 15, {"power_w": 1.0}), (MAIN, 15, {"power_w": 1.0})))
        await h.ingest.commit(h.batch(METER, (MAIN, 40, {"power_w": 1.0}), (MAIN, 35, {"power_w": 1.0})))
        status = await h.status()
        assert (status.stored_rows, status.duplicates, status.late) == (6, 4, 2)
        assert status.stored_rows + status.duplicates == status.received == 10


def again(made: Batch, measurement: Measurement, first: int = 0, count: int = 1) -> Batch:
    """``made`` as if these rows had no time and the broker had sent them before."""
    made.again.append(Again(measurement, first, count))
    made.unstamped = {"gdansk/meter/main-1": 1}
    return made


async def test_a_repeat_without_a_time_is_known_by_its_values(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.ingest.commit(h.batch(METER, (MAIN, 1, {"power_w": 5.0, "energy_wh": 7.0})))
        repeat = (MAIN, 2, {"power_w": 5.0})
        await h.ingest.commit(again(h.batch(METER, repeat, (UPS, 2, {"power_w": 3.0})), METER))
        status = await h.status()
        assert (status.rows, status.stored_rows, status.duplicates, status.late) == (3, 2, 1, 0)
        assert status.unstamped == 1
        assert {s.source: s.unstamped for s in h.ingest.sources()}["gdansk/meter/main-1"] == 1
        assert h.live.value(METER, MAIN, "power_w") == (5.0, T0 + 1000)
    async with house(tmp_path) as h:  # after a kill the broker sends what was not acknowledged
        await h.ingest.commit(again(h.batch(METER, (MAIN, 3, {"power_w": 5.0})), METER))
        await h.ingest.commit(again(h.batch(METER, (MAIN, 4, {"power_w": 6.0})), METER))
        await h.ingest.commit(h.batch(METER, (MAIN, 5, {"power_w": 6.0})))
        status = await h.status()
        assert (status.rows, status.stored_rows, status.duplicates, status.late) == (6, 4, 2, 0)


async def test_the_newest_rows_once_more_are_duplicates_whatever_the_store_can_tell(tmp_path: Path) -> None:
    newest = [(MAIN, 2, {"power_w": 2.0}), (UPS, 2, {"power_w": 5.0, "energy_wh": 7.0})]
    async with house(tmp_path, make=Overwriting) as here:
        await here.ingest.commit(here.batch(METER, (MAIN, 1, {"power_w": 1.0}), *newest))
        await here.ingest.commit(here.batch(METER, *newest, (MAIN, 3, {"power_w": 3.0})))
        told = await here.status()
        assert (told.rows, told.stored_rows, told.duplicates, told.late) == (6, 4, 2, 0)
        # What the server cannot tell and is not the newest either counts as late.
        await here.ingest.commit(here.batch(METER, (MAIN, 1, {"power_w": 1.0})))
        told = await here.status()
        assert (told.stored_rows, told.duplicates, told.late) == (5, 2, 1)
    async with house(tmp_path, make=Overwriting) as here:
        again = [(MAIN, 3, {"power_w": 3.0}), (UPS, 2, {"power_w": 5.0})]
        await here.ingest.commit(here.batch(METER, *again))
        told = await here.status()
        assert (told.stored_rows, told.duplicates, told.late) == (5, 4, 1), "known over a restart too"


async def test_what_tells_anything_else_of_the_newest_time_is_stored(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.ingest.commit(here.batch(METER, (MAIN, 1, {"power_w": 1.0}), (UPS, 1, {"power_w": 1.0})))
        await here.ingest.commit(here.batch(METER, (UPS, 2, {"energy_wh": 5.0})))
        more = [(MAIN, 1, {"power_w": 1.0, "energy_wh": 4.0}), (UPS, 2, {"power_w": 1.0})]
        await here.ingest.commit(here.batch(METER, *more))
        told = await here.status()
        assert (told.stored_rows, told.duplicates) == (3, 2), "by the store: values of other times differ"
        query = SeriesQuery(METER, from_ms(T0), from_ms(T0 + 9_000))
        rows = (await here.store.latest(query)).to_pylist()
        assert [(r["power_w"], r["energy_wh"]) for r in rows] == [(1.0, 4.0), (1.0, 5.0)]


async def test_a_message_of_many_rows_is_a_repeat_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    def node(*watts: float, second: int) -> list[Row]:
        return [(("g", "a", "r", "n", str(i)), second, {"power_w": w}) for i, w in enumerate(watts)]

    async with house(tmp_path) as h:
        await h.ingest.commit(h.batch(GPU, *node(1.0, 2.0, second=1)))
        both = h.batch(GPU, *node(1.0, 3.0, second=2), *node(1.0, 2.0, second=2))
        await h.ingest.commit(again(again(both, GPU, 0, 2), GPU, 2, 2))
        status = await h.status()
        assert (status.rows, status.stored_rows, status.duplicates) == (6, 4, 2)


async def test_counters_go_on_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.ingest.commit(h.batch(METER, (MAIN, 10, {"power_w": 1.0}), (MAIN, 1e6, {"power_w": 1.0})))
        lossy = Batch(missed=3, session_gaps=1, unknown_fields=9, unstamped={"g/meter/m": 2, "g/meter/n": 3})
        await h.ingest.commit(lossy)
        h.ingest.acknowledged(2)
        await h.ingest.flush()
        assert (await h.status()).last_gap_at is not None
    async with house(tmp_path) as h:
        await h.ingest.commit(h.batch(METER, (MAIN, 10, {"power_w": 1.0}), (MAIN, 5, {"power_w": 1.0})))
        status = await h.status()
        assert (status.received, status.acknowledged) == (4, 2)
        assert (status.missed, status.session_gaps, status.last_gap_at) == (3, 1, None)
        assert (status.unstamped, status.unknown_fields) == (5, 9)
        assert (status.stored_rows, status.duplicates, status.late) == (2, 1, 1)
        assert dict(status.rejected) == {"future": 1}


async def test_live_state_and_sources_come_back_from_store_and_journal(tmp_path: Path) -> None:
    node = ("gdansk", "a", "r1", "n1")
    async with house(tmp_path) as h:
        await h.ingest.commit(h.batch(METER, (MAIN, 10, {"energy_wh": 7.0}), (MAIN, 20, {"power_w": 1.0})))
        quiet = h.batch(GPU, *(((*node, str(g)), 5, {"power_w": 700.0 + g}) for g in range(8)))
        quiet.statuses["gdansk/a/r1/n1/gpu"] = False
        await h.ingest.commit(quiet)
        await h.followers.wait_for(2)
    async with house(tmp_path, follow=False) as h:
        await h.ingest.commit(h.batch(METER, (MAIN, 30, {"power_w": 2.0})))
    async with house(tmp_path, follow=False) as h:
        assert h.live.value(METER, MAIN, "power_w") == (2.0, T0 + 30_000)
        assert h.live.value(METER, MAIN, "energy_wh") == (7.0, T0 + 10_000)
        assert h.live.value(GPU, (*node, "7"), "power_w") == (707.0, T0 + 5_000)
        found = {s.source: s for s in h.ingest.sources()}
        assert sorted(found) == ["gdansk/a/r1/n1/gpu", "gdansk/meter/main-1"]
        assert found["gdansk/a/r1/n1/gpu"].online is False
        assert found["gdansk/a/r1/n1/gpu"].last_at == from_ms(T0 + 5_000)


async def test_a_start_knows_how_far_back_it_searched(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.ingest.commit(h.batch(METER, (MAIN, 10, {"power_w": 1.0}), (UPS, 300, {"power_w": 1.0})))
        await h.followers.wait_for(1)
    async with house(tmp_path, follow=False) as h:
        assert h.live.silent_since(METER) == T0 + 300_000 - 3_600_000  # in the last 2 minutes one was missed
        assert h.live.silent_since(GPU) is None  # none was found, so the store may not take them at all
        assert len(h.live.registered(METER, {"meter": ("ups-a",)})) == 1


async def test_rejections_of_decoders_and_checks_add_up_with_samples(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        mixed = h.batch(METER, (MAIN, 1, {"energy_wh": -1.0}), received=2)
        mixed.reject("undecodable", "dc/v1/gdansk/meter/main-1", "byte 0", b"\xff{")
        await h.ingest.commit(mixed)
        status = await h.status()
        assert dict(status.rejected) == {"out_of_range": 1, "undecodable": 1}
        assert {s.reason: s.payload for s in status.samples} == {
            "undecodable": "\\xff{",
            "out_of_range": "energy_wh=-1",
        }
        for _ in range(SAMPLES_PER_REASON):
            await h.ingest.commit(h.batch(METER, *[(MAIN, 1, {"energy_wh": -1.0})] * 9))
        samples = (await h.status()).samples
        assert sum(s.reason == "out_of_range" for s in samples) == SAMPLES_PER_REASON
        assert sum(s.reason == "undecodable" for s in samples) == 1


async def test_within_a_batch_a_flood_hides_no_other_reason_and_the_last_comes_first(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        batch = Batch(received=102)
        for number in range(100):
            batch.reject("undecodable", f"flood/{number}", "", b"")
        batch.reject("topic", "first", "", b"")
        batch.reject("topic", "second", "", b"")
        await h.ingest.commit(batch)
        samples = (await h.status()).samples
        assert [s.topic for s in samples[:3]] == ["second", "first", f"flood/{SAMPLES_PER_REASON - 1}"]
        assert len(samples) == 2 + SAMPLES_PER_REASON


async def test_a_full_journal_shows_and_counts_nothing_and_the_batch_can_be_given_again(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, limit=1 << 20, follow=False) as h:
        random = [(MAIN, s / 10, {"power_w": float((s * 7919) % 99_991) / 7}) for s in range(9000)]

        async def fill() -> None:
            while True:
                await h.ingest.commit(h.batch(METER, *random))

        with pytest.raises(JournalFull):
            await fill()
        before = await h.ingest.status()
        waiting = h.batch(METER, (UPS, 1, {"power_w": 3.0}), *random)
        with pytest.raises(JournalFull):
            await h.ingest.commit(waiting)
        assert (await h.ingest.status()).received == before.received
        assert h.live.value(METER, UPS, "power_w") is None
        await h.journal.trim(h.journal.head)
        await h.ingest.commit(waiting)
        assert h.live.value(METER, UPS, "power_w") == (3.0, T0 + 1000)


async def test_a_commit_that_is_cancelled_half_way_counts_its_acknowledgements_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        h.ingest.acknowledged(100)
        commit = asyncio.create_task(h.ingest.commit(h.batch(METER, (MAIN, 1, {"power_w": 5.0}))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # handed to the writer's thread by now: it cannot be called back
        commit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await commit
        await h.ingest.flush()
        status = await h.status()
        assert (status.received, status.stored_rows, status.acknowledged) == (1, 1, 100)
        assert h.live.value(METER, MAIN, "power_w") == (5.0, T0 + 1000)


async def test_two_collectors_at_once_lose_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        batches = [h.batch(METER, ((f"s{n}", "m"), s, {"power_w": 1.0})) for n in range(4) for s in range(5)]
        await asyncio.gather(*map(h.ingest.commit, batches))
        status = await h.status()
        assert (status.received, status.stored_rows, status.late) == (20, 20, 0)
