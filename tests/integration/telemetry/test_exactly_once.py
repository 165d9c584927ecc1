"""Killed again and again between broker and store: every row is there, once, and the counters agree."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.clock import ManualClock, from_ms
from telemetry.batch import Batch
from telemetry.catalogue import GPU
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.ingest import Ingest
from telemetry.journal import Journal, JournalOptions
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.restore import restore
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.store import SeriesQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.frames import T0

NODES, GPUS = 20, 8
ROWS = NODES * GPUS


def second(registry: SeriesRegistry, number: int) -> Batch:
    """What all nodes send in one second; node 0's clock is late by 90 seconds in every tenth."""
    batch = Batch(received=NODES)
    rows = batch.rows(GPU)
    for node in range(NODES):
        late = 90 if node == 0 and number % 10 == 9 else 0
        for gpu in range(GPUS):
            rows.series.append(registry.id(GPU, ("site", "hall", "rack", f"n{node:02}", str(gpu))))
            rows.at_ms.append(T0 + number * 1000 - late * 1000 - late)
            for name, column in rows.columns.items():
                column.append(float(number) if name == "power_w" else float("nan"))
    return batch


async def ingest(folder: Path, first: int, last: int) -> None:
    """Start on ``folder``, commit the seconds ``[first, last)`` and print each; then wait for the store."""
    registry = SeriesRegistry()
    clock = ManualClock(from_ms(T0 + 3_600_000))
    journal = Journal(folder / "journal.sqlite", registry, JournalOptions(), clock)
    await journal.open()
    live = LiveState(registry)
    sources = SourceBook(registry, live)
    store = DuckDBStore(DuckDBOptions(), registry, folder)
    await restore(journal, store, live, sources)
    follower = Follower(journal, store, FollowOptions())
    followers = Followers(journal, [follower], store)
    entrance = Ingest(journal, live, sources, Quality(registry, wall=clock), followers)
    following = asyncio.create_task(followers.run())
    for number in range(first, last):
        await entrance.commit(second(registry, number))
        print("committed", number, flush=True)  # noqa: T201
    await followers.wait_for(journal.head)
    status = await entrance.status()
    rows = SeriesQuery(GPU, from_ms(0), from_ms(T0 + 10**9))
    stored = sum([batch.num_rows async for batch in store.raw(rows)])
    print("stored", stored, status.stored_rows, status.duplicates, status.late, status.received, flush=True)  # noqa: T201
    following.cancel()
    await asyncio.wait([following])
    await store.close()
    await journal.close()


def start(folder: Path, first: int, last: int) -> subprocess.Popen[str]:
    program = (
        "import asyncio, pathlib; from tests.integration.telemetry.test_exactly_once import ingest; "
        f"asyncio.run(ingest(pathlib.Path({str(folder)!r}), {first}, {last}))"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def run_until_killed(folder: Path, first: int, kill_after: int) -> int:
    """Kill it once it reported so many seconds; the last second that it reported as committed."""
    with start(folder, first, 100_000) as process:
        assert process.stdout is not None
        try:
            reported = next(n for n in map(committed, process.stdout) if n >= first + kill_after)
        finally:
            process.send_signal(signal.SIGKILL)
        return max([reported, *map(committed, process.stdout)])


def committed(line: str) -> int:
    """The second that ``line`` reports, -1 for a line of the log."""
    word, _, number = line.partition(" ")
    return int(number) if word == "committed" and line.endswith("\n") else -1


@pytest.mark.parametrize("redelivered", [0, 7])
def test_three_kills_lose_and_double_nothing(tmp_path: Path, redelivered: int) -> None:
    done = -1
    for kill_after in (10, 40, 120):
        # The broker sends again what was not acknowledged: at least the second after the last report.
        done = run_until_killed(tmp_path, max(0, done + 1 - redelivered), kill_after)
    last = done + 30
    with start(tmp_path, max(0, done + 1 - redelivered), last) as process:
        output, _ = process.communicate()
    word, *figures = output.splitlines()[-1].split()
    assert word == "stored"
    in_file, stored, duplicates, late, received = map(int, figures)
    assert in_file == stored == last * ROWS
    assert stored + duplicates == received * GPUS
    assert duplicates >= 3 * redelivered * ROWS
    assert late == len([n for n in range(last) if n % 10 == 9]) * GPUS
