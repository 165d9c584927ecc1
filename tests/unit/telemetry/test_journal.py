"""What the journal promises: committed is committed, bounded is bounded, damage is told."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from runtime.clock import ManualClock, to_ms
from runtime.errors import JournalFull, StoreError
from telemetry.catalogue import GPU, METER
from telemetry.frame import Frame
from telemetry.journal import Journal, JournalOptions
from telemetry.series import SeriesRegistry
from tests.fakes.frames import T0, frame

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MIB = 1 << 20


def journal(folder: Path, limit: int = 64 * MIB) -> Journal:
    options = JournalOptions(limit=limit)
    return Journal(folder / "journal.sqlite", SeriesRegistry(), options, ManualClock(NOON))


@pytest.fixture
async def open_journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = journal(tmp_path)
    await made.open()
    yield made
    await made.close()


def one(registry: SeriesRegistry, second: float, meter: str = "main-1") -> Frame:
    return frame(registry, METER, [(("gdansk", meter), second, {"power_w": second})])


def noise(registry: SeriesRegistry, rows: int, seed: int = 0) -> Frame:
    """Rows that do not compress."""
    series = registry.id(METER, ("gdansk", "noise"))
    power = np.random.default_rng(seed).random(rows)
    return Frame(METER, np.full(rows, series, np.int32), T0 + np.arange(rows), {"power_w": power})


async def fill(journal: Journal) -> None:
    """Append until the journal refuses."""
    while True:
        await journal.append([noise(journal.registry, 5_000, journal.head)], {"received": 1})


async def test_batches_come_back_in_order_with_all_their_columns(open_journal: Journal) -> None:
    registry = open_journal.registry
    gpu = frame(registry, GPU, [(("g", "a", "r", "n", "0"), 1, {"power_w": 700.5, "util": float("nan")})])
    assert await open_journal.append([one(registry, 1), gpu]) == 1
    assert await open_journal.append([one(registry, 2)]) == 2
    first, second = await open_journal.read(0)
    assert (first.position, first.at_ms, second.position) == (1, to_ms(NOON), 2)
    meter, back = first.frames
    assert (meter.measurement, back.measurement) == (METER, GPU)
    assert back.series.dtype == np.int32
    assert back.at_ms.dtype == np.int64
    assert back.series.tolist() == gpu.series.tolist()
    for name, column in gpu.columns.items():
        np.testing.assert_array_equal(back.columns[name], column)
    assert [e.position for e in await open_journal.read(1)] == [2]
    assert open_journal.newest_ms == T0 + 2000


async def test_a_read_stops_at_its_budget_but_gives_at_least_one(open_journal: Journal) -> None:
    for seed in range(4):
        await open_journal.append([noise(open_journal.registry, 1000, seed)])
    assert [e.position for e in await open_journal.read(0, max_bytes=1)] == [1]
    assert [e.position for e in await open_journal.read(1, max_bytes=25_000)] == [2, 3]


async def test_names_counters_statuses_and_places_are_there_after_a_restart(tmp_path: Path) -> None:
    before = journal(tmp_path)
    await before.open()
    await before.append([one(before.registry, 1)], {"received": 3, "rejected.future": 1}, {"gdansk/x": True})
    await before.append([one(before.registry, 2, "ups-a")], {"received": 2}, {"gdansk/x": False})
    await before.append([], {"received": 1})
    await before.trim(1, {"duckdb": 1})
    await before.close()

    after = journal(tmp_path)
    await after.open()
    assert after.counters == {"received": 6, "rejected.future": 1} == before.counters
    assert after.statuses == {"gdansk/x": False}
    assert after.places == {"duckdb": 1}
    assert [after.registry.key(n)[1][1] for n in range(2)] == ["main-1", "ups-a"]
    assert after.registry.unsaved() == []
    assert [e.position for e in await after.read(0)] == [2]
    assert await after.append([one(after.registry, 3)]) == 3
    await after.close()


async def test_positions_go_on_after_everything_was_trimmed(tmp_path: Path) -> None:
    before = journal(tmp_path)
    await before.open()
    await before.append([one(before.registry, 1)])
    await before.trim(1)
    assert before.status().entries == 0
    assert await before.first() == 2
    await before.close()
    after = journal(tmp_path)
    await after.open()
    assert await after.append([one(after.registry, 2)]) == 2
    assert await after.first() == 2
    await after.close()


async def test_a_full_journal_refuses_and_takes_again_once_it_is_trimmed(tmp_path: Path) -> None:
    full = journal(tmp_path, limit=MIB)
    await full.open()
    with pytest.raises(JournalFull, match=r"raise \[journal\] limit"):
        await fill(full)
    taken = full.head
    assert taken > 3
    assert full.counters["received"] == taken  # what was refused was not counted either
    assert len(await full.read(0, MIB)) == taken
    assert full.status().bytes <= full.status().limit_bytes
    # What only counts needs no room.
    await full.append([], {"rejected.future": 1})
    await full.trim(taken)
    assert await full.append([noise(full.registry, 5_000)]) == taken + 1
    await full.close()


async def test_the_file_stays_within_its_limit_while_batches_come_and_go(tmp_path: Path) -> None:
    turning = journal(tmp_path, limit=2 * MIB)
    await turning.open()
    for n in range(100):
        await turning.append([noise(turning.registry, 3_000, n)])
        if n % 10 == 9:
            await turning.trim(n - 2)
    await turning.close()
    assert (tmp_path / "journal.sqlite").stat().st_size <= 2 * MIB


async def test_names_of_sources_are_part_of_the_limit(tmp_path: Path) -> None:
    made = journal(tmp_path, limit=MIB)
    await made.open()

    async def fill() -> None:
        for number in range(100):
            told = {f"x/meter/{number}-{n:0100}": True for n in range(1_000)}
            await made.append([one(made.registry, number)], statuses=told)

    with pytest.raises(JournalFull):
        await fill()
    status = made.status()
    assert MIB // 2 < status.bytes <= MIB
    with pytest.raises(JournalFull):
        await made.append([], statuses={f"x/meter/last-{n:0100}": True for n in range(1_000)})
    await made.append([], {"acknowledged": 1})
    assert made.counters["acknowledged"] == 1
    await made.close()


async def test_a_batch_that_never_fits_is_an_error_that_waiting_cannot_mend(tmp_path: Path) -> None:
    small = journal(tmp_path, limit=MIB)
    await small.open()
    with pytest.raises(StoreError, match="never fits") as caught:
        await small.append([noise(small.registry, 200_000)])
    assert caught.value.permanent
    assert small.head == 0
    await small.close()


async def test_a_follower_is_woken_by_a_commit(open_journal: Journal) -> None:
    waiting = asyncio.create_task(open_journal.wait_beyond(0))
    await open_journal.append([one(open_journal.registry, 1)])
    await asyncio.wait_for(waiting, 5)
    assert await open_journal.oldest_after(0) == to_ms(NOON)
    assert await open_journal.oldest_after(1) is None


async def test_a_cancelled_caller_does_not_tear_a_commit(open_journal: Journal) -> None:
    commit = asyncio.create_task(open_journal.append([one(open_journal.registry, 1)], {"received": 1}))
    await asyncio.sleep(0)
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    assert await open_journal.append([one(open_journal.registry, 2)], {"received": 1}) == 2
    assert [e.position for e in await open_journal.read(0)] == [1, 2]
    assert open_journal.counters == {"received": 2}


async def test_a_damaged_batch_is_named(tmp_path: Path) -> None:
    before = journal(tmp_path)
    await before.open()
    await before.append([one(before.registry, 1)])
    await before.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("UPDATE entry SET payload = zeroblob(length(payload))")
    connection.close()
    after = journal(tmp_path)
    await after.open()
    with pytest.raises(StoreError, match=r"batch 1 of the journal .* is damaged"):
        await after.read(0)
    await after.close()


async def test_a_file_that_is_no_journal_is_an_error_with_its_fix(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"not a database at all" * 500)
    broken = journal(tmp_path)
    with pytest.raises(StoreError, match=r"journal\.sqlite.*restore it from a backup"):
        await broken.open()
    await broken.close()


async def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    first = journal(tmp_path)
    await first.open()
    await first.close()
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    second = journal(tmp_path)
    with pytest.raises(StoreError, match="format 99"):
        await second.open()
    await second.close()


async def test_after_closing_nothing_is_taken(tmp_path: Path) -> None:
    closed = journal(tmp_path)
    await closed.open()
    await closed.close()
    with pytest.raises(StoreError, match="closed"):
        await closed.append([one(closed.registry, 1)])


WRITER = """
import asyncio, resource, sys
from pathlib import Path
from runtime.errors import StoreError
from tests.unit.telemetry.test_journal import journal, noise

async def main(folder, most):
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    written = journal(folder)
    await written.open()
    for n in range(100_000):
        try:
            head = await written.append([noise(written.registry, 500, n)], {"received": 1})
        except StoreError as error:
            print("error", error, flush=True)
            return
        print(head, flush=True)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def writer(folder: Path, most: int = 0) -> subprocess.Popen[str]:
    """A process that commits until it is stopped and prints each position once it was told of it."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(most)], stdout=subprocess.PIPE, text=True
    )


async def _assert_all_there(folder: Path, reported: int) -> None:
    after = journal(folder)
    await after.open()
    assert reported > 0
    entries = await after.read(0, 1 << 30)
    assert [e.position for e in entries] == list(range(1, after.head + 1))
    assert after.head >= reported
    assert after.counters["received"] == after.head
    for n, entry in enumerate(entries):
        np.testing.assert_array_equal(
            entry.frames[0].columns["power_w"], noise(SeriesRegistry(), 500, n).columns["power_w"]
        )
    await after.close()


@pytest.mark.parametrize("commits", [1, 37])
async def test_what_was_reported_survives_a_kill_in_the_middle(tmp_path: Path, commits: int) -> None:
    process = writer(tmp_path)
    assert process.stdout is not None
    reported = 0
    for line in process.stdout:
        reported = int(line)
        if reported >= commits:
            process.send_signal(signal.SIGKILL)
            break
    rest = process.stdout.read().split()
    process.stdout.close()
    process.wait()
    await _assert_all_there(tmp_path, max([reported, *map(int, rest)]))


async def test_a_full_disk_is_an_error_and_what_was_reported_stays(tmp_path: Path) -> None:
    process = writer(tmp_path, most=600_000)
    output, _ = process.communicate()
    *reported, last = output.splitlines()
    assert last.startswith("error cannot write to the journal")
    assert "free space" in last
    await _assert_all_there(tmp_path, int(reported[-1]))
