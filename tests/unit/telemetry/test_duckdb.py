"""What only the DuckDB store promises: exactly once through kills, one process, clear errors."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from runtime.clock import from_ms
from runtime.errors import StoreError
from telemetry.catalogue import METER
from telemetry.rollup import ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, StoreCounts, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from telemetry.stores.duckdb_file import DuckDBFile
from telemetry.stores.duckdb_seal import Sealable
from tests.fakes.frames import T0, Row, frame

MAIN, UPS = ("gdansk", "main-1"), ("gdansk", "ups-a")
ALL = SeriesQuery(METER, from_ms(T0 - 10**9), from_ms(T0 + 10**9))


def store(folder: Path, registry: SeriesRegistry) -> DuckDBStore:
    return DuckDBStore(DuckDBOptions(), registry, folder)


async def put(target: DuckDBStore, registry: SeriesRegistry, position: int, meter: str = "main-1") -> None:
    """Ten rows that follow from the position."""
    rows = [(("gdansk", meter), position * 10.0 + n, {"power_w": float(position)}) for n in range(10)]
    await target.append([frame(registry, METER, rows)], position)


WRITER = """
import asyncio, sys
from pathlib import Path
from telemetry.series import SeriesRegistry
from tests.unit.telemetry.test_duckdb import put, store

async def main(folder):
    registry = SeriesRegistry()
    target = store(folder, registry)
    await target.open()
    for position in range(1, 100_000):
        await put(target, registry, position)
        print(position, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


def writer(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)


async def test_after_a_kill_rows_counts_and_position_agree(tmp_path: Path) -> None:
    process = writer(tmp_path)
    assert process.stdout is not None
    reported = 0
    for line in process.stdout:
        reported = int(line)
        if reported >= 25:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    registry = SeriesRegistry()
    registry.id(METER, MAIN)
    target = store(tmp_path, registry)
    position = await target.open()
    assert position >= reported
    # The journal hands out again what the store does not report; a position that it has changes nothing.
    await put(target, registry, position)
    await put(target, registry, position + 1)
    assert await target.counts() == StoreCounts(rows=10 * (position + 1), duplicates=0)
    latest = (await target.latest(ALL)).to_pylist()
    assert latest[0]["at_ms"] == T0 + ((position + 1) * 10 + 9) * 1000
    assert sum([batch.num_rows async for batch in target.raw(ALL)]) == 10 * (position + 1)
    await target.close()


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
import numpy as np
from runtime.errors import StoreError
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from tests.unit.telemetry.test_duckdb import MAIN, METER, T0, store

def noise(series, position):
    power = np.random.default_rng(position).random(20_000)
    at = T0 + position * 20_000 + np.arange(20_000)
    return Frame(METER, np.full(20_000, series, np.int32), at, {"power_w": power})

async def main(folder):
    registry = SeriesRegistry()
    series = registry.id(METER, MAIN)
    target = store(folder, registry)
    position = await target.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
    try:
        while True:
            await target.append([noise(series, position + 1)], position + 1)
            position += 1
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    found = await target.open()
    await target.append([noise(series, found + 1)], found + 1)
    counts = await target.counts()
    print(found - position, counts.rows - 20_000 * (found + 1), counts.duplicates)
    await target.close()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_full_disk_is_an_error_and_once_there_is_room_it_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    error, figures = output.decode().splitlines()
    assert "free space on that disk" in error
    assert figures == "0 0 0"


async def test_a_file_that_another_process_has_open_is_an_error_with_its_fix(tmp_path: Path) -> None:
    process = writer(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(StoreError, match="another process has it open"):
        await store(tmp_path, SeriesRegistry()).open()
    process.kill()
    process.communicate()


async def test_a_store_that_belongs_to_another_journal_is_refused(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    first = store(tmp_path, registry)
    await first.open()
    await put(first, registry, 1)
    await first.close()
    other = SeriesRegistry()
    other.id(METER, UPS)
    for wrong in (SeriesRegistry(), other):
        with pytest.raises(StoreError, match="name series differently"):
            await store(tmp_path, wrong).open()


async def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "telemetry.duckdb").write_bytes(b"no database" * 4096)
    with pytest.raises(StoreError, match=r"telemetry\.duckdb failed"):
        await store(tmp_path, SeriesRegistry()).open()


async def test_a_file_of_before_gets_the_tables_that_a_newer_catalogue_has_more(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    await put(target, registry, 1)
    await target.close()
    with duckdb.connect(tmp_path / "telemetry.duckdb") as connection:
        for end in ("1m", "1h"):
            connection.execute(f"DROP TABLE hall_{end}")
            connection.execute(f"ALTER TABLE rack_{end} DROP COLUMN members")
    target = store(tmp_path, registry)
    assert await target.open() == 1
    halls = ROLLUPS["hall_1m"]
    await target.append([frame(registry, halls, [(("g", "a"), 0, {"power_w": 5.0, "util_members": 2.0})])], 2)
    query = SeriesQuery(halls, ALL.start, ALL.end, {}, ("power_w", "util_members", "members"))
    assert [tuple(row.values()) for row in (await target.latest(query)).to_pylist()] == [
        ("g", "a", T0, 5.0, 2.0, None)
    ]
    assert (await target.latest(ALL)).num_rows == 1
    await target.close()


async def test_before_opening_nothing_is_taken_or_answered(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    closed = store(tmp_path, registry)
    with pytest.raises(StoreError, match="not open"):
        await put(closed, registry, 1)
    with pytest.raises(StoreError, match="not open"):
        await closed.latest(ALL)


async def test_names_of_series_that_the_journal_may_not_hold_yet_are_not_written(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    rows = frame(registry, METER, [(MAIN, 1, {"power_w": 1.0})])
    registry.id(METER, UPS)  # given by a batch that was never committed
    await target.append([rows], 1)
    await target.close()
    after = SeriesRegistry()
    after.id(METER, MAIN)
    after.id(METER, ("gdansk", "other"))
    reopened = store(tmp_path, after)
    assert await reopened.open() == 1
    await put(reopened, after, 2, "other")
    assert {r["meter"] for r in (await reopened.latest(ALL)).to_pylist()} == {"main-1", "other"}
    await reopened.close()


async def test_a_reader_may_leave_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    await put(target, registry, 1)
    rows = target.raw(ALL)
    assert (await anext(rows)).num_rows == 10
    await rows.aclose()  # type: ignore[attr-defined]
    await put(target, registry, 2)
    assert (await target.counts()).rows == 20
    await target.close()


async def test_questions_are_answered_while_rows_come_in(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    await put(target, registry, 1)

    async def ask() -> list[int]:
        query = WindowQuery(ALL, timedelta(days=1), "count", ())
        return [int((await target.window(query))["power_w"][0].as_py()) for _ in range(20)]

    async def write() -> None:
        for position in range(2, 30):
            await put(target, registry, position)

    first, second, _ = await asyncio.gather(ask(), ask(), write())
    for seen in (first, second):
        assert seen == sorted(seen)
        assert all(n % 10 == 0 for n in seen), "a reader saw half a transaction"
    await target.close()


def test_the_log_of_what_was_written_stays_short_while_somebody_reads(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    path = tmp_path / "telemetry.duckdb"
    file = DuckDBFile(path, registry, {"checkpoint_threshold": "1MB"}, Sealable(10**9, 0, 10**9))
    file.open()
    with file.cursor() as reader:
        reader.begin()
        reader.execute("SELECT count(*) FROM meter").fetchall()
        sizes = []
        for position in range(1, 61):
            rows: list[Row] = [(MAIN, position * 70.0 + n / 20, {"power_w": n * 1.0}) for n in range(1000)]
            file.append([frame(registry, METER, rows)], position)
            log = path.with_name("telemetry.duckdb.wal")
            sizes.append(log.stat().st_size if log.exists() else 0)
        reader.commit()
    file.close()
    assert max(sizes) < 2_000_000, "each takes 40 kB or so: what is not folded in waits for the next writer"
    assert sum(after < before for before, after in pairwise(sizes)) >= 1


async def test_a_query_that_nobody_waits_for_is_stopped(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    await put(target, registry, 1)
    asked = asyncio.create_task(target.latest(ALL))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await target.latest(ALL)).num_rows == 1
    await target.close()


async def test_two_stores_of_one_process_never_share_a_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (tmp_path / "data").mkdir()
    registry = SeriesRegistry()
    first = store(tmp_path / "data", registry)
    second = DuckDBStore(DuckDBOptions(path=Path("../link/telemetry.duckdb")), registry, tmp_path / "data")
    await first.open()
    with pytest.raises(StoreError, match=r"two \[\[store\]\] tables lead to it; give each its own path"):
        await second.open()
    await put(first, registry, 1)
    await first.close()
    assert await second.open() == 1
    await second.close()


async def test_repeats_are_one_row_of_a_series_and_hour_however_often_they_come(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    for position in range(1, 41):
        rows: list[Row] = [(MAIN, 10.0, {"power_w": 1.0}), (UPS, 3600.0 * (position % 2), {"power_w": 1.0})]
        await target.append([frame(registry, METER, rows)], position)
    with target._file.cursor() as cursor:
        kept = cursor.execute("SELECT series, count FROM repeats ORDER BY ALL").fetchall()
    assert kept == [(0, 39), (1, 19), (1, 19)]
    await target.close()


async def test_repeats_of_a_file_from_before_are_added_up_once(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    target = store(tmp_path, registry)
    await target.open()
    for position in (1, 2):
        await target.append([frame(registry, METER, [(MAIN, 0.0, {"power_w": 1.0})])], position)
    await target.close()
    hour = T0 // 3_600_000 * 3_600_000
    with duckdb.connect(tmp_path / "telemetry.duckdb") as database:
        database.execute("DROP TABLE repeats")
        database.execute("CREATE TABLE repeated (series INTEGER, at_ms BIGINT, count BIGINT)")
        database.execute("INSERT INTO repeated SELECT 0, ?, 2 FROM range(5)", [hour])
    for opened in range(2):
        again = store(tmp_path, registry)
        await again.open()
        assert (await again.repeats(ALL.start, ALL.end))["rows"].to_pylist() == [10.0 + opened]
        await again.append([frame(registry, METER, [(MAIN, 0.0, {"power_w": 1.0})])], 3 + opened)
        with again._file.cursor() as cursor:
            assert cursor.execute("SELECT count(*) FROM repeats").fetchone() == (1,)
        await again.close()
