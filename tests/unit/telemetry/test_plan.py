"""Questions answered from rollups say what the readings say, and ask for few rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import from_ms
from telemetry.catalogue import GPU, METER, Measurement
from telemetry.plan import Split, legs, one_process
from telemetry.planned import PlannedStore
from telemetry.rollup import HOUR_MS, MINUTE_MS
from telemetry.store import Aggregate, SeriesQuery, WindowQuery
from tests.fakes.frames import T0, Row
from tests.fakes.rolling import rig

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AGGREGATES: tuple[Aggregate, ...] = ("mean", "min", "max", "last", "count", "first", "sum")


def ask(
    measurement: Measurement = GPU,
    span: tuple[float, float] = (0, 10 * 3600),
    step: timedelta = MINUTE,
    aggregate: Aggregate = "mean",
    group: tuple[str, ...] | None = None,
) -> WindowQuery:
    start, end = (from_ms(T0 + round(1000 * s)) for s in span)
    return WindowQuery(SeriesQuery(measurement, start, end, {}, ("power_w",)), step, aggregate, group)


def planned(query: WindowQuery, split: bool = False) -> list[Any]:
    """Name of the rows and seconds of each leg, when minutes are whole up to 09:30 and hours up to 09:00."""
    upto = {MINUTE_MS: T0 + 34_200_000, HOUR_MS: T0 + 32_400_000}
    return [
        (
            leg.rollup.measurement.name if leg.rollup else "-",
            (leg.start_ms - T0) / 1000,
            (leg.end_ms - T0) / 1000,
        )
        for leg in legs(query, lambda rollup: (T0, upto[rollup.step_ms]), lambda _: split)
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (ask(step=MINUTE), [("gpu_1m", 0, 34_200), ("-", 34_200, 36_000)]),
        (ask(step=HOUR), [("gpu_1h", 0, 32_400), ("gpu_1m", 32_400, 34_200), ("-", 34_200, 36_000)]),
        (ask(step=timedelta(minutes=5)), [("gpu_1m", 0, 34_200), ("-", 34_200, 36_000)]),
        (ask(step=timedelta(days=1), span=(0, 7200)), [("gpu_1h", 0, 7200)]),
        (ask(step=timedelta(seconds=90)), [("-", 0, 36_000)]),
        (ask(aggregate="sum"), [("-", 0, 36_000)]),
        (ask(group=("site",)), [("site_1m", 0, 34_200), ("-", 34_200, 36_000)]),
        (ask(group=("rack", "hall", "site"), span=(0, 60)), [("rack_1m", 0, 60)]),
        (ask(group=("hall", "site"), span=(0, 60)), [("hall_1m", 0, 60)]),
        (ask(group=("hall",), span=(0, 60)), [("hall_1m", 0, 60)]),
        (ask(group=(), step=HOUR, span=(0, 3600)), [("hall_1h", 0, 3600)]),
        (ask(METER, group=(), span=(0, 60)), [("meter_1m", 0, 60)]),
        (ask(group=("rack",), span=(0, 60)), [("gpu_1m", 0, 60)]),
        (ask(group=("site",), aggregate="max", span=(0, 60)), [("gpu_1m", 0, 60)]),
        (ask(group=("site",), step=timedelta(minutes=5), span=(0, 600)), [("gpu_1m", 0, 600)]),
        (ask(METER, group=("site",), span=(0, 60)), [("meter_1m", 0, 60)]),
        (ask(span=(30, 150)), [("-", 30, 60), ("gpu_1m", 60, 120), ("-", 120, 150)]),
        (ask(span=(-120, 60)), [("-", -120, 0), ("gpu_1m", 0, 60)]),
        (ask(span=(40_000, 40_060)), [("-", 40_000, 40_060)]),
    ],
)
def test_the_coarsest_rows_that_tell_it_exactly(query: WindowQuery, found: list[Any]) -> None:
    assert planned(query) == found


def test_only_a_group_that_the_labels_choose_wholly_is_taken_from_its_own_rows() -> None:
    select = ask(group=("site",)).select
    for where, name, when_split in (
        ({"site": ("g",)}, "site_1m", "hall_1m"),
        ({"hall": ("a",)}, "hall_1m", "hall_1m"),
        ({"rack": ("r1",)}, "gpu_1m", "gpu_1m"),
    ):
        narrowed = SeriesQuery(select.measurement, select.start, select.end, where, select.fields)
        query = WindowQuery(narrowed, MINUTE, "mean", ("site",))
        assert (planned(query)[0][0], planned(query, split=True)[0][0]) == (name, when_split)


def test_only_sites_that_are_asked_for_need_rows_of_their_own() -> None:
    select = ask(group=("site",)).select
    asked: list[Any] = []
    for where in ({}, {"site": ("g", "k")}):
        narrowed = SeriesQuery(select.measurement, select.start, select.end, where, select.fields)
        legs(WindowQuery(narrowed, MINUTE, "mean", ("site",)), lambda _: (0, 0), asked.append)  # type: ignore[arg-type]
    assert asked == [None, ("g", "k")]


def _gpu(rack: int, gpu: int, hall: str = "a") -> tuple[str, ...]:
    return ("gdansk", hall, f"r{rack}", "n1", str(gpu))


ROWS = st.lists(
    st.tuples(
        st.builds(_gpu, st.integers(0, 1), st.integers(0, 1), st.sampled_from("ab")),
        st.integers(0, 360).map(lambda k: 31 * k),
        st.fixed_dictionaries(
            {"util": st.integers(0, 100).map(float)}, optional={"power_w": st.integers(0, 99).map(float)}
        ),
    ),
    min_size=1,
    max_size=60,
)
QUESTION = st.tuples(
    st.tuples(st.integers(0, 190).map(lambda k: 60 * k), st.integers(1, 9000)),
    st.sampled_from([MINUTE, timedelta(minutes=5), HOUR, timedelta(hours=2), timedelta(days=3660)]),
    st.sampled_from(AGGREGATES),
    st.sampled_from([None, (), ("site",), ("hall", "site"), ("hall",), ("site", "hall", "rack"), ("gpu",)]),
)


SPLITS: tuple[Split, ...] = (one_process, lambda _: True)


def rounded(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows]


@given(told=ROWS, questions=st.lists(QUESTION, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_a_planned_answer_is_that_of_the_readings(told: list[Row], questions: list[Any]) -> None:
    async def play(folder: Path) -> None:
        async with rig(folder) as house:
            for k in range(0, len(told), 7):
                await house.put(GPU, *told[k : k + 7])
            await house.put(GPU, (_gpu(0, 0), 11_000, {"util": 1.0}))
            await house.reach()
            await house.rollups.tend()
            await house.reach()
            stores = [PlannedStore(house.store, house.rollups.whole_ms, split) for split in SPLITS]
            for (start, length), step, aggregate, group in questions:
                query = ask(GPU, (start, start + length), step, aggregate, group)
                for fields in (("power_w",), ("temp_c", "util")):
                    select = SeriesQuery(GPU, query.select.start, query.select.end, {}, fields)
                    asked = WindowQuery(select, step, aggregate, group)
                    wanted = await house.store.window(asked)
                    for store in stores:
                        found = await store.window(asked)
                        assert found.column_names == wanted.column_names
                        assert rounded(found.to_pylist()) == rounded(wanted.to_pylist())

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def test_the_default_store_tells_the_same_from_rollups_as_from_readings(tmp_path: Path) -> None:
    async with rig(tmp_path, duckdb=True) as house:
        rows: list[Row] = [
            (_gpu(k % 2, k % 3), 7 * k, {"power_w": float(k % 13), "util": float(k % 5), "energy_j": 9.0 * k})
            for k in range(1500)
        ]
        for k in range(0, len(rows), 100):
            await house.put(GPU, *rows[k : k + 100], *rows[k : k + 3])
        await house.put(GPU, (_gpu(0, 0), 3, {"power_w": 99.0}), (_gpu(0, 1), 4000, {"power_w": 98.0}))
        await house.reach()
        await house.rollups.tend()
        await house.reach()
        store = PlannedStore(house.store, house.rollups.whole_ms)
        for aggregate in ("mean", "min", "max", "last", "count"):
            for step, group in ((MINUTE, ("site",)), (HOUR, None), (HOUR, ("site", "hall", "rack"))):
                asked = ask(span=(0, 10_490), step=step, aggregate=aggregate, group=group)
                assert len(legs(asked, house.rollups.whole_ms)) > 1
                found, wanted = await store.window(asked), await house.store.window(asked)
                assert rounded(found.to_pylist()) == rounded(wanted.to_pylist())
        assert (await house.store.counts()).rows == len(rows) + 2


async def test_rows_and_newest_values_are_those_of_the_store(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put(METER, (("g", "m"), 0, {"power_w": 1.0}), (("g", "m"), 90, {"power_w": 2.0}))
        await house.settle()
        store = PlannedStore(house.store, house.rollups.whole_ms)
        query = SeriesQuery(METER, from_ms(T0), from_ms(T0 + HOUR_MS))
        assert (await store.latest(query))["power_w"].to_pylist() == [2.0]
        batches = [batch async for batch in store.raw(query)]
        assert sum(batch.num_rows for batch in batches) == 2
