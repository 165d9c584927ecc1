"""Our own disk is full in the middle of a commit, holds damaged pages, or an image of a crash."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.acceptance.chaos.ledger import Ledger, StoredRow
from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import GPUS, Scene, scene, whole
from tests.acceptance.chaos.stored import in_influxdb, in_journal
from tests.servers import faulty
from tests.servers.door import Door
from tests.servers.influxdb import shared_influxdb
from tests.servers.mosquitto import mosquitto

PAGE = 4096
FRAME = PAGE + 24
"""A page in SQLite's write-ahead log."""

LITTLE = 16 * 1024
"""Bytes that a file may still grow by once its disk is as good as full: a commit takes more."""


def limit_files(here: Scene, most: int) -> None:
    """No file of the running service may grow past ``most`` bytes from now on: writes then fail (EFBIG).

    The kernel's limit on the size of files stands for a full disk: a small file system would need root.
    """
    process = here.service.process
    assert process is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


async def test_a_full_disk_in_the_middle_of_a_commit_acknowledges_nothing_until_it_is_not(
    tmp_path: Path, record: Recorder
) -> None:
    async with scene(tmp_path, mosquitto(tmp_path)) as here:
        here.publish()
        await here.more_acknowledged(1_500)
        largest = max(file.stat().st_size for file in here.service.data_dir.iterdir() if file.is_file())
        limit_files(here, largest + LITTLE)

        async def complains() -> list[str]:
            async with httpx.AsyncClient(timeout=20) as http:
                answer = await http.get(f"{here.service.url}/readyz")
            problems: list[str] = answer.json().get("problems", [])
            return [problem for problem in problems if problem.startswith("journal:")]

        (problem,) = await here.service.until(complains, "did not say that its disk is full")
        assert "free space on that disk" in problem
        held = (await here.ingest())["acknowledged"]
        await here.more_acknowledged(500)
        assert (await here.ingest())["acknowledged"] == held < here.load.sent
        limit_files(here, resource.RLIM_INFINITY)
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == 0
    record(count, told)


@asynccontextmanager
async def behind(folder: Path) -> AsyncIterator[tuple[Scene, Door, str]]:
    """A service whose only store is an InfluxDB behind a door, and the name of the database there.

    While that door is shut, what is acknowledged stands in the journal and nowhere else.
    """
    database = folder.name
    async with Door(shared_influxdb().port, only="/write") as door:
        url = f"http://127.0.0.1:{door.port}"
        store = {"type": "influx", "url": url, "database": database, "generation": "1", "safety": "0s"}
        async with scene(folder, mosquitto(folder), store=[store]) as here:
            here.publish()
            await here.more_acknowledged(500)
            await here.until(lambda told: told["stored_rows"] > 0, "stored nothing")
            door.set(faulty.hangs_up)
            yield here, door, database


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_damaged_batch_is_told_by_its_number_and_nothing_after_it_is_skipped(
    seed: int, tmp_path: Path, record: Recorder
) -> None:
    async with behind(tmp_path) as (here, door, database):
        await here.more_acknowledged(1_500)
        await here.finished()
        journal, backup = here.service.data_dir / "journal.sqlite", tmp_path / "backup.sqlite"
        taken = (await here.ingest())["stores"][0]["position"]
        here.service.kill()
        _fold(journal)
        shutil.copy(journal, backup)
        batches = await in_journal(backup)
        bad = Random(seed).choice([number for number, rows in batches.items() if rows and number > taken])
        _damage(journal, bad, Random(seed))
        door.set(None)
        here.service.launch()
        assert await here.gave_up() > 0
        assert f"batch {bad} of the journal {journal} is damaged" in here.service.tail(1_000)
        assert "Traceback" not in here.service.told()
        after = {row for number, rows in batches.items() if number >= bad for row in rows}
        assert not after & set(await in_influxdb(shared_influxdb().port, database))
        here.service.kill()
        shutil.copy(backup, journal)  # which is what the message asks for
        here.service.launch()
        told = await here.all_stored()
        stored = await in_influxdb(shared_influxdb().port, database)
        count = whole(Ledger(here.load.account, GPUS, stored))
    record(count, told)


@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_newest_pages_are_told_with_exactly_what_is_lost_and_the_service_goes_on(
    seed: int, tmp_path: Path, record: Recorder
) -> None:
    async with behind(tmp_path) as (here, door, database):
        await here.more_acknowledged(1_500)
        log = here.service.data_dir / "journal.sqlite-wal"
        while len(_frames(log)) < 40:  # it was begun anew only now
            await here.more_acknowledged(100)
        here.service.kill()
        before = await _as_read(here.service.data_dir, tmp_path / "before")
        _damage_log(log, Random(seed))
        left = await _as_read(here.service.data_dir, tmp_path / "left")
        door.set(None)
        here.service.launch()
        await here.service.until(here.service.ready, "did not go on")
        first = await here.ingest()
        await here.more_acknowledged(1_500)
        await here.finished()
        told = await here.all_accounted()
        await here.stopped()
        stored = await in_influxdb(shared_influxdb().port, database)
        count = Ledger(here.load.account, GPUS, stored).total
    gone = {row for number in before.keys() - left.keys() for row in before[number]}
    assert left.keys() < before.keys()
    # The mark follows the commit, and the acknowledgement the mark: the newest batch may have had neither.
    assert len(before) - len(left) - first["journal"]["lost"] in (0, 1)
    assert first["journal"]["lost_at"] is not None
    assert '"event": "journal_ends_early"' in here.service.told()
    # The newest of it may not have been acknowledged yet: then the broker sent it again.
    assert 0 < GPUS * count.lost <= len(gone)
    assert GPUS * count.lost == len(gone - set(stored))
    assert count.duplicated == 0
    assert told["missed"] == count.missing == count.lost
    record(count, told)


async def _as_read(data_dir: Path, copy: Path) -> dict[int, list[StoredRow]]:
    """The rows of the batches that a start would find now, by position."""
    await asyncio.to_thread(shutil.copytree, data_dir, copy)
    _fold(copy / "journal.sqlite")
    return await in_journal(copy / "journal.sqlite")


def _fold(journal: Path) -> None:
    """Bring the write-ahead log of a journal that no process has open into its file."""
    with closing(sqlite3.connect(journal)) as file:
        busy, _, _ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not busy


def _frames(log: Path) -> list[int]:
    """Where the frames of the write-ahead log begin that SQLite would replay."""
    raw = log.read_bytes()
    return [at for at in range(32, len(raw) - FRAME + 1, FRAME) if raw[at + 8 : at + 16] == raw[16:24]]


def _damage_log(log: Path, random: Random) -> None:
    """Overwrite some bytes in the older half of the frames that are not folded in yet."""
    frames = _frames(log)
    with log.open("r+b") as file:
        file.seek(frames[random.randrange(len(frames) // 2)] + random.randrange(100, PAGE))
        file.write(random.randbytes(16))


def _damage(journal: Path, position: int, random: Random) -> None:
    """Overwrite some bytes of one batch, as a failing disk would."""
    with closing(sqlite3.connect(journal)) as file:
        (payload,) = file.execute("SELECT payload FROM entry WHERE position = ?", [position]).fetchone()
    whole = journal.read_bytes()
    pieces = [payload[at : at + 32] for at in range(0, len(payload) - 32, 32)]
    its_own = [piece for piece in pieces if whole.count(piece) == 1]  # no page ends in it, no other has it
    with journal.open("r+b") as raw:
        raw.seek(whole.index(random.choice(its_own)))
        raw.write(random.randbytes(16))


async def test_an_image_of_the_disk_in_full_work_is_a_good_start(tmp_path: Path, record: Recorder) -> None:
    async with scene(tmp_path, mosquitto(tmp_path)) as here:
        here.publish()
        for number in range(2):
            await here.more_acknowledged(1_000)
            image = tmp_path / f"image-{number}"
            with here.frozen():
                await asyncio.to_thread(shutil.copytree, here.service.data_dir, image)
                here.service.kill()
            await asyncio.to_thread(shutil.rmtree, here.service.data_dir)
            image.rename(here.service.data_dir)
            here.service.launch()
            await here.service.until(here.service.ready, "did not start on the image")
        await here.finished()
        told = await here.all_stored()
        count = whole(await here.ledger())
    assert told["missed"] == told["session_gaps"] == 0
    record(count, told)
