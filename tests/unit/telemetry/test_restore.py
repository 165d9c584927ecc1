"""What a start knows when the store that is read cannot be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.errors import StoreError
from telemetry.catalogue import METER
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.restore import restore
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.store import SeriesQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes.frames import T0, frame

MAIN = ("gdansk", "main-1")


class AwayStore(MemoryStore):
    """A server that cannot be reached: not at all, or only until it is asked something."""

    opens = False
    permanent = False

    async def open(self) -> int:
        if not self.opens:
            raise StoreError("connection refused", permanent=self.permanent)
        return await super().open()

    async def latest(self, query: SeriesQuery) -> object:
        raise StoreError("connection lost", permanent=self.permanent)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """With two batches of which no store has taken any, and a status."""
    made = Journal(tmp_path / "journal.sqlite", SeriesRegistry())
    await made.open()
    for second in (1, 2):
        rows = frame(made.registry, METER, [(MAIN, second, {"power_w": float(second)})])
        await made.append([rows], statuses={"gdansk/meter/main-1": True})
    yield made
    await made.close()


@pytest.mark.parametrize("opens", [False, True])
async def test_the_journal_alone_tells_what_it_can(journal: Journal, tmp_path: Path, opens: bool) -> None:
    live = LiveState(journal.registry)
    sources = SourceBook(journal.registry, live)
    store = AwayStore(MemoryOptions(), journal.registry, tmp_path)
    store.opens = opens
    assert await restore(journal, store, live, sources) == 0
    assert live.value(METER, MAIN, "power_w") == (2.0, T0 + 2000)
    assert live.silent_since(METER) is None
    assert [(s.source, s.online) for s in sources.statuses()] == [("gdansk/meter/main-1", True)]


async def test_a_store_that_waiting_cannot_mend_stops_the_start(journal: Journal, tmp_path: Path) -> None:
    live = LiveState(journal.registry)
    store = AwayStore(MemoryOptions(), journal.registry, tmp_path)
    store.permanent = True
    with pytest.raises(StoreError, match="refused"):
        await restore(journal, store, live, SourceBook(journal.registry, live))


async def test_a_damaged_duckdb_file_stops_the_start(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "telemetry.duckdb").write_bytes(b"nonsense" * 10_000)
    store = DuckDBStore(DuckDBOptions(), journal.registry, tmp_path)
    live = LiveState(journal.registry)
    with pytest.raises(StoreError, match="DuckDB") as caught:
        await restore(journal, store, live, SourceBook(journal.registry, live))
    assert caught.value.permanent
    await store.close()
