"""Our own disk is full in the middle of a commit, holds damaged pages, or an image of a crash."""

from __future__ import annotations

import asyncio
import resource
import shutil
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.record import Recorder
from tests.acceptance.chaos.scene import GPUS, Scene, scene, whole
from tests.acceptance.chaos.stored import in_duckdb
from tests.servers.mosquitto import mosquitto
from tests.servers.process import free_port

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


@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_pages_of_the_journal_are_told_and_what_is_stored_stays_whole(
    seed: int, tmp_path: Path, record: Recorder
) -> None:
    away = {"type": "influx", "url": f"http://127.0.0.1:{free_port()}", "generation": "1"}
    stores = [{"type": "duckdb"}, away]  # what is away holds the batches back in the journal
    async with scene(tmp_path, mosquitto(tmp_path), store=stores) as here:
        here.publish()
        await here.more_acknowledged(1_500)
        await here.finished()
        told = await here.all_stored()
        await here.stopped()
        _damage(here.service.data_dir / "journal.sqlite", Random(seed))
        here.service.launch()

        async def told_of() -> bool:
            gone = here.service.process is not None and here.service.process.poll() is not None
            return gone or any(word in here.service.told() for word in ("damaged", "malformed", "lacks the"))

        while not await told_of():  # noqa: ASYNC110 - a process that ends sets no event here
            await asyncio.sleep(0.05)
        assert "Traceback" not in here.service.told()
        assert "journal.sqlite" in here.service.tail(2_000)
        here.service.close()
        count = whole(Ledger(here.load.account, GPUS, in_duckdb(here.service.data_dir)))
    record(count, told)


@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_newest_pages_are_told_with_what_may_be_lost_and_the_service_goes_on(
    seed: int, tmp_path: Path, record: Recorder
) -> None:
    async with scene(tmp_path, mosquitto(tmp_path)) as here:
        here.publish()
        await here.more_acknowledged(1_500)
        log = here.service.data_dir / "journal.sqlite-wal"
        while len(_frames(log)) < 40:  # it was begun anew only now
            await here.more_acknowledged(100)
        here.service.kill()
        _damage_log(log, Random(seed))
        here.service.launch()
        await here.service.until(here.service.ready, "did not go on")
        first = await here.ingest()
        await here.more_acknowledged(1_500)
        await here.finished()
        told = await here.all_accounted()
        ledger = await here.ledger()
    count = ledger.total
    assert first["journal"]["lost"] > 0
    assert first["journal"]["lost_at"] is not None
    assert '"event": "journal_ends_early"' in here.service.told()
    assert count.duplicated == 0, count
    # What a store had taken of it is stored all the same, so no more is lost than is said to be missed.
    assert count.lost <= told["missed"], (count, told)
    record(count, told)


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


def _damage(file: Path, random: Random) -> None:
    """Overwrite some bytes in the last pages of ``file``, as a failing disk would."""
    pages = file.stat().st_size // PAGE
    with file.open("r+b") as raw:
        for back in range(1, 4):
            raw.seek((pages - back) * PAGE + random.randrange(64, PAGE - 64))
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
