"""What every store must do. A new one joins by a function in :data:`HOUSES`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import from_ms
from telemetry.catalogue import GPU, METER, SUPPLY, WEATHER, Measurement
from telemetry.frame import Frame
from telemetry.influx.options import InfluxOptions
from telemetry.rollup import ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import Aggregate, SeriesQuery, Store, StoreCounts, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from telemetry.stores.influx import InfluxStore
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes.frames import T0, Row, frame
from tests.servers.influxdb import shared_influxdb


@dataclass(frozen=True)
class House:
    """Where a store lives: ``make`` opens the same place again and again.

    ``counts_exactly``: it knows which rows it had before. ``durable``: rows outlive the object. ``prunes``:
    it forgets when asked; a server keeps what its own retention says.
    """

    make: Callable[[SeriesRegistry], Store]
    counts_exactly: bool = True
    durable: bool = True
    prunes: bool = True


@contextmanager
def _memory(folder: Path) -> Iterator[House]:
    yield House(lambda registry: MemoryStore(MemoryOptions(), registry, folder), durable=False)


@contextmanager
def _duckdb(folder: Path) -> Iterator[House]:
    yield House(lambda registry: DuckDBStore(DuckDBOptions(), registry, folder))


class Sealing(DuckDBStore):
    """Seals whatever it can after every write: all but what stands in the newest minute."""

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        await super().append(frames, position)
        await self.seal()


@contextmanager
def _sealed(folder: Path) -> Iterator[House]:
    options = DuckDBOptions(seal_after=timedelta(0), seal_rows=1)
    yield House(lambda registry: Sealing(options, registry, folder))


@contextmanager
def _influx(folder: Path) -> Iterator[House]:
    url = f"http://127.0.0.1:{shared_influxdb().port}"
    options = InfluxOptions(url=url, database=f"test-{uuid4().hex}")
    yield House(lambda registry: InfluxStore(options, registry, folder), counts_exactly=False, prunes=False)


HOUSES: Mapping[str, Callable[[Path], AbstractContextManager[House]]] = {
    "memory": _memory,
    "duckdb": _duckdb,
    "duckdb, sealed": _sealed,
    "influx": _influx,
}

IN_PROCESS = ("memory", "duckdb", "duckdb, sealed")
"""Stores that are cheap enough to be made anew for each of many random cases."""


class Bench:
    """A store with a short way to write rows and to read them back."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.registry = SeriesRegistry()
        self.store = house.make(self.registry)
        self.position = 0

    async def put(self, measurement: Measurement, *rows: Row) -> None:
        self.position += 1
        await self.store.append([frame(self.registry, measurement, rows)], self.position)

    async def raw(self, query: SeriesQuery) -> list[dict[str, Any]]:
        batches = [batch async for batch in self.store.raw(query)]
        return pa.Table.from_batches(batches).to_pylist() if batches else []


@pytest.fixture(params=sorted(HOUSES))
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with HOUSES[request.param](tmp_path) as found:
        yield found


@pytest.fixture
async def bench(house: House) -> Any:
    made = Bench(house)
    assert await made.store.open() == 0
    yield made
    await made.store.close()


MAIN, UPS, OTHER = ("gdansk", "main-1"), ("gdansk", "ups-a"), ("kaunas", "main-1")


def at(seconds: float) -> datetime:
    return from_ms(T0 + round(1000 * seconds))


TOLD = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 9)), st.floats(-1e6, 1e6), min_size=1, max_size=30
)


def select(
    measurement: Measurement = METER,
    start: float = 0,
    end: float = 86_400,
    **where: str | Sequence[str],
) -> SeriesQuery:
    accepted = {k: (v,) if isinstance(v, str) else tuple(v) for k, v in where.items()}
    return SeriesQuery(measurement, at(start), at(end), accepted)


def row(labels: tuple[str, str], seconds: float, power: float | None, energy: float | None) -> dict[str, Any]:
    return {
        "site": labels[0],
        "meter": labels[1],
        "at_ms": T0 + round(1000 * seconds),
        "power_w": power,
        "energy_wh": energy,
        "export_wh": None,
    }


async def test_rows_come_back_as_they_were_told_sorted_by_labels_then_time(bench: Bench) -> None:
    await bench.put(
        METER,
        (UPS, 2, {"power_w": 703.1, "energy_wh": 9_007_199_254_740_991.0}),
        (MAIN, 2, {"power_w": -5.5}),
        (OTHER, 1, {"energy_wh": 12.0}),
    )
    await bench.put(METER, (MAIN, 3, {"power_w": 6.0}))
    assert await bench.raw(select()) == [
        row(MAIN, 2, -5.5, None),
        row(MAIN, 3, 6.0, None),
        row(UPS, 2, 703.1, 9_007_199_254_740_991.0),
        row(OTHER, 1, None, 12.0),
    ]


async def test_start_is_inside_and_end_is_not(bench: Bench) -> None:
    await bench.put(METER, *((MAIN, s, {"power_w": float(s)}) for s in range(5)))
    assert [r["power_w"] for r in await bench.raw(select(start=1, end=3))] == [1.0, 2.0]


async def test_labels_and_fields_narrow_the_answer(bench: Bench) -> None:
    await bench.put(METER, *((who, 1, {"power_w": 1.0}) for who in (MAIN, UPS, OTHER)))
    found = await bench.raw(select(site="gdansk", meter=("ups-a", "main-1", "none")))
    assert [(r["site"], r["meter"]) for r in found] == [MAIN, UPS]
    query = SeriesQuery(METER, at(0), at(9), {"site": ("kaunas",)}, ("power_w",))
    assert await bench.raw(query) == [
        {"site": "kaunas", "meter": "main-1", "at_ms": T0 + 1000, "power_w": 1.0}
    ]


async def test_what_nobody_sent_is_an_empty_answer_with_columns(bench: Bench) -> None:
    assert await bench.raw(select(SUPPLY)) == []
    latest = await bench.store.latest(select())
    assert latest.num_rows == 0
    assert latest.column_names == ["site", "meter", "at_ms", "power_w", "energy_wh", "export_wh"]
    window = await bench.store.window(WindowQuery(select(), timedelta(minutes=1), group_by=("site",)))
    assert window.num_rows == 0
    assert window.column_names == ["site", "at_ms", "power_w", "energy_wh", "export_wh"]


async def test_a_repeat_doubles_nothing(bench: Bench) -> None:
    told: list[Row] = [(MAIN, s, {"power_w": float(s)}) for s in range(4)]
    await bench.put(METER, *told)
    await bench.put(METER, *told[1:], (MAIN, 9, {"power_w": 9.0}))
    assert [r["power_w"] for r in await bench.raw(select())] == [0.0, 1.0, 2.0, 3.0, 9.0]
    if bench.house.counts_exactly:
        assert await bench.store.counts() == StoreCounts(rows=5, duplicates=3)


async def test_a_repeat_within_a_batch_is_one_row(bench: Bench) -> None:
    await bench.put(
        METER, (MAIN, 1, {"power_w": 1.0}), (MAIN, 1, {"power_w": 2.0}), (UPS, 1, {"power_w": 3.0})
    )
    assert await bench.raw(select()) == [row(MAIN, 1, 2.0, None), row(UPS, 1, 3.0, None)]
    if bench.house.counts_exactly:
        assert await bench.store.counts() == StoreCounts(rows=2, duplicates=1)


async def test_told_again_each_field_keeps_its_last_value(bench: Bench) -> None:
    await bench.put(METER, (MAIN, 1, {"power_w": 1.0, "energy_wh": 10.0}), (MAIN, 2, {"power_w": 7.0}))
    await bench.put(METER, (MAIN, 1, {"power_w": 2.0}), (MAIN, 2, {"energy_wh": 20.0}))
    assert await bench.raw(select()) == [row(MAIN, 1, 2.0, 10.0), row(MAIN, 2, 7.0, 20.0)]


@given(rows=TOLD, cuts=st.sets(st.integers(0, 30)), order=st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_neither_the_order_of_batches_nor_repeats_change_what_is_stored(
    rows: dict[tuple[int, int], float], cuts: set[int], order: Random
) -> None:
    told = [((MAIN, UPS, OTHER)[who], float(s), {"power_w": p}) for (who, s), p in rows.items()]
    batches = [told[a:b] for a, b in pairwise([0, *sorted(c for c in cuts if c < len(told)), len(told)])]
    order.shuffle(batches)

    async def stored(folder: Path) -> None:
        for name in IN_PROCESS:
            with HOUSES[name](folder / name) as house:
                bench = Bench(house)
                await bench.store.open()
                for batch in (*batches, *batches[: len(batches) // 2]):
                    await bench.put(METER, *batch)
                found = await bench.raw(select())
                await bench.store.close()
            assert found == [
                row(who, s, p["power_w"], None) for who, s, p in sorted(told, key=lambda r: r[:2])
            ]

    with TemporaryDirectory() as folder:
        asyncio.run(stored(Path(folder)))


async def test_repeats_are_told_by_series_and_hour_by_who_knows_them(house: House) -> None:
    bench = Bench(house)
    await bench.store.open()
    hour = 3_600
    await bench.put(METER, *((MAIN, s, {"power_w": 1.0}) for s in (0, 1, 2, hour, hour + 1)))
    await bench.put(METER, (UPS, 0, {"power_w": 1.0}), (UPS, 0, {"power_w": 1.0}))
    await bench.put(
        METER, *((MAIN, s, {"power_w": 2.0}) for s in (1, 2, 3, hour)), (UPS, 0, {"power_w": 3.0})
    )
    await bench.put(ROLLUPS["meter_1m"], *((MAIN, 0, {"power_w": p}) for p in (1.0, 2.0)))

    async def told(start: float, end: float) -> dict[tuple[tuple[str, ...], int], float]:
        table = await bench.store.repeats(at(start), at(end))
        assert table.schema.names == ["series", "at_ms", "rows"]
        found: dict[tuple[tuple[str, ...], int], float] = {}
        for one in table.to_pylist():
            key = bench.registry.key(one["series"])[1], one["at_ms"] - T0
            found[key] = found.get(key, 0.0) + one["rows"]
        return found

    first, second = {(MAIN, 0): 2.0, (UPS, 0): 2.0}, {(MAIN, 1000 * hour): 1.0}
    if not house.counts_exactly:
        assert await told(0, 2 * hour) == {}, "it overwrites, and says nothing rather than something wrong"
    else:
        assert await told(0, 2 * hour) == first | second
        assert await told(0, hour) == first, "the start of an hour is inside, its end is not"
        assert await told(hour, 2 * hour) == second
        assert await told(2 * hour, 3 * hour) == {}
        counts = await bench.store.counts()
        assert counts.duplicates == sum((first | second).values())
        if house.durable:
            await bench.store.close()
            bench.store = house.make(bench.registry)
            await bench.store.open()
            assert await told(0, 2 * hour) == first | second
    await bench.store.close()


async def test_a_late_row_finds_its_place(bench: Bench) -> None:
    await bench.put(METER, (MAIN, 10, {"power_w": 10.0}), (UPS, 1, {"power_w": 1.0}))
    await bench.put(METER, (MAIN, 5, {"power_w": 5.0}), (MAIN, 11, {"power_w": 11.0}))
    assert [r["at_ms"] - T0 for r in await bench.raw(select(meter="main-1"))] == [5_000, 10_000, 11_000]
    if bench.house.counts_exactly:
        assert await bench.store.counts() == StoreCounts(rows=4, duplicates=0)


async def test_latest_is_the_newest_row_within_the_range(bench: Bench) -> None:
    await bench.put(
        METER,
        *((MAIN, s, {"power_w": float(s), "energy_wh": 1.0}) for s in range(5)),
        (UPS, 1, {"power_w": 7.0}),
        (OTHER, 100, {"power_w": 8.0}),
        (MAIN, 5, {"energy_wh": 2.0}),
    )
    found = (await bench.store.latest(select(end=50))).to_pylist()
    assert found == [row(MAIN, 5, None, 2.0), row(UPS, 1, 7.0, None)]
    power = (await bench.store.latest(replace(select(end=50), fields=("power_w",)))).to_pylist()
    assert [(r["meter"], r["at_ms"] - T0, r["power_w"]) for r in power] == [
        ("main-1", 4000, 4.0),
        ("ups-a", 1000, 7.0),
    ]


@pytest.mark.parametrize(
    ("aggregate", "power", "humidity"),
    [
        ("mean", [15.0, 40.0], [30.0, 50.0]),
        ("min", [10.0, 40.0], [20.0, 50.0]),
        ("max", [20.0, 40.0], [40.0, 50.0]),
        ("first", [10.0, 40.0], [40.0, 50.0]),
        ("last", [20.0, 40.0], [20.0, 50.0]),
        ("sum", [30.0, 40.0], [60.0, 50.0]),
        ("count", [2.0, 1.0], [2.0, 1.0]),
    ],
)
async def test_window_aggregates_in_steps(
    bench: Bench, aggregate: Aggregate, power: list[float], humidity: list[float]
) -> None:
    told = [(0, 10.0, 40.0), (59.999, 20.0, 20.0), (180, 40.0, 50.0)]
    await bench.put(METER, *((MAIN, s, {"power_w": p}) for s, p, _ in told))
    await bench.put(WEATHER, *((("gdansk", "roof"), s, {"humidity": h}) for s, _, h in told))
    minute = timedelta(minutes=1)
    found = (await bench.store.window(WindowQuery(select(), minute, aggregate))).to_pylist()
    assert [(r["at_ms"] - T0, r["power_w"], r["energy_wh"]) for r in found] == [
        (0, power[0], None),
        (180_000, power[1], None),
    ]
    weather = await bench.store.window(WindowQuery(select(WEATHER), minute, aggregate))
    assert weather["humidity"].to_pylist() == humidity


async def test_a_rollup_stands_beside_its_base_under_the_same_name_and_is_no_reading(bench: Bench) -> None:
    minutes = ROLLUPS["meter_1m"]
    await bench.put(METER, (MAIN, 1, {"power_w": 1.0}))
    await bench.put(minutes, (MAIN, 0, {"power_w": 9.0, "power_w_count": 2.0}))
    await bench.put(minutes, (MAIN, 0, {"power_w": 8.0, "power_w_count": 3.0}))
    await bench.put(ROLLUPS["rack_1m"], (("gdansk", "a", "r1"), 0, {"power_w": 5.0, "members": 4.0}))
    assert [r["power_w"] for r in await bench.raw(select())] == [1.0]
    found = (await bench.store.latest(select(minutes, meter="main-1"))).to_pylist()
    assert [(r["meter"], r["power_w"], r["power_w_count"], r["power_w_max"]) for r in found] == [
        ("main-1", 8.0, 3.0, None)
    ]
    racks = (await bench.store.latest(select(ROLLUPS["rack_1m"], rack="r1"))).to_pylist()
    assert [(r["site"], r["hall"], r["rack"], r["members"]) for r in racks] == [("gdansk", "a", "r1", 4.0)]
    assert (await bench.store.counts()).rows == 1
    assert (await bench.store.counts()).duplicates == 0


async def test_a_mean_over_rows_of_a_rollup_weighs_them_by_their_readings(bench: Bench) -> None:
    told = [(0, 10.0, 3.0, 10.0), (60, 40.0, 1.0, 70.0), (120, 7.0, 5.0, 7.0)]
    await bench.put(
        ROLLUPS["meter_1m"],
        *((MAIN, s, {"power_w": p, "power_w_count": n, "power_w_max": m}) for s, p, n, m in told),
        (UPS, 0, {"energy_wh": 1.0}),
    )
    query = WindowQuery(select(ROLLUPS["meter_1m"]), timedelta(minutes=2))
    found = (await bench.store.window(query)).to_pylist()
    assert [(r["meter"], r["at_ms"] - T0, r["power_w"], r["power_w_max"], r["energy_wh"]) for r in found] == [
        ("main-1", 0, 17.5, 40.0, None),
        ("main-1", 120_000, 7.0, 7.0, None),
        ("ups-a", 0, None, None, 1.0),
    ]


async def test_steps_are_aligned_to_1970_not_to_the_range(bench: Bench) -> None:
    await bench.put(METER, *((MAIN, s, {"power_w": float(s)}) for s in (100, 899, 900)))
    query = WindowQuery(select(start=100), timedelta(minutes=15), "last")
    found = (await bench.store.window(query)).to_pylist()
    assert [(r["at_ms"] - T0, r["power_w"]) for r in found] == [(0, 899.0), (900_000, 900.0)]


def _gpu(rack: str, gpu: int) -> tuple[str, ...]:
    return ("gdansk", "a", rack, "n1", str(gpu))


async def test_groups_add_watts_and_average_degrees(bench: Bench) -> None:
    told = [("r1", 0, 100.0, 50.0), ("r1", 1, 300.0, 60.0), ("r2", 0, 500.0, 70.0)]
    for second in (0, 30):
        await bench.put(
            GPU,
            *((_gpu(r, g), second, {"power_w": p + second, "temp_c": t}) for r, g, p, t in told),
        )
    by_rack = WindowQuery(select(GPU), timedelta(minutes=1), "mean", ("rack",))
    found = (await bench.store.window(by_rack)).to_pylist()
    assert [(r["rack"], r["power_w"], r["temp_c"]) for r in found] == [
        ("r1", 430.0, 55.0),
        ("r2", 515.0, 70.0),
    ]
    one = WindowQuery(select(GPU), timedelta(minutes=1), "mean", ())
    whole = (await bench.store.window(one)).to_pylist()
    assert [(r["power_w"], r["temp_c"]) for r in whole] == [(945.0, 60.0)]
    assert "rack" not in whole[0]


async def test_counts_add_up_over_a_group_whatever_is_counted(bench: Bench) -> None:
    for second in (0, 30):
        await bench.put(GPU, *((_gpu("r1", g), second, {"power_w": 1.0, "temp_c": 50.0}) for g in (0, 1)))
    await bench.put(GPU, (_gpu("r1", 2), 5, {"power_w": 1.0}))
    one = WindowQuery(select(GPU), timedelta(minutes=1), "count", ("site",))
    found = (await bench.store.window(one)).to_pylist()
    assert [(r["power_w"], r["temp_c"], r["util"]) for r in found] == [(5.0, 4.0, None)]


async def test_a_field_or_label_that_does_not_exist_is_an_error(bench: Bench) -> None:
    with pytest.raises((KeyError, ValueError)):
        await bench.store.latest(select(rack="r1"))
    with pytest.raises(KeyError):
        await bench.store.latest(SeriesQuery(METER, at(0), at(1), fields=("colour",)))


async def test_names_are_data_never_code(bench: Bench) -> None:
    strange = ("o'hara; DROP TABLE meter", 'a"b,c=d e')
    await bench.put(METER, (strange, 1, {"power_w": 1.0}))
    assert await bench.raw(select(site=strange[0])) == [row(strange, 1, 1.0, None)]


async def test_pruning_forgets_the_old_of_a_measurement_and_counts_stand(bench: Bench) -> None:
    await bench.put(METER, *((MAIN, s, {"power_w": float(s)}) for s in range(6)))
    await bench.put(WEATHER, (("gdansk", "roof"), 1, {"humidity": 40.0}))
    await bench.store.prune(METER, at(4))
    left = [4.0, 5.0] if bench.house.prunes else [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [r["power_w"] for r in await bench.raw(select())] == left
    assert [r["humidity"] for r in await bench.raw(select(WEATHER))] == [40.0]
    if bench.house.counts_exactly:
        assert (await bench.store.counts()).rows == 7


async def test_the_position_is_remembered_with_the_rows(bench: Bench) -> None:
    await bench.put(METER, (MAIN, 1, {"power_w": 1.0}))
    await bench.store.append([], 7)
    assert await bench.store.open() == 7
    await bench.store.append([frame(bench.registry, METER, [(UPS, 1, {"power_w": 1.0})])], 8)
    assert await bench.store.open() == 8


async def test_rows_counts_and_position_outlive_the_process(house: House) -> None:
    bench = Bench(house)
    await bench.store.open()
    await bench.put(METER, (MAIN, 1, {"power_w": 1.0}), (MAIN, 2, {"power_w": 2.0}))
    await bench.put(METER, (MAIN, 2, {"power_w": 2.0}))
    if house.durable:
        await bench.store.close()
        bench.store = house.make(bench.registry)
    assert await bench.store.open() == 2
    # Repeats are known as such although the process that took them first is gone.
    await bench.put(
        METER, (MAIN, 1, {"power_w": 1.0}), (MAIN, 3, {"power_w": 3.0}), (UPS, 1, {"power_w": 4.0})
    )
    assert [r["power_w"] for r in await bench.raw(select())] == [1.0, 2.0, 3.0, 4.0]
    if house.counts_exactly:
        assert await bench.store.counts() == StoreCounts(rows=4, duplicates=2)
    await bench.store.close()
