"""A repair asks for what is late and little more, and for no more at once than memory is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from runtime.clock import from_ms
from telemetry.catalogue import GPU, GRID, METER, Measurement
from telemetry.frame import Frame, Ints
from telemetry.rollup import MINUTE_MS, ROLLUPS
from telemetry.rollups.scope import MOST_ROWS, Scope, Scopes
from telemetry.rollups.steps import Steps, keys_of
from telemetry.series import SeriesRegistry
from telemetry.share import Share
from telemetry.store import SeriesQuery, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.frames import T0
from tests.fakes.rolling import Rig, running

HALLS = [f"h{n}" for n in range(10)]


def hall(registry: SeriesRegistry, name: str, gpus: int = 10_000) -> Ints:
    """The GPUs of a hall: 8 a node, 32 nodes a rack; nodes are named by rack."""
    labels = (("gdansk", name, f"r{k // 256}", f"n{k // 8 % 32}", str(k % 8)) for k in range(gpus))
    return np.array([registry.id(GPU, one) for one in labels], dtype=np.int32)


@pytest.fixture(scope="module")
def registry() -> SeriesRegistry:
    made = SeriesRegistry()
    for name in HALLS:
        hall(made, name)
    for zone in ("PL", "LT"):
        made.id(GRID, (zone,))
    for k in range(900):
        made.id(METER, ("gdansk", f"m{k}"))
    return made


def let_through(registry: SeriesRegistry, measurement: Measurement, scope: Scope) -> list[int]:
    return registry.matching(measurement, scope.where)


def check(registry: SeriesRegistry, measurement: Measurement, wanted: Sequence[int]) -> list[Scope]:
    """All that is wanted is asked for once, and what a scope promises is true."""
    scopes = Scopes(registry).of(measurement, np.array(wanted, dtype=np.int32))
    assert sorted(int(one) for scope in scopes for one in scope.series) == sorted(wanted)
    for scope in scopes:
        found = let_through(registry, measurement, scope)
        assert set(scope.series.tolist()) <= set(found)
        assert len(found) <= scope.most
        assert scope.longest * len(found) <= MOST_ROWS
    return scopes


def test_a_hall_is_asked_for_by_its_name(registry: SeriesRegistry) -> None:
    (scope,) = check(registry, GPU, hall(registry, "h3").tolist())
    assert len(let_through(registry, GPU, scope)) == len(scope.series) == 10_000


def test_a_few_series_are_asked_for_by_all_of_their_names(registry: SeriesRegistry) -> None:
    (scope,) = check(registry, GPU, hall(registry, "h3").tolist()[5:8])
    assert len(let_through(registry, GPU, scope)) == 3
    assert scope.longest > 50_000


def test_all_gpus_are_asked_for_together_in_short_spans(registry: SeriesRegistry) -> None:
    every = [int(one) for name in HALLS for one in hall(registry, name)]
    (scope,) = check(registry, GPU, every)
    assert scope.longest == 2


def test_one_gpu_of_every_rack_takes_few_questions_for_few_rows(registry: SeriesRegistry) -> None:
    ones = [int(one) for name in HALLS for one in hall(registry, name)[::256]]
    scopes = check(registry, GPU, ones)
    assert sum(len(let_through(registry, GPU, scope)) for scope in scopes) == len(ones)
    assert len(scopes) <= len(HALLS)


def test_series_of_two_halls_do_not_bring_in_the_halls_between(registry: SeriesRegistry) -> None:
    scopes = check(registry, GPU, [*hall(registry, "h1").tolist(), *hall(registry, "h8").tolist()])
    assert sum(len(let_through(registry, GPU, scope)) for scope in scopes) == 20_000


def test_meters_and_zones_have_no_places_to_be_asked_by(registry: SeriesRegistry) -> None:
    meters = registry.matching(METER, {})
    check(registry, METER, meters[:700])
    check(registry, METER, meters[:2])
    check(registry, GRID, registry.matching(GRID, {"zone": ["PL"]}))
    assert Scopes(registry).of(METER, np.zeros(0, np.int32)) == []


def test_every_series_is_asked_for_hall_by_hall_once_they_are_too_many() -> None:
    registry = SeriesRegistry()
    for name in ("h1", "h2"):
        hall(registry, name, MOST_ROWS // 2 + 5000)
    scopes = Scopes(registry).every(GPU)
    assert [scope.where["hall"] for scope in scopes] == [["h1"], ["h2"]]
    assert [scope.most for scope in scopes] == [MOST_ROWS // 2 + 5000] * 2
    assert Scopes(registry).every(METER) == []


def test_of_a_shared_store_every_series_is_little_more_than_what_is_told_here() -> None:
    registry = SeriesRegistry(share=Share("one", lambda source: "/h1/" in source, lambda _: False))
    for name in ("h1", "h2"):
        hall(registry, name, 16)
        registry.id(ROLLUPS["hall_1m"], ("gdansk", name))
    (scope,) = Scopes(registry).every(GPU)
    assert (scope.where["site"], scope.where["hall"]) == (["gdansk"], ["h1"])
    (scope,) = Scopes(registry).every(ROLLUPS["hall_1h"])
    assert scope.where["hall"] == ["h1"]


def test_spans_are_no_longer_than_asked_and_leave_out_long_gaps() -> None:
    minutes = np.array([0, 1, 2, 3, 4, 200, 201], dtype=np.int64)
    keys = np.unique(keys_of(np.full(7, 3, np.int32), T0 + minutes * MINUTE_MS, MINUTE_MS))
    spans = [((a - T0) // MINUTE_MS, (b - T0) // MINUTE_MS) for a, b in Steps(keys, MINUTE_MS).spans(2)]
    assert spans == [(0, 2), (2, 4), (4, 5), (200, 202)]


MINUTES = 21
"""More than one answer may hold of ten thousand GPUs."""


class CountingStore(DuckDBStore):
    """Notes how many rows each answer has."""

    answers: list[int]

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps."""
        table = await super().window(query)
        self.answers.append(table.num_rows)
        return table


class CountingRig(Rig):
    """A rig whose store counts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers: list[int] = []
        store = CountingStore(DuckDBOptions(), self.registry, folder)
        store.answers = self.answers
        self.store, self.reader = store, self._follower(store)


async def test_ten_thousand_late_gpus_of_one_hall_are_repaired_by_small_answers(tmp_path: Path) -> None:
    house = CountingRig(tmp_path)
    async with running(house):
        early = np.concatenate([hall(house.registry, name) for name in ("h1", "h2")])
        late = hall(house.registry, "h0")
        for minute in (0, 12, 120):
            await house.journal.append([_told(early, minute)])
        await house.settle()
        house.answers.clear()
        for minute in range(MINUTES):
            await house.journal.append([_told(late, minute)])
        await house.reach()
        await house.rollups.tend()
        await house.reach()
        most, asked = max(house.answers), sum(house.answers)
        assert most <= MOST_ROWS
        # Six questions for minutes and six for hours; what groups answer is next to nothing.
        assert asked < 1.1 * 6 * len(late) * (MINUTES + 1)
        table = await house.store.window(_minutes_told())
        assert table["power_w_count"].to_pylist() == [MINUTES * len(late) + 2 * len(early)]


def _told(series: Ints, minute: int) -> Frame:
    at_ms = np.full(len(series), T0 + minute * MINUTE_MS + 5, dtype=np.int64)
    return Frame(GPU, series, at_ms, {"power_w": np.full(len(series), 500.0)})


def _minutes_told() -> WindowQuery:
    span = from_ms(T0), from_ms(T0 + 60 * MINUTE_MS)
    select = SeriesQuery(ROLLUPS["gpu_1m"], *span, {}, ("power_w_count",))
    return WindowQuery(select, timedelta(hours=1), "sum", ())
