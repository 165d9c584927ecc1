"""A process that takes a part takes no more than that from a store which others write to as well."""

from __future__ import annotations

from pathlib import Path

from runtime.clock import ManualClock, from_ms
from telemetry.catalogue import GPU, GRID, METER
from telemetry.intake import COMPLETENESS, NOBODY, is_nobody, nobody
from telemetry.intake_sources import NOT_ONE, IntakeSources
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.restore import restore
from telemetry.series import SeriesRegistry
from telemetry.share import EVERYTHING, Share
from telemetry.sources import SourceBook
from tests.fakes.frames import T0, frame
from tests.fakes.intake import intake
from tests.fakes.sharing import Server, SharedStore

HALL_A = Share("hall-a", lambda source: source.startswith("g/a/"), lambda site: False)
OURS, THEIRS = ("g", "a", "r1", "n1", "0"), ("g", "b", "r1", "n1", "0")


async def test_only_what_is_told_here_is_restored(tmp_path: Path) -> None:
    server = Server()
    registry = SeriesRegistry(share=HALL_A)
    journal = Journal(tmp_path / "journal.sqlite", registry)
    await journal.open()
    try:
        rows = [(OURS, 0, {"power_w": 1.0}), (THEIRS, 0, {"power_w": 2.0})]
        await server.rows.append([frame(server.registry, GPU, rows)], 1)
        await server.rows.append([frame(server.registry, METER, [(("g", "main"), 1, {"power_w": 3.0})])], 2)
        await journal.append([frame(registry, GPU, [(OURS, 5, {"util": 7.0})])])
        live = LiveState(registry)
        book = SourceBook(registry, live)
        assert await restore(journal, SharedStore(server, registry, "a"), live, book) == 1
    finally:
        await journal.close()
    assert len(registry) == 1
    table = live.table(GPU)
    assert (table.columns["power_w"].tolist(), table.columns["util"].tolist()) == ([1.0], [7.0])
    assert [one.source for one in book.statuses()] == ["g/a/r1/n1/gpu"]


def test_the_book_lists_no_device_that_another_process_takes() -> None:
    registry = SeriesRegistry(share=HALL_A)
    book = SourceBook(registry, LiveState(registry))
    for source in ("g/a/r1/n1/gpu", "g/meter/main"):
        book.expect(source, "gpu", "g")
    book.tell({"g/meter/other": True})
    registry.id(METER, ("g", "before"))  # taken here before the shards were cut anew
    assert [one.source for one in book.statuses()] == ["g/a/r1/n1/gpu"]


def test_places_are_those_of_what_is_told_here() -> None:
    registry = SeriesRegistry(share=HALL_A)
    for labels in (OURS, THEIRS, ("g", "a", "r2", "n9", "1")):
        registry.id(GPU, labels)
    assert registry.places(GPU) == {"site": ["g"], "hall": ["a"]}
    registry.id(METER, ("g", "main"))
    registry.id(GRID, ("PL",))
    assert (registry.places(METER), registry.places(GRID)) == ({"site": []}, {})
    whole = SeriesRegistry()
    whole.id(GPU, OURS)
    assert whole.places(GPU) == {}


def test_each_process_has_a_nobody_of_its_own() -> None:
    registry = SeriesRegistry(share=HALL_A)
    sources = IntakeSources(registry, lambda number, name: None)
    assert sources.name(0) == nobody("hall-a") == "(nobody hall-a)"
    assert registry.find(COMPLETENESS, (NOBODY,)) is None
    assert [sources.ours(name) for name in ("g/a/r1/n1/gpu", "g/meter/main", nobody("rest"))] == [
        1, NOT_ONE, NOT_ONE,
    ]  # fmt: skip
    assert is_nobody(NOBODY)
    assert is_nobody(nobody("rest"))
    assert not is_nobody("g/meter/nobody")


def test_what_others_take_counts_here_as_nobodys() -> None:
    registry = SeriesRegistry(share=HALL_A)
    sources = IntakeSources(registry, lambda number, name: None)
    frames = frame(registry, GPU, [(OURS, 0, {"power_w": 1.0}), (THEIRS, 0, {"power_w": 1.0})])
    assert [sources.name(int(one)) for one in sources.of_series(frames.series)] == [
        "g/a/r1/n1/gpu",
        "(nobody hall-a)",
    ]


def test_everything_is_the_default() -> None:
    assert EVERYTHING.everything
    assert EVERYTHING.has("g/meter/main")
    assert EVERYTHING.knows("g")
    assert nobody(EVERYTHING.name) == NOBODY


async def test_whoever_reads_the_ledger_is_told_of_all_nobodies_as_one(tmp_path: Path) -> None:
    async with intake(tmp_path, ManualClock(from_ms(T0 + 60_000))) as house:
        counts = [
            (NOBODY, {"received": 1.0, "rejected_topic": 1.0}),
            (nobody("hall-a"), {"received": 2.0, "rejected_topic": 1.0, "rejected_undecodable": 1.0}),
            (nobody("rest"), {"session_gaps": 3.0}),
            ("g/meter/main", {"received": 5.0, "expected": 6.0}),
        ]
        rows = [((name,), 0, told) for name, told in counts]
        await house.journal.append([frame(house.registry, COMPLETENESS, rows)], derived=True)
        await house.reach()
        day = from_ms(T0), from_ms(T0 + 86_400_000)
        for only in (None, [""], ["", "g/meter/main"]):
            found = {line.source: line for line in await house.view.lines(*day, only=only)}
            nobodys = found.pop("")
            assert (nobodys.received, nobodys.session_gaps, nobodys.missing) == (3, 3, None)
            assert nobodys.rejected == {"undecodable": 1, "topic": 2}
            assert list(found) == ([] if only == [""] else ["g/meter/main"])
        assert list(house.view.shares(from_ms(T0))) == ["g/meter/main"]
