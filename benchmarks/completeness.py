"""What the completeness ledger costs a message: ``python -m benchmarks.completeness``.

12,500 nodes of 8 GPUs, one message each a second, in batches as they come at that rate. Each part is run
alone and its CPU time divided by the messages; what is done once a minute is divided by those of a minute.
The sum is held against what decoding such a message takes in the same process: a ratio that a slow or busy
machine hardly changes. Then the memory that the ledger takes with 100,000 and with 1,000,000 sources, unless
``--no-memory``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import process_time

import numpy as np

from benchmarks.decode import FORMS, microseconds
from benchmarks.figure import Figure, tell
from runtime.clock import ManualClock, from_ms
from telemetry.arrow import encode
from telemetry.batch import Batch
from telemetry.catalogue import GPU, METER
from telemetry.completeness import Completeness
from telemetry.completeness_stored import StoredHours
from telemetry.counted import ALL, Count
from telemetry.follower import Follower
from telemetry.frame import Frame
from telemetry.intake import COMPLETENESS, INTAKE
from telemetry.intake_account import IntakeAccount, Judged
from telemetry.journal import Journal
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

SOURCES = 12_500
GPUS = 8
BATCH = 2_500
T0 = 1_764_547_200_000
MINUTE = 60 * SOURCES


class Bench:
    """A ledger over a journal and a DuckDB store in ``folder``, fed by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(from_ms(T0 + 1_800_000))
        self.registry = SeriesRegistry()
        self.journal = Journal(folder / "journal.sqlite", self.registry, wall=self.clock)
        self.store = DuckDBStore(DuckDBOptions(), self.registry, folder)

    async def open(self) -> None:
        """Open journal and store, and the ledger over them."""
        await self.journal.open()
        await self.store.open()
        self.account = IntakeAccount(self.registry, Quality(self.registry, wall=self.clock))
        self.reader = Follower(self.journal, self.store)
        stored = StoredHours(self.store, self.account.sources)
        self.ledger = Completeness(self.journal, self.reader, stored, self.account, self.clock)
        await self.ledger.open()

    def gpu_batch(self, second: int, first: int) -> tuple[Batch, Judged]:
        """A message of each of :data:`BATCH` nodes from ``first`` on, as decoder and quality leave them."""
        nodes = np.arange(first, first + BATCH) % SOURCES
        series = (nodes[:, None] * GPUS + np.arange(GPUS)).ravel()
        at_ms = np.full(BATCH * GPUS, T0 + 1000 * second, dtype=np.int64)
        columns = {name: np.random.default_rng(1).normal(700, 9, len(series)) for name in GPU.field_names}
        frame = Frame(GPU, series.astype(np.int32), at_ms, columns)
        told = (nodes * GPUS).tolist()
        batch = Batch(received=BATCH, told=told, told_ms=[T0 + 1000 * second] * BATCH)
        batch.counted = {number: Count(second, ALL, T0 + 1000 * second) for number in told}
        late = [np.zeros(len(frame), dtype=np.bool_)]
        return batch, Judged([], [frame], late, np.zeros(0, dtype=np.int32))


def spent(work: Callable[[], object], repeat: int) -> float:
    """CPU seconds of one call."""
    start = process_time()
    for _ in range(repeat):
        work()
    return (process_time() - start) / repeat


async def hot_path(bench: Bench) -> dict[str, float]:
    """Microseconds a message of each part."""
    for node in range(SOURCES):
        for gpu in range(GPUS):
            bench.registry.id(GPU, ("gdansk", "a", f"r{node // 40}", f"n{node}", str(gpu)))
    batches = [bench.gpu_batch(n * BATCH // SOURCES, n * BATCH) for n in range(60)]
    found = {"by source and hour, and its cadence": counting(bench, batches)}
    found["publishers' own counts"] = remembering(bench, batches)
    batch, judged = batches[50]
    account = bench.account.frame(batch, judged)
    assert account is not None
    entry = [account, *judged.frames]
    with_it = spent(lambda: encode(entry), 40)
    found["into the journal's entry"] = (with_it - spent(lambda: encode(entry[1:]), 40)) / BATCH
    found["read from the journal"] = await reading(bench, entry)
    start = process_time()
    for _ in range(100):
        await bench.ledger.append([account], 1)
    found["summed into the hour"] = (process_time() - start) / 100 / BATCH
    found["written each minute"], found["stored each minute"] = await a_minute(bench, batches[:5])
    return {name: 1e6 * seconds for name, seconds in found.items()}


def counting(bench: Bench, batches: list[tuple[Batch, Judged]]) -> float:
    """Seconds of the account and of learning from it, a message, once all sources are known."""
    for batch, judged in batches:
        bench.account.frame(batch, judged)
        bench.account.heard(batch)
    turn = iter(batches)

    def one() -> None:
        batch, judged = next(turn)
        bench.account.frame(batch, judged)
        bench.account.heard(batch)

    return spent(one, len(batches)) / BATCH


def remembering(bench: Bench, batches: list[tuple[Batch, Judged]]) -> float:
    """Seconds, a message, of making ready for the disk how far its publisher has counted."""
    turn = iter(batches)
    return spent(lambda: bench.account.counts.seen(next(turn)[0].counted), len(batches)) / BATCH


async def reading(bench: Bench, entry: list[Frame]) -> float:
    """Seconds, a message, for a follower that wants nothing else."""
    before = bench.journal.head
    for _ in range(20):
        await bench.journal.append(entry)
    start = process_time()
    for position in range(before, before + 20):
        (found,) = await bench.journal.read(position, 1, INTAKE.name.__eq__)
        assert len(found.frames) == 1
    return (process_time() - start) / 20 / BATCH


async def a_minute(bench: Bench, batches: list[tuple[Batch, Judged]]) -> tuple[float, float]:
    """Seconds, a message, for what is done once a minute with every source: by the ledger, by the store."""
    for again in (False, True):  # the first time rows are new, later they are overwritten
        position = bench.journal.head
        start = process_time()
        for batch, judged in batches:
            frame = bench.account.frame(batch, judged)
            assert frame is not None
            await bench.ledger.append([frame], bench.journal.head)
        await bench.ledger.tend()
        written = process_time() - start
        start = process_time()
        for one in await bench.journal.read(position, wanted=COMPLETENESS.name.__eq__):
            await bench.store.append(one.frames, one.position)
        stored = process_time() - start
        assert bench.journal.head > position, again
    return written / MINUTE, stored / MINUTE


async def memory(bench: Bench, sources: int) -> float:
    """MB taken by so many sources that each spoke in each of three hours."""
    ids = [bench.registry.id(METER, ("gdansk", f"m{n}")) for n in range(sources)]
    tracemalloc.start()
    for hour in range(3):
        for first in range(0, sources, 50_000):
            told = ids[first : first + 50_000]
            batch = Batch(received=len(told), told=told, told_ms=[T0 + 3_600_000 * hour] * len(told))
            series = np.array(told, dtype=np.int32)
            rows = Frame(METER, series, np.full(len(told), T0 + 3_600_000 * hour), {})
            late = [np.zeros(len(told), dtype=np.bool_)]
            frame = bench.account.frame(batch, Judged([], [rows], late, series[:0]))
            assert frame is not None
            bench.account.heard(batch)
            await bench.ledger.append([frame], 1)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / (1 << 20)


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A ledger of its own, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(Path(folder))
        await made.open()
        try:
            yield made
        finally:
            await made.store.close()
            await made.journal.close()


async def main(with_memory: bool) -> None:
    """Print what each part costs, and the memory if wanted."""
    async with bench() as made:
        parts = await hot_path(made)
    for name, cost in parts.items():
        sys.stdout.write(f"{name:38} {cost:6.3f} µs a message\n")
    whole, decoding = sum(parts.values()), microseconds(*FORMS["8 GPUs, JSON objects"])
    sys.stdout.write(f"{'all of it':38} {whole:6.3f} µs a message\n")
    value = f"{whole / decoding:.2f} of what decoding the message takes ({whole:.2f} and {decoding:.2f} µs)"
    tell([Figure("completeness ledger, CPU per message", "none set", value, None)])
    for sources in (100_000, 1_000_000) if with_memory else ():
        async with bench() as made:
            made.clock.advance(timedelta(hours=3))
            sys.stdout.write(f"{sources:>9,} sources: {await memory(made, sources):7.1f} MB\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-memory", dest="with_memory", action="store_false")
    asyncio.run(main(parser.parse_args().with_memory))
