"""A job whose process is killed in the middle is run again by the next one, and so is what came due since."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import datetime
from pathlib import Path

from runtime import tables  # noqa: F401 - declares the tables that create_all makes
from runtime.clock import ManualClock
from runtime.database import Database
from runtime.schedule import Job, Schedule, every
from tests.eventually import eventually
from tests.integration.working import QUARTER, START

ROOT = Path(__file__).parents[2]


async def test_an_interrupted_job_is_run_again_and_nothing_is_left_out(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await database.create_all()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.working", database.url,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    async with asyncio.timeout(60):
        while (line := await child.stdout.readline()) != b"now\n":
            assert line, "the process ended by itself"
    child.send_signal(signal.SIGKILL)
    await child.wait()

    done: list[datetime] = []

    async def note(due: datetime) -> None:
        done.append(due)

    async def all_done() -> bool:
        return len(done) == 3

    clock = ManualClock(START + 4 * QUARTER)
    schedule = Schedule([Job("settle", every(QUARTER), note)], database, clock, owner="main")
    work = asyncio.create_task(schedule.run())
    await eventually(all_done)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await database.close()
    assert done == [START + n * QUARTER for n in (2, 3, 4)]
