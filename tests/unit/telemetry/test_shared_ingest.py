"""Several ingest processes as one: sums, what is waited for, and who is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.beats import SILENT, Beats, Process, Standing
from runtime.clock import from_ms, to_ms
from runtime.database_clock import database_now
from runtime.tables import process
from telemetry.disk import DiskPart, DiskRoom
from telemetry.ingest_beat import IngestBeat
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.shared_ingest import LOST, SharedIngest
from telemetry.sources import SourceBook
from telemetry.status import IngestStatus, JournalStatus, RejectSample, StoreStatus
from tests.eventually import eventually
from tests.fakes.database import RestartingDatabase

STARTED = datetime(2026, 10, 5, 10, tzinfo=UTC)


def status(scale: int, share: float, *, connected: bool = True) -> IngestStatus:
    """Counters of ``scale``, and a journal of which that ``share`` is used."""
    at = STARTED + timedelta(hours=scale)
    return IngestStatus(
        received=10 * scale, acknowledged=9 * scale, stored_rows=80 * scale, duplicates=scale, late=2 * scale,
        rejected={"topic": scale, f"only-{scale}": 1},
        journal=JournalStatus(scale, round(1000 * share), 1000, 7),
        stores=[StoreStatus("influx", 7, 0.5 * scale)], connected=connected, missed=scale, last_gap_at=at,
        samples=[RejectSample(at, "topic", f"t{scale}", "", "")],
    )  # fmt: skip


def beat(scale: int, share: float = 0.1, **more: object) -> IngestBeat:
    """A sign of a process that is well."""
    return IngestBeat(status(scale, share), {"gpu_1m": (scale * 60, 600 + scale)}, True, **more)  # type: ignore[arg-type]


class Shards:
    """The signs of ``a`` and ``b`` as a test wants them."""

    def __init__(self, database: RestartingDatabase) -> None:
        self.database, self.beats = database, Beats(database)
        registry = SeriesRegistry()
        self.book = SourceBook(registry, LiveState(registry))
        self.shared = self.seen_by({"a": ["dc/v1/x/a/#"], "b": ["dc/v1/x/b/#"]})

    def seen_by(self, shards: Mapping[str, Sequence[str]], retired: Sequence[str] = ()) -> SharedIngest:
        """The same by another file."""
        return SharedIngest(self.beats, shards, self.book, 5_000, retired)

    async def tell(self, shard: str, told: IngestBeat) -> None:
        await self.beats.write(Process(f"ingest/{shard}", "ingest", "1.0", STARTED), told.encoded())

    async def silent_for(self, shard: str, span: timedelta) -> None:
        async with self.database.begin() as db:
            at = await database_now(db) - span
            await db.execute(process.update().where(process.c.name == f"ingest/{shard}").values(at=at))


@pytest.fixture
async def shards(tmp_path: Path) -> AsyncIterator[Shards]:
    database = RestartingDatabase(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await database.create_all()
    yield Shards(database)
    await database.close()


async def test_counters_are_sums_and_the_journal_is_the_fullest(shards: Shards) -> None:
    await shards.tell("a", beat(1, 0.9))
    await shards.tell("b", beat(3, 0.2))
    await shards.shared.refresh()
    told = await shards.shared.status()
    assert (told.received, told.acknowledged, told.stored_rows) == (40, 36, 320)
    assert (told.duplicates, told.late, told.missed) == (4, 8, 4)
    assert told.rejected == {"only-1": 1, "only-3": 1, "topic": 4}
    assert told.journal == JournalStatus(1, 900, 1000, 7)
    assert [(store.name, store.lag_s) for store in told.stores] == [("a/influx", 0.5), ("b/influx", 1.5)]
    assert [sample.topic for sample in told.samples] == ["t3", "t1"]
    assert told.last_gap_at == STARTED + timedelta(hours=3)
    assert told.connected
    assert list(shards.shared.problems()) == []


@pytest.mark.parametrize("emptier", ["a", "b"])
async def test_what_any_journal_lost_is_told_however_empty_it_is(shards: Shards, emptier: str) -> None:
    found_at = STARTED + timedelta(hours=5)
    for shard, share in (("a", 0.9), ("b", 0.8)):
        lost = replace(JournalStatus(1, 100, 1000, 7), lost=3, lost_at=found_at)
        earlier = replace(
            JournalStatus(1, round(1000 * share), 1000, 9), lost=1, lost_at=found_at - timedelta(hours=1)
        )
        journal = lost if shard == emptier else earlier
        await shards.tell(shard, replace(beat(1), status=replace(status(1, share), journal=journal)))
    await shards.shared.refresh()
    told = (await shards.shared.status()).journal
    assert (told.lost, told.lost_at) == (4, found_at)
    assert (told.head, told.bytes) == (9, 800 if emptier == "a" else 900)


async def test_the_disks_of_all_are_told_by_shard(shards: Shards) -> None:
    room = DiskRoom("/var/lib/amberwatt", 5_000, 900_000, (DiskPart("journal", 700),))
    for shard, free in (("a", 5_000), ("b", 4_000)):
        disks = (replace(room, free=free),)
        await shards.tell(shard, replace(beat(1), status=replace(status(1, 0.1), disks=disks)))
    await shards.shared.refresh()
    assert (await shards.shared.status()).disks == (
        replace(room, path="a:/var/lib/amberwatt"),
        replace(room, path="b:/var/lib/amberwatt", free=4_000),
    )


async def test_before_anybody_has_told_there_is_nothing_and_nothing_is_over(shards: Shards) -> None:
    await shards.shared.refresh()
    told = await shards.shared.status()
    assert (told.received, told.journal) == (0, JournalStatus(0, 0, 5_000, 0))
    assert not shards.shared.over
    assert shards.shared.whole("gpu_1m") == (0, 0)
    assert [(one.name, one.age, one.silent) for one in shards.shared.processes()] == [
        ("ingest/a", None, True),
        ("ingest/b", None, True),
    ]


async def test_rollups_are_whole_where_those_of_all_are(shards: Shards) -> None:
    await shards.tell("a", beat(1))
    await shards.shared.refresh()
    assert shards.shared.whole("gpu_1m") == (0, 0)
    await shards.tell("b", beat(3))
    await shards.shared.refresh()
    assert shards.shared.whole("gpu_1m") == (180, 601)
    assert shards.shared.whole("rack_1m") == (0, 0)


async def test_a_silent_shard_is_told_and_its_counters_stay(shards: Shards) -> None:
    await shards.tell("a", beat(1))
    await shards.tell("b", replace(beat(3), problems=("broker: gone",)))
    await shards.beats.write(Process("jobs/x", "jobs", "1.0", STARTED), Standing((), "at work").encoded())
    await shards.silent_for("a", SILENT + timedelta(seconds=5))
    await shards.shared.refresh()
    told = await shards.shared.status()
    assert (told.received, told.connected) == (40, False)
    silent, troubled = shards.shared.problems()
    assert silent.startswith("ingest/a: no sign of life for 3")
    assert troubled == "ingest/b: broker: gone"
    found = {one.name: one for one in shards.shared.processes()}
    assert [(name, one.silent) for name, one in found.items()] == [
        ("ingest/a", True),
        ("ingest/b", False),
        ("jobs/x", False),
    ]
    assert found["ingest/b"].problems == ("broker: gone",)
    assert found["jobs/x"].doing == "at work"


async def test_what_another_version_told_is_no_news(shards: Shards) -> None:
    await shards.tell("a", beat(1))
    await shards.shared.refresh()
    await shards.beats.write(Process("ingest/a", "ingest", "2.0", STARTED), '{"anything": "else"}')
    await shards.shared.refresh()
    assert (await shards.shared.status()).received == 10


async def test_caught_up_is_when_each_has_stored_what_it_had_by_then(shards: Shards) -> None:
    long_ago = to_ms(await shards.beats.now()) - 1
    await shards.tell("a", beat(1, through_ms=long_ago))
    await shards.tell("b", beat(1, through_ms=long_ago))
    waiting = asyncio.create_task(shards.shared.caught_up())
    later = long_ago + 60_000
    await shards.tell("a", beat(1, through_ms=later))
    await shards.shared.refresh()
    assert not waiting.done(), "the other one has not"
    await shards.tell("b", beat(1, through_ms=later))
    async with asyncio.timeout(20):
        await waiting


async def test_a_lost_shard_is_not_waited_for(shards: Shards) -> None:
    later = to_ms(await shards.beats.now()) + 60_000
    await shards.tell("a", beat(1, through_ms=later, newest_ms=2_000))
    await shards.tell("b", replace(beat(1, through_ms=1), backlog_over=False))
    await shards.shared.refresh()
    assert not shards.shared.over
    await shards.silent_for("b", LOST + timedelta(seconds=1))
    async with asyncio.timeout(20):
        await shards.shared.caught_up()
        await shards.shared.wait()
    assert shards.shared.over


async def test_time_passes_as_far_as_all_have_come(shards: Shards) -> None:
    heard: list[datetime] = []
    shards.shared.newest = heard.append
    await shards.tell("a", beat(1, newest_ms=9_000))
    await shards.tell("b", beat(1))
    await shards.shared.refresh()
    assert heard == []
    await shards.tell("b", beat(1, newest_ms=4_000))
    await shards.shared.refresh()
    assert heard == [from_ms(4_000)]


async def test_without_the_database_what_was_heard_stays(shards: Shards) -> None:
    await shards.tell("a", beat(1))
    await shards.tell("b", beat(1))
    running = asyncio.create_task(shards.shared.run())

    async def heard() -> bool:
        return (await shards.shared.status()).received == 20

    await eventually(heard)
    shards.database.away = True
    await shards.shared.refresh()
    assert (await shards.shared.status()).received == 20
    assert next(shards.shared.problems()).startswith("database: ")
    shards.database.away = False
    await shards.shared.refresh()
    assert list(shards.shared.problems()) == []
    running.cancel()


ONE: Mapping[str, Sequence[str]] = {"a": ["dc/v1/x/#"]}


async def test_a_shard_that_left_the_file_is_missed_and_still_counted(shards: Shards) -> None:
    await shards.tell("a", beat(1))
    await shards.tell(
        "b", replace(beat(3), status=replace(status(3, 0.9), stores=[StoreStatus("influx", 5, 1.0)]))
    )
    await shards.silent_for("b", LOST)
    now = shards.seen_by(ONE)
    await now.refresh()
    (left,) = now.problems()
    assert left.startswith("ingest/b: nothing in the file is so named any more, and of its journal 2 batches")
    assert left.endswith('then write retired_shards = ["b"] into [service]')
    assert [(one.name, one.silent, one.unnamed) for one in now.processes()] == [
        ("ingest/a", False, False),
        ("ingest/b", True, True),
    ]
    told = await now.status()
    assert (told.received, told.stored_rows, told.rejected["topic"]) == (40, 320, 4)
    assert ([store.name for store in told.stores], told.journal.bytes) == (["a/influx"], 100)
    assert told.connected
    assert now.over, "nobody waits for it"


async def test_a_retired_shard_is_missed_by_nobody_unless_it_runs(shards: Shards) -> None:
    await shards.tell("a", beat(1))
    await shards.tell("b", beat(3))
    now = shards.seen_by(ONE, ["b"])
    await now.refresh()
    (runs,) = now.problems()
    assert runs.startswith("ingest/b: runs, and by the file of this process nothing is so named")
    await shards.silent_for("b", SILENT + timedelta(seconds=1))
    await now.refresh()
    assert list(now.problems()) == []
    assert [one.name for one in now.processes()] == ["ingest/a"]
    assert (await now.status()).received == 40


async def test_a_process_of_another_file_is_told(shards: Shards) -> None:
    await shards.tell("a", beat(1, topics=("dc/v1/x/b/#", "dc/v1/x/a/#")))
    await shards.tell("b", beat(1, topics=("dc/v1/x/b/#",)))
    await shards.shared.refresh()
    (other,) = shards.shared.problems()
    assert other.startswith(
        "ingest/a: takes dc/v1/x/a/#, dc/v1/x/b/#, and by the file of this process it should take dc/v1/x/a/#"
    )
    assert [len(one.problems) for one in shards.shared.processes()] == [1, 0]
