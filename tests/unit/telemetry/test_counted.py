"""Publishers' own counts outlive the process with the batches that moved them, and with nothing else."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.decoders.native import NativeDecoder
from collectors.source import Message
from runtime.clock import ManualClock, from_ms
from runtime.errors import StoreError
from telemetry import counted
from telemetry.batch import Batch
from telemetry.counted import ALL
from telemetry.intake_account import IntakeAccount
from telemetry.journal import Journal
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry
from telemetry.share import Share
from tests.fakes.frames import T0

NODES = tuple(f"gdansk/a/r1/n{n}/gpu" for n in range(3))


class Life:
    """One life of a process: messages are decoded and committed; the counts of others come back from disk."""

    def __init__(self, folder: Path, share: Share | None = None) -> None:
        self.registry = SeriesRegistry() if share is None else SeriesRegistry(share=share)
        self.clock = ManualClock(from_ms(T0))
        self.journal = Journal(folder / "journal.sqlite", self.registry, wall=self.clock)

    async def open(self) -> None:
        await self.journal.open()
        quality = Quality(self.registry, wall=self.clock)
        self.account = IntakeAccount(self.registry, quality, self.journal.seen)
        self.decoder = NativeDecoder(self.registry, counted=self.account.counts.find)

    def decode(self, messages: Sequence[Message]) -> Batch:
        batch = Batch()
        self.decoder.decode(messages, batch, T0)
        return batch

    async def hear(self, messages: Sequence[Message]) -> int:
        """Decode and commit; how many more are missed by that."""
        batch = self.decode(messages)
        await self.journal.append(batch.frames(), seen=self.account.counts.seen(batch.counted))
        return batch.missed


def node(seq: int, at: float | None = None, name: str = NODES[0], first: int = 0) -> Message:
    told = {"ts": T0 + round(1000 * (seq if at is None else at)), "seq": seq}
    gpus = [{"i": i, "power_w": 700.0} for i in range(first, 2)]
    return Message(f"dc/v1/{name}", json.dumps(told | {"gpus": gpus}).encode())


async def lives(folder: Path, *heard: Sequence[Message]) -> list[int]:
    """What is missed in each of several lives, each of one batch and killed after it."""
    missed = []
    for messages in heard:
        life = Life(folder)
        await life.open()
        missed.append(await life.hear(messages))
        await life.journal.close()
    return missed


async def test_a_gap_over_a_restart_is_missed_message_by_message(tmp_path: Path) -> None:
    other = NODES[1]
    first = [node(5), node(6), node(70, name=other)]
    second = [node(9), node(10), node(71, name=other, first=1)]
    assert await lives(tmp_path, first, second, [node(11), node(11)]) == [0, 2, 0]


async def test_what_the_broker_sends_again_after_a_kill_is_no_gap(tmp_path: Path) -> None:
    told = [node(seq) for seq in range(5, 30)]
    assert await lives(tmp_path, told, [*told[10:], node(30)], told) == [0, 0, 0]


async def test_what_was_missed_before_a_kill_may_come_after_it(tmp_path: Path) -> None:
    assert await lives(tmp_path, [node(1), node(2), node(7)], [node(4), node(4), node(8)]) == [4, -1]
    assert await lives(tmp_path, [node(4), node(5), node(9)]) == [-1], "4 was there; 5 comes after all"


async def test_a_publisher_that_begins_anew_while_we_are_away_has_lost_nothing(tmp_path: Path) -> None:
    again = [node(0, at=2000), node(1, at=2001), node(3, at=2003)]
    assert await lives(tmp_path, [node(1000), node(1001)], again, [node(4, at=2004)]) == [0, 1, 0]


async def test_what_was_not_committed_was_never_seen(tmp_path: Path) -> None:
    life = Life(tmp_path)
    await life.open()
    await life.hear([node(1)])
    life.decode([node(2), node(3)])
    await life.journal.close()
    assert await lives(tmp_path, [node(2), node(4)]) == [1]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), kills=st.sets(st.integers(1, 60), max_size=6), small=st.booleans())
def test_kills_change_no_count(seed: int, kills: set[int], small: bool) -> None:
    random = Random(seed)
    stream = [
        node(seq, name=name)
        for seq in range(100, 160)
        for name in NODES
        for _ in range(random.choice([0, 1, 1, 1, 2]))
    ]
    for place in range(0, len(stream) - 9, 7):  # late and repeated ones
        stream.insert(place + random.randrange(9), stream[place])
    batches = [stream[k : k + 3] for k in range(0, len(stream), 3)]

    async def missed(folder: Path, ends: set[int]) -> list[int]:
        found, life = [], Life(folder)
        await life.open()
        for number, batch in enumerate(batches):
            if number in ends:
                await life.journal.close()
                life = Life(folder)
                await life.open()
            found.append(await life.hear(batch))
        await life.journal.close()
        return found

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as one, TemporaryDirectory() as other:
        if small:
            patch.setattr(counted, "WHOLE_BYTES", 3_000)
            patch.setattr(counted, "WHOLE_TIMES", 0)
        assert asyncio.run(missed(Path(one), kills)) == asyncio.run(missed(Path(other), set()))


async def test_what_is_written_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "WHOLE_BYTES", 20_000)
    life = Life(tmp_path)
    await life.open()
    for seq in range(200):
        await life.hear([node(seq)])
    await life.journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as file:
        parts, size = file.execute("SELECT count(*), sum(length(payload)) FROM seen").fetchone()
    assert 1 <= parts < 60
    assert size <= 20_000 + 10 * counted.WHOLE_TIMES * 1_000


async def test_what_another_process_took_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    assert await lives(tmp_path, [node(1), node(1, name=NODES[1])]) == [0]
    life = Life(tmp_path, Share("one", lambda source: source == NODES[1]))
    await life.open()
    assert life.account.counts.find(NODES[0]) is None
    assert life.account.counts.find(NODES[1]) is not None
    await life.hear([node(2, name=NODES[1])])
    await life.journal.close()
    assert await lives(tmp_path, [node(500), node(501), node(4, name=NODES[1])]) == [1]


@pytest.mark.parametrize("seq", [2**53 + 1, 2**64 - 1, -(2**60)])
async def test_numbers_that_are_no_counts_are_not_followed(seq: int, tmp_path: Path) -> None:
    assert await lives(tmp_path, [node(seq, at=1), node(seq + 5, at=2)], [node(seq + 9, at=3)]) == [0, 0]


async def test_damaged_counts_are_begun_anew_and_nothing_else_suffers(tmp_path: Path) -> None:
    assert await lives(tmp_path, [node(1)]) == [0]
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as file, file:
        file.execute("UPDATE seen SET payload = zeroblob(50)")
    assert await lives(tmp_path, [node(9)], [node(11)]) == [0, 1]


async def test_bytes_that_are_no_counts_are_told(tmp_path: Path) -> None:
    life = Life(tmp_path)
    await life.open()
    with pytest.raises(StoreError, match="counts"):
        life.account.counts.restore([b"nonsense"])
    await life.journal.close()


def test_a_count_that_lacks_none_takes_no_room_of_its_own() -> None:
    life = Life(Path("/nowhere"))
    account = IntakeAccount(life.registry, Quality(life.registry))
    decoder = NativeDecoder(life.registry)
    batch = Batch()
    decoder.decode([node(seq, name=f"gdansk/a/r1/n{n}/gpu") for seq in (7, 8) for n in range(500)], batch, T0)
    assert {one.came for one in batch.counted.values()} == {ALL}
    seen = account.counts.seen(batch.counted)
    assert seen is not None
    assert seen.whole
    assert len(seen.payload) < 10 * 500
