"""CPU per message from rows in a builder to the live state, with the journal's commit in the middle.

A message is a node of 8 GPUs with 5 fields each. Prints microseconds of CPU per message for each size of
batch, as told by the process clock over all threads, and the share of the journal in it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.nodes import GPUS, batches
from telemetry.follower import Followers
from telemetry.frame import Frame
from telemetry.ingest import Ingest
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.stores.memory import MemoryOptions, MemoryStore


async def run(nodes: int, messages: int, rounds: int) -> tuple[float, float, float]:
    """CPU µs per message in all, of building frames and journal alone, and journal bytes per row."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SeriesRegistry()
        journal = Journal(Path(folder) / "journal.sqlite", registry)
        await journal.open()
        live = LiveState(registry)
        store = MemoryStore(MemoryOptions(), registry, Path(folder))
        book = SourceBook(registry, live)
        ingest = Ingest(journal, live, book, Quality(registry), Followers(journal, [], store))
        made = batches(registry, nodes, messages, rounds)
        await ingest.commit(made[0])
        before = time.process_time()
        for batch in made[1:]:
            await ingest.commit(batch)
        whole = time.process_time() - before
        frames: list[Sequence[Frame]] = [batch.frames() for batch in made[1:]]
        before = time.process_time()
        for one in frames:
            await journal.append(one)
        alone = time.process_time() - before
        rows = journal.head * messages * GPUS
        size = journal.status().bytes / rows
        assert (await ingest.status()).rejected == {}, "the benchmark's own rows must be plausible"
        await journal.close()
    count = (rounds - 1) * messages
    return whole / count * 1e6, alone / count * 1e6, size


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=12_500)
    parser.add_argument("--messages", type=int, nargs="+", default=[20, 500, 2_500, 12_500])
    parser.add_argument("--total", type=int, default=100_000, help="messages per size of batch, at most")
    options = parser.parse_args()
    print("messages a batch | µs CPU per message | of it journal | journal bytes per row")  # noqa: T201
    for messages in options.messages:
        rounds = max(4, min(400, options.total // messages))
        whole, alone, size = asyncio.run(run(options.nodes, messages, rounds))
        print(f"{messages:16,} | {whole:18.2f} | {alone:13.2f} | {size:.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
