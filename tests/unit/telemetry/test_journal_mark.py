"""SQLite takes a damaged page of its log for the end of it; the mark beside the journal knows better."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import ManualClock
from telemetry.journal import Journal, JournalOptions
from telemetry.series import SeriesRegistry
from tests.unit.telemetry.test_journal import NOON, journal, one

PAGE = 4096
FRAME = PAGE + 24
HEAD = 32
"""Bytes before the first frame of a write-ahead log."""


async def killed(folder: Path, image: Path, batches: int) -> None:
    """Leave in ``image`` what a killed process leaves on disk after so many batches."""
    written = journal(folder)
    await written.open()
    await written.append([one(written.registry, 0)], {"received": 1})
    for second in range(1, batches):
        await written.append([one(written.registry, second)], {"received": 1})
    shutil.copytree(folder, image)
    await written.close()


def damage(image: Path, back: int) -> None:
    """Overwrite bytes in the last but ``back`` frame of the log."""
    log = image / "journal.sqlite-wal"
    frames = (log.stat().st_size - HEAD) // FRAME
    with log.open("r+b") as raw:
        raw.seek(HEAD + (frames - 1 - back) * FRAME + 1_000)
        raw.write(b"\xff" * 16)


async def reopened(image: Path) -> Journal:
    made = Journal(image / "journal.sqlite", SeriesRegistry(), JournalOptions(), ManualClock(NOON))
    await made.open()
    return made


async def test_a_killed_journal_lost_nothing(tmp_path: Path) -> None:
    await killed(tmp_path / "one", tmp_path / "image", 9)
    again = await reopened(tmp_path / "image")
    status = again.status()
    assert (status.head, status.lost, status.lost_at) == (9, 0, None)
    await again.close()


@pytest.mark.parametrize("back", [0, 3, 8])
async def test_batches_behind_a_damaged_page_are_counted_as_lost_and_it_goes_on(
    back: int, tmp_path: Path
) -> None:
    await killed(tmp_path / "one", tmp_path / "image", 12)
    damage(tmp_path / "image", back)
    again = await reopened(tmp_path / "image")
    kept, status = again.counters["received"], again.status()
    assert 0 < status.lost == 12 - kept
    assert status.lost_at == NOON
    assert status.head == 12, "stores may have taken what is lost, so no position is given twice"
    assert [entry.position for entry in await again.read(0)] == list(range(1, kept + 1))
    assert await again.append([one(again.registry, 99)], {"received": 1}) == 13
    assert [entry.position for entry in await again.read(kept)] == [13]
    await again.close()
    once_more = await reopened(tmp_path / "image")
    assert (once_more.status().lost, once_more.status().lost_at) == (12 - kept, None), "told once"
    await once_more.close()


async def test_names_do_not_stand_in_the_log_alone(tmp_path: Path) -> None:
    """A lost name would be given to another series, and stores would mix both."""
    written = journal(tmp_path / "one")
    await written.open()
    for meter in range(5):
        await written.append([one(written.registry, meter, f"m{meter}")])
    for second in range(5, 9):
        await written.append([one(written.registry, second, "m1")])
    names = [written.registry.key(number) for number in range(5)]
    shutil.copytree(tmp_path / "one", tmp_path / "image")
    await written.close()
    log = tmp_path / "image" / "journal.sqlite-wal"
    log.write_bytes(log.read_bytes()[:HEAD] + b"\xff" * (log.stat().st_size - HEAD))
    again = await reopened(tmp_path / "image")
    assert [again.registry.key(number) for number in range(len(again.registry))] == names
    assert again.status().lost == 4
    await again.close()


async def test_a_mark_without_its_journal_means_nothing(tmp_path: Path) -> None:
    await killed(tmp_path / "one", tmp_path / "image", 3)
    for file in (tmp_path / "image").glob("journal.sqlite*"):
        if not file.name.endswith("-head"):
            file.unlink()
    again = await reopened(tmp_path / "image")
    assert (again.head, again.status().lost) == (0, 0)
    await again.close()


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=20))
def test_a_damaged_mark_is_no_loss(data: bytes) -> None:
    async def play(folder: Path) -> None:
        await killed(folder / "one", folder / "image", 2)
        (folder / "image" / "journal.sqlite-head").write_bytes(data)
        again = await reopened(folder / "image")
        assert (again.head, again.status().lost) == (2, 0)
        await again.close()

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def test_a_journal_of_before_has_no_mark(tmp_path: Path) -> None:
    await killed(tmp_path / "one", tmp_path / "image", 3)
    (tmp_path / "image" / "journal.sqlite-head").unlink()
    again = await reopened(tmp_path / "image")
    assert (again.head, again.status().lost) == (3, 0)
    await again.append([one(again.registry, 9)])
    await again.close()
    assert (tmp_path / "image" / "journal.sqlite-head").stat().st_size == 12
