"""The book of sources lists who spoke, who should have, and who said goodbye."""

from __future__ import annotations

from runtime.clock import from_ms
from telemetry.catalogue import GPU, METER
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.status import SourceStatus
from tests.fakes.frames import T0, frame


def test_a_node_is_one_source_whatever_its_gpus() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    book = SourceBook(registry, live)
    rows = [(("g", "a", "r", "n", str(i)), float(i % 3), {"power_w": 1.0}) for i in range(8)]
    told = frame(registry, GPU, rows)
    live.update(told)
    book.observe([told, told])
    assert book.statuses() == [SourceStatus("g/a/r/n/gpu", "gpu", "g", from_ms(T0 + 2000), 16)]


def test_a_configured_device_is_listed_before_it_speaks_and_once_after() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    book = SourceBook(registry, live)
    book.expect("g/meter/main-1", "meter", "g")
    assert book.statuses() == [SourceStatus("g/meter/main-1", "meter", "g", None, 0)]
    told = frame(registry, METER, [(("g", "main-1"), 1, {"power_w": 1.0})])
    live.update(told)
    book.observe([told])
    assert book.statuses() == [SourceStatus("g/meter/main-1", "meter", "g", from_ms(T0 + 1000), 1)]


def test_statuses_are_kept_also_of_those_who_never_sent_a_row() -> None:
    registry = SeriesRegistry()
    book = SourceBook(registry, LiveState(registry))
    book.tell({"g/meter/m": True, "grid/PL": True, "g/a/r/n": False})
    book.tell({"g/meter/m": False})
    assert book.statuses() == [
        SourceStatus("g/a/r/n", "", "g", None, 0, False),
        SourceStatus("g/meter/m", "meter", "g", None, 0, False),
        SourceStatus("grid/PL", "grid", None, None, 0, True),
    ]


def test_the_book_grows_with_the_series() -> None:
    registry = SeriesRegistry()
    live = LiveState(registry)
    book = SourceBook(registry, live)
    for n in range(3000):
        registry.id(METER, ("g", f"m{n:04}"))
    late = frame(registry, METER, [(("g", "m2999"), 1, {"power_w": 1.0})])
    book.observe([late])
    live.update(late)
    found = book.statuses()
    assert len(found) == 3000
    assert (found[-1].source, found[-1].received) == ("g/meter/m2999", 1)
    assert found[0].last_at is None


def test_what_nobody_configured_is_told_apart() -> None:
    registry = SeriesRegistry()
    book = SourceBook(registry, LiveState(registry), {"g"})
    book.expect("g/meter/main-1", "meter", "g")
    named = ("g/meter/main-1", "g/weather/roof", "g/cooling/crac", "g/a/r/n/gpu", "grid/PL")
    strange = ("g/meter/mian-1", "g/supply/pv", "berlin/meter/main-1", "berlin/a/r/n/gpu", "berlin/weather/w")
    book.tell(dict.fromkeys((*named, *strange), True))
    assert {s.source for s in book.statuses() if s.configured} == set(named)
    assert {s.source for s in book.statuses() if not s.configured} == set(strange)


def test_messages_without_a_time_mark_their_source() -> None:
    registry = SeriesRegistry()
    book = SourceBook(registry, LiveState(registry))
    book.tell({"g/meter/m": True})
    book.arrival_stands_for({"g/meter/m": 2})
    book.arrival_stands_for({"g/meter/m": 1})
    assert [s.unstamped for s in book.statuses()] == [3]
