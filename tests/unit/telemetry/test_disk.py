"""What telemetry takes of the disk is looked at, seldom, and by file system."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runtime.clock import ManualClock, from_ms
from telemetry.disk import EVERY, Disks, Kept, measured
from telemetry.follower import Follower, Followers
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.frames import T0
from tests.unit.telemetry.test_journal import journal, noise

KIB = 1024


def test_files_and_folders_are_summed_and_what_is_not_there_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 64 * KIB)
    (tmp_path / "sealed" / "a").mkdir(parents=True)
    for name in ("one", "two"):
        (tmp_path / "sealed" / "a" / name).write_bytes(b"x" * 32 * KIB)
    kept = [
        Kept("file", (tmp_path / "file", tmp_path / "file-wal")),
        Kept("sealed", (tmp_path / "sealed",)),
        Kept("nowhere", (tmp_path / "no" / "such" / "folder",)),
    ]
    (room,) = measured(kept)
    sizes = {part.what: part.bytes for part in room.parts}
    assert sizes.keys() == {"file", "sealed"}
    assert 64 * KIB <= sizes["file"] < 72 * KIB
    assert 64 * KIB <= sizes["sealed"] < 80 * KIB
    assert room.path == str(tmp_path)
    assert 0 < room.free <= room.total


async def test_it_is_looked_at_no_more_often_than_needed(tmp_path: Path) -> None:
    clock = ManualClock(from_ms(T0))
    file = tmp_path / "file"
    disks = Disks(lambda: [Kept("file", (file,))], clock)

    async def size() -> int:
        (room,) = await disks.rooms()
        return room.parts[0].bytes

    assert await size() == 0
    file.write_bytes(b"x" * 64 * KIB)
    clock.advance(EVERY - timedelta(seconds=1))
    assert await size() == 0
    clock.advance(timedelta(seconds=1))
    assert await size() >= 64 * KIB
    clock.set(from_ms(T0 - 3_600_000))
    file.unlink()
    assert await size() == 0, "a clock that is set back does not stop it"


async def test_journal_and_stores_of_this_machine_are_named(tmp_path: Path) -> None:
    written = journal(tmp_path)
    await written.open()
    store = DuckDBStore(DuckDBOptions(), written.registry, tmp_path)
    await store.open()
    followers = Followers(written, [Follower(written, store)], store)
    await written.append([noise(written.registry, 50_000)])
    (room,) = measured(followers.kept)
    sizes = {part.what: part.bytes for part in room.parts}
    assert sizes.keys() == {"journal", "store duckdb", "store duckdb, sealed"}
    assert sizes["journal"] > 300 * KIB, "its write-ahead log is part of it"
    await store.close()
    await written.close()
