"""Sealed rows of the DuckDB store: no answer changes, nothing is lost or doubled, disk space returns."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import from_ms
from runtime.errors import StoreError
from telemetry.catalogue import METER
from telemetry.rollup import ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import AT, SeriesQuery, Store, StoreCounts, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from telemetry.stores.duckdb_file import DuckDBFile
from telemetry.stores.duckdb_seal import Sealable
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.eventually import eventually
from tests.fakes.frames import T0, Row, frame

BY_SERIES: Mapping[str, Any] = {"memory": 1}
MERGING: Mapping[str, Any] = {"merged": frozenset({METER.name}), "fan": 2}
METERS = (("gdansk", "main-1"), ("gdansk", "ups-a"), ("kaunas", "main-1"))
ALL = SeriesQuery(METER, from_ms(T0 - 10**9), from_ms(T0 + 10**9))


class ByHand(DuckDBStore):
    """Seals only when it is asked to."""

    async def _seal_quietly(self) -> None:
        pass


def store(
    folder: Path,
    registry: SeriesRegistry,
    rows: int = 1,
    kind: type[DuckDBStore] = ByHand,
    sealable: Mapping[str, Any] = {},
) -> DuckDBStore:
    """One that seals all but its newest minute into one file."""
    made = kind(DuckDBOptions(seal_after=timedelta(0), seal_rows=rows), registry, folder)
    chosen: dict[str, Any] = {"after_ms": 0, "memory": 10**9, "merged": frozenset(), **sealable}
    made._file = DuckDBFile(made._file.path, registry, {}, Sealable(rows, **chosen))
    return made


def files(folder: Path) -> list[Path]:
    return sorted((folder / "telemetry.duckdb.sealed").rglob("*.parquet"))


def at(seconds: float) -> Any:
    return from_ms(T0 + round(1000 * seconds))


async def told(target: Store, query: SeriesQuery = ALL) -> list[dict[str, Any]]:
    batches = [batch async for batch in target.raw(query)]
    return pa.Table.from_batches(batches).to_pylist() if batches else []


async def powers(target: Store) -> list[float]:
    return [row["power_w"] for row in await told(target)]


class Bench:
    """A sealing store with the journal's positions and names."""

    def __init__(
        self,
        folder: Path,
        rows: int = 1,
        kind: type[DuckDBStore] = ByHand,
        sealable: Mapping[str, Any] = {},
    ) -> None:
        self.registry = SeriesRegistry()
        self.store = store(folder, self.registry, rows, kind, sealable)
        self.position = 0
        self.stopped = False

    async def stop(self) -> None:
        if not self.stopped:
            await self.store.close()
        self.stopped = True

    async def put(self, *rows: Row) -> None:
        self.position += 1
        await self.store.append([frame(self.registry, METER, rows)], self.position)

    async def minutes(self, count: int, first: int = 0) -> None:
        """Two rows in each of so many minutes."""
        for minute in range(first, first + count):
            await self.put(*((METERS[0], minute * 60.0 + s, {"power_w": float(minute)}) for s in (0, 30)))


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    await made.store.open()
    yield made
    await made.stop()


FIELDS = st.dictionaries(
    st.sampled_from(["power_w", "energy_wh"]), st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=2
)
ROWS = st.lists(st.tuples(st.sampled_from(METERS), st.integers(0, 20), FIELDS), min_size=1, max_size=8)
STEPS = st.lists(
    st.one_of(
        ROWS,
        st.builds(lambda s: ("prune", s), st.integers(0, 25)),
        st.sampled_from(["seal", "reopen"]),
    ),
    max_size=12,
)


async def _answers_same(sealing: DuckDBStore, plain: MemoryStore) -> None:
    spans = [
        ALL,
        SeriesQuery(METER, at(70), at(250)),
        SeriesQuery(METER, at(0), at(999), {"site": ["kaunas"]}),
    ]
    for query in spans:
        assert await told(sealing, query) == await told(plain, query)
        assert (await sealing.latest(query)).equals(await plain.latest(query))
        window = WindowQuery(query, timedelta(minutes=2), "max", ("meter",))
        assert (await sealing.window(window)).equals(await plain.window(window))


async def _both_same(sealing: DuckDBStore, plain: MemoryStore) -> None:
    await _answers_same(sealing, plain)
    assert await sealing.counts() == await plain.counts()
    assert (await sealing.repeats(at(-9999), at(9999))).equals(await plain.repeats(at(-9999), at(9999)))


@given(
    steps=STEPS,
    rows=st.integers(1, 4),
    sealable=st.sampled_from([{}, BY_SERIES, MERGING, {**MERGING, **BY_SERIES}]),
)
@settings(max_examples=20, deadline=None)
def test_sealed_or_not_the_answers_are_those_of_a_store_that_is_plainly_right(
    steps: list[Any], rows: int, sealable: Mapping[str, Any]
) -> None:
    """With all series of a stretch in one file, or a file for each; merged or not; late rows while aside."""

    async def play(folder: Path) -> None:
        registry = named()
        plain = MemoryStore(MemoryOptions(), registry, folder)
        sealing = store(folder, registry, rows, sealable=sealable)
        await sealing.open()
        for position, step in enumerate(steps, start=1):
            if step == "reopen":
                await sealing.close()
                sealing = store(folder, registry, rows, sealable=sealable)
                await sealing.open()
            elif step == "seal":
                await sealing.seal()
            else:
                await _step([sealing, plain], registry, position, step)
            await _answers_same(sealing, plain)
        await sealing.seal()
        await _both_same(sealing, plain)
        await sealing.close()

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def _step(stores: list[Store], registry: SeriesRegistry, position: int, step: Any) -> None:
    for one in stores:
        if isinstance(step, tuple):
            await one.prune(METER, at(20 * step[1]))
        else:
            rows = [(who, 20.0 * s, values) for who, s, values in step]
            await one.append([frame(registry, METER, rows)], position)


def named() -> SeriesRegistry:
    registry = SeriesRegistry()
    for meter in METERS:
        registry.id(METER, meter)
    return registry


async def test_rows_at_rest_leave_the_table_for_a_file_and_are_told_as_before(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.minutes(5)
    before = await told(bench.store)
    assert await bench.store.seal() == 4
    assert await told(bench.store) == before
    await bench.stop()
    (left,) = duckdb.connect(tmp_path / "telemetry.duckdb").execute("SELECT count(*) FROM meter").fetchall()
    assert left[0] + sum(pq.read_metadata(path).num_rows for path in files(tmp_path)) == 10
    assert left[0] == 2


async def test_a_small_site_stays_one_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store = DuckDBStore(DuckDBOptions(seal_after=timedelta(0)), bench.registry, tmp_path)
    await bench.store.open()
    await bench.minutes(50)
    assert await bench.store.seal() == 0
    await bench.store.close()
    assert not files(tmp_path)


async def test_what_is_not_worth_sealing_is_looked_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rows=100)
    await bench.store.open()
    await bench.minutes(3)
    assert bench.store._file.seal_due
    assert await bench.store.seal() == 0
    assert not bench.store._file.seal_due
    await bench.minutes(13, 3)
    assert bench.store._file.seal_due
    await bench.stop()


async def test_sealing_goes_on_beside_the_writing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, kind=DuckDBStore)
    await bench.store.open()
    for minute in range(400):
        await bench.minutes(1, minute)
        if files(tmp_path):
            break
    assert files(tmp_path), "nobody asked for it, yet it should have begun"
    await bench.store.close()


async def test_few_rows_that_came_days_late_do_not_stretch_the_files(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rows=10)
    await bench.store.open()
    await bench.put((METERS[1], -9e5, {"power_w": 1.0}), (METERS[2], -8e5, {"power_w": 1.0}))
    await bench.minutes(12)
    assert await bench.store.seal() == 2
    for path in files(tmp_path):
        times = pq.read_table(path)[AT].to_pylist()
        assert len(times) == 10
        assert max(times) - min(times) < 5 * 60_000
    await bench.store.close()


async def test_a_row_that_contradicts_a_sealed_one_wins_field_by_field(bench: Bench) -> None:
    await bench.minutes(5)
    await bench.store.seal()
    for value in (7.0, 8.0, 8.0):
        await bench.put((METERS[0], 60, {"power_w": value}), (METERS[0], 90, {"energy_wh": 5.0}))
    rows = await told(bench.store)
    assert [(r["power_w"], r["energy_wh"]) for r in rows[2:4]] == [(8.0, None), (1.0, 5.0)]
    assert len(rows) == 10
    assert (await bench.store.counts()).duplicates == 4, "two may be new: nobody has looked yet"
    await bench.store.seal()
    assert await told(bench.store) == rows
    assert (await bench.store.counts()).duplicates == 6


async def test_late_rows_of_sealed_hours_are_told_at_once_and_outlive_the_process(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.minutes(5)
    await bench.store.seal()
    late: list[Row] = [(METERS[0], 60, {"energy_wh": 5.0}), (METERS[0], 61, {"power_w": 8.0})]
    for _ in range(2):
        await bench.put(*late)
    await bench.stop()
    again = store(tmp_path, bench.registry)
    assert await again.open() == bench.position
    told_aside = await told(again)
    assert [(r["power_w"], r["energy_wh"]) for r in told_aside[2:4]] == [(1.0, 5.0), (8.0, None)]
    assert await again.counts() == StoreCounts(rows=10, duplicates=2), "of the first two nobody knows yet"
    await again.seal()
    assert await told(again) == told_aside
    assert await again.counts() == StoreCounts(rows=11, duplicates=3)
    assert (await again.repeats(at(-9999), at(9999)))["rows"].to_pylist() == [3.0]
    await again.close()


async def test_a_late_row_is_put_in_its_place_beside_the_writing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, kind=DuckDBStore)
    await bench.store.open()
    await bench.minutes(5)
    await bench.store.seal()
    await bench.put((METERS[0], 60, {"power_w": 7.0}))

    async def counted() -> bool:
        return (await bench.store.counts()).duplicates == 1

    await eventually(counted)
    assert 7.0 in await powers(bench.store)
    await bench.store.close()


async def test_a_question_about_one_series_opens_the_files_of_that_series_only(tmp_path: Path) -> None:
    registry = named()
    target = store(tmp_path, registry, sealable=BY_SERIES)
    await target.open()
    for minute in range(4):
        rows: list[Row] = [(who, minute * 60.0, {"power_w": float(minute)}) for who in METERS]
        await target.append([frame(registry, METER, rows)], minute + 1)
    assert await target.seal() == 9
    with target._file.cursor() as cursor:
        for where, opened in (({"site": ["kaunas"]}, 3), ({"site": ["gdansk"]}, 6), ({}, 9)):
            query = SeriesQuery(METER, ALL.start, ALL.end, where)
            assert target._file.source(cursor, query).rows.count(".parquet'") == opened
    assert [
        len(await told(target, SeriesQuery(METER, ALL.start, ALL.end, {"meter": [m]})))
        for m in ("main-1", "ups-a", "none")
    ] == [8, 4, 0]
    await target.close()


async def test_files_from_before_they_were_cut_by_series_are_read_on(bench: Bench, tmp_path: Path) -> None:
    await bench.minutes(5)
    await bench.store.seal()
    await bench.stop()
    with duckdb.connect(tmp_path / "telemetry.duckdb") as database:
        database.execute("ALTER TABLE sealed DROP COLUMN from_series")
        database.execute("ALTER TABLE sealed DROP COLUMN to_series")
        database.execute("DROP SCHEMA aside CASCADE")
    again = store(tmp_path, bench.registry)
    await again.open()
    assert len(await told(again, SeriesQuery(METER, ALL.start, ALL.end, {"meter": ["main-1"]}))) == 10
    await again.close()


async def test_a_late_row_while_its_stretch_is_being_sealed_is_not_lost(bench: Bench) -> None:
    await bench.minutes(5)
    write = bench.store._file.write_sealed
    came: list[Future[None]] = []

    def slowly(cursor: duckdb.DuckDBPyConnection, **what: Any) -> None:
        write(cursor, **what)
        if not came:
            came.append(asyncio.run_coroutine_threadsafe(bench.put((METERS[1], 1, {"power_w": 9.0})), loop))
            came[0].result()

    loop = asyncio.get_running_loop()
    bench.store._file.write_sealed = slowly  # type: ignore[method-assign,assignment]
    assert await bench.store.seal() == 5, "four that were not given up, and one of the late row"
    assert len(await told(bench.store)) == 11
    assert 9.0 in await powers(bench.store)
    assert await bench.store.counts() == StoreCounts(rows=11, duplicates=0)


async def test_a_database_opened_anew_before_a_file_is_listed_loses_nothing(bench: Bench) -> None:
    await bench.minutes(5)
    sealing = bench.store._file.begin_seal()
    assert sealing is not None
    bench.store._file.write_sealed(bench.store._file.cursor(), sealing, sealing.pieces[0])
    bench.store._file.close()  # as after a failed commit
    await bench.store.open()
    assert not bench.store._file.end_seal(sealing)
    assert len(await told(bench.store)) == 10
    await bench.store.seal()
    assert len(await told(bench.store)) == 10


async def test_where_no_file_can_be_written_rows_stay_and_it_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "telemetry.duckdb.sealed").write_text("in the way")
    await bench.minutes(5)
    with pytest.raises(StoreError, match="the DuckDB store"):
        await bench.store.seal()
    assert len(await told(bench.store)) == 10
    (tmp_path / "telemetry.duckdb.sealed").unlink()
    await bench.minutes(5, 5)
    assert await bench.store.seal() > 0
    assert len(await told(bench.store)) == 20


async def test_pruning_unlinks_files_once_nobody_reads_them(bench: Bench, tmp_path: Path) -> None:
    await bench.minutes(6)
    await bench.store.seal()
    assert len(files(tmp_path)) == 5
    reading = bench.store.raw(ALL)
    assert (await anext(reading)).num_rows > 0
    await bench.store.prune(METER, at(150))
    assert len(files(tmp_path)) == 5
    assert await powers(bench.store) == [2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]
    await reading.aclose()  # type: ignore[attr-defined]
    await bench.store.prune(ROLLUPS["meter_1m"], at(0))
    assert len(files(tmp_path)) == 3
    assert await powers(bench.store) == [2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
async def test_a_file_that_is_missing_or_cut_short_is_an_error_with_its_name(
    bench: Bench, tmp_path: Path, damage: Any
) -> None:
    await bench.minutes(5)
    await bench.store.seal()
    await bench.stop()
    damage(files(tmp_path)[0])
    with pytest.raises(StoreError, match=r"000001\.parquet belongs to the DuckDB store .* put it back"):
        await store(tmp_path, bench.registry).open()


async def test_a_file_from_before_a_field_was_known_tells_the_rest(bench: Bench, tmp_path: Path) -> None:
    await bench.minutes(5)
    await bench.store.seal()
    await bench.store.close()
    first = files(tmp_path)[0]
    pq.write_table(pq.read_table(first).drop_columns(["export_wh", "energy_wh"]), first)
    with duckdb.connect(tmp_path / "telemetry.duckdb") as database:
        values = [first.stat().st_size]
        database.execute("UPDATE sealed SET columns = '\"power_w\"', bytes = ? WHERE id = 1", values)
    bench.store = store(tmp_path, bench.registry)
    assert await bench.store.open() == bench.position
    assert await powers(bench.store) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    await bench.put((METERS[0], 0, {"energy_wh": 5.0}), (METERS[0], 30, {"power_w": 0.0}))
    assert [(r["power_w"], r["energy_wh"]) for r in (await told(bench.store))[:2]] == [
        (0.0, 5.0),
        (0.0, None),
    ]


async def test_names_of_folders_are_no_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] *"
    folder.mkdir()
    bench = Bench(folder)
    await bench.store.open()
    await bench.minutes(5)
    assert await bench.store.seal() == 4
    await bench.put((METERS[0], 60, {"power_w": 7.0}))
    assert await powers(bench.store) == [0.0, 0.0, 7.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    await bench.store.close()


async def test_stretches_are_merged_with_what_was_overridden_and_told_as_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path, sealable={**MERGING, "fan": 4})
    await bench.store.open()
    await bench.minutes(4)
    assert await bench.store.seal() == 3
    await bench.put((METERS[0], 60, {"power_w": 7.0}), (METERS[1], 61, {"power_w": 8.0}))
    await bench.minutes(1, 4)
    before, counts = await told(bench.store), StoreCounts(rows=11, duplicates=1)
    await bench.store.seal()
    (merged,) = files(tmp_path)
    assert pq.read_metadata(merged).num_rows == 9, "what the newest minute does not have, each once"
    assert await told(bench.store) == before
    assert await bench.store.counts() == counts
    with bench.store._file.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM overridden").fetchone() == (0,)
    await bench.stop()
    again = store(tmp_path, bench.registry)
    await again.open()
    assert await told(again) == before
    await again.close()


async def test_merged_files_are_cut_by_series_and_are_not_merged_again(tmp_path: Path) -> None:
    registry = named()
    target = store(tmp_path, registry, sealable={**BY_SERIES, **MERGING})
    await target.open()
    for minute in range(9):
        rows: list[Row] = [(who, minute * 60.0, {"power_w": float(minute)}) for who in METERS]
        await target.append([frame(registry, METER, rows)], minute + 1)
        await target.seal()
    with target._file.cursor() as cursor:
        query = SeriesQuery(METER, ALL.start, ALL.end, {"site": ["kaunas"]})
        assert target._file.source(cursor, query).rows.count(".parquet'") == 4
    assert len(files(tmp_path)) == 12
    assert len(await told(target)) == 27
    await target.close()


async def test_stretches_far_apart_are_not_merged(tmp_path: Path) -> None:
    """The file would keep the older rows on disk until the newer ones end."""
    bench = Bench(tmp_path, sealable=MERGING)
    await bench.store.open()
    for first in (0, 1000, 2000):
        await bench.minutes(1, first)
    await bench.store.seal()
    assert len(files(tmp_path)) == 2
    await bench.minutes(2, 2001)
    await bench.store.seal()
    assert len(files(tmp_path)) == 3
    assert len(await told(bench.store)) == 10
    await bench.stop()


async def test_files_that_were_merged_stay_until_nobody_reads_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, sealable=MERGING)
    await bench.store.open()
    await bench.minutes(2)
    await bench.store.seal()
    reading = bench.store.raw(ALL)
    assert (await anext(reading)).num_rows == 4
    await bench.minutes(1, 2)
    await bench.store.seal()
    assert len(files(tmp_path)) == 3
    await reading.aclose()  # type: ignore[attr-defined]
    await bench.store.prune(ROLLUPS["meter_1m"], at(0))
    assert len(files(tmp_path)) == 1
    assert len(await told(bench.store)) == 6
    await bench.stop()


async def test_where_files_cannot_be_merged_they_stay(tmp_path: Path) -> None:
    bench = Bench(tmp_path, sealable=MERGING)
    await bench.store.open()
    write = bench.store._file.write_sealed

    def fail(cursor: duckdb.DuckDBPyConnection, **what: Any) -> None:
        if what["sealing"].stretch.merged is not None:
            raise OSError("no space left on device")
        write(cursor, **what)

    bench.store._file.write_sealed = fail  # type: ignore[method-assign,assignment]
    await bench.minutes(3)
    with pytest.raises(StoreError, match="free space on that disk"):
        await bench.store.seal()
    assert len(files(tmp_path)) == 2
    assert len(await told(bench.store)) == 6
    bench.store._file.write_sealed = write  # type: ignore[method-assign]
    await bench.minutes(1, 3)
    await bench.store.seal()
    assert len(files(tmp_path)) == 2
    assert len(await told(bench.store)) == 8
    await bench.stop()


async def test_heads_of_files_are_not_kept_in_memory(bench: Bench) -> None:
    await bench.minutes(30)
    await bench.store.seal()
    assert len(await told(bench.store)) == 60
    with bench.store._file.cursor() as cursor:
        held = "SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory() WHERE tag = 'OBJECT_CACHE'"
        assert cursor.execute(held).fetchone() == (0,)


KEPT_S = 600.0


def batch(position: int) -> list[Row]:
    """Ten rows of half a minute, one of five minutes ago that is new, and one that contradicts."""
    start = 30.0 * position
    rows: list[Row] = [(METERS[n % 2], start + n, {"power_w": float(position)}) for n in range(10)]
    if position > 10:
        rows += [(METERS[2], start - 300, {"power_w": 0.5}), (METERS[0], start - 240, {"energy_wh": start})]
    return rows


def expected(position: int) -> Mapping[tuple[tuple[str, ...], float], Mapping[str, float]]:
    rows: dict[tuple[tuple[str, ...], float], dict[str, float]] = {}
    for number in range(1, position + 1):
        for who, second, values in batch(number):
            rows.setdefault((who, second), {}).update(values)
    return rows


PRUNER = """
import asyncio, sys
from pathlib import Path
from telemetry.catalogue import METER
from telemetry.stores.duckdb import DuckDBStore
from tests.fakes.frames import frame
from tests.unit.telemetry.test_duckdb_sealed import KEPT_S, MERGING, at, batch, named, store

async def main(folder):
    registry = named()
    target = store(folder, registry, 30, DuckDBStore, MERGING)
    position = await target.open()
    print(position, flush=True)
    while True:
        position += 1
        await target.append([frame(registry, METER, batch(position))], position)
        print(position, flush=True)
        if position % 5 == 0:
            await target.prune(METER, at(30.0 * position - KEPT_S))

asyncio.run(main(Path(sys.argv[1])))
"""


def killed_after(folder: Path, positions: int) -> int:
    """Let rows be written, sealed and pruned, and kill that; returns the last position that was reported."""
    command = [sys.executable, "-c", PRUNER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reports = (int(line) for line in process.stdout if line.strip().isdigit())
        first = next(reports)
        reported = next(position for position in reports if position >= first + positions)
        process.send_signal(signal.SIGKILL)
    return reported


async def test_killed_while_it_seals_and_prunes_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(3)
    registry = named()
    sealed = 0
    for _ in range(6):
        reported = killed_after(tmp_path, chance.randint(20, 60))
        target = store(tmp_path, registry, rows=30)
        position = await target.open()
        assert position >= reported
        await target.seal()
        found = {((r["site"], r["meter"]), (r["at_ms"] - T0) / 1000): r for r in await told(target)}
        assert len(found) == len(await told(target))
        wanted = expected(position)
        # The last prune may have been cut off: then the one before it is what counts.
        last, before = (30.0 * (position // 5 * 5 - back) - KEPT_S for back in (0, 5))
        assert {key for key in wanted if key[1] >= last} <= set(found) <= set(wanted)
        assert min(second for _, second in found) >= min(before, last)
        for key, row in found.items():
            assert {f: row[f] for f in ("power_w", "energy_wh") if row[f] is not None} == wanted[key]
        assert (await target.counts()).rows == len(wanted)
        await target.close()
        sealed += len(files(tmp_path))
        with duckdb.connect(tmp_path / "telemetry.duckdb") as database:
            listed = database.execute("SELECT count(*) FROM sealed WHERE state = 'whole'").fetchall()
        assert listed == [(len(files(tmp_path)),)]
    assert sealed > 0
