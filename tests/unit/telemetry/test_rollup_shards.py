"""However halls are shared out among processes, rollups and answers are those of one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import from_ms, to_ms
from telemetry.catalogue import GPU, METER, Measurement
from telemetry.planned import PlannedStore
from telemetry.rollup import ALL_ROLLUPS, MINUTE_MS, ROLLUPS, Rollup
from telemetry.share import Share
from telemetry.store import SeriesQuery, WindowQuery
from tests.fakes.frames import T0, Row
from tests.fakes.rolling import LATER, Rig, rig, running
from tests.fakes.sharing import Server

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SITES = ("gdansk", "kaunas")
HALLS = tuple((site, hall) for site in SITES for hall in "abc")

Owners = Mapping[tuple[str, str], int]
"""Which process takes a hall."""

Told = tuple[tuple[str, ...], float, dict[str, float]]

ROWS = st.lists(
    st.tuples(
        st.tuples(st.sampled_from(HALLS), st.integers(0, 1), st.integers(0, 1)),
        st.integers(0, 250).map(lambda k: 31 * k),
        st.fixed_dictionaries(
            {},
            optional={
                "power_w": st.integers(0, 9_999).map(lambda k: k / 8),
                "util": st.integers(0, 100).map(float),
                "temp_c": st.integers(0, 90).map(float),
                "energy_j": st.integers(0, 100_000).map(float),
            },
        ).filter(bool),
    ),
    min_size=1,
    max_size=50,
)
OWNERS = st.fixed_dictionaries({hall: st.integers(0, 2) for hall in HALLS})


def _labels(one: tuple[tuple[str, str], int, int]) -> tuple[str, ...]:
    (site, hall), rack, gpu = one
    return (site, hall, f"r{rack}", "n1", str(gpu))


def _share(owners: Owners, process: int) -> Share:
    def takes(source: str) -> bool:
        site, hall, *rest = source.split("/")
        return owners[site, hall] == process if rest[-1] == "gpu" else process == 0

    def whole(site: str) -> bool:
        return all(owner == process for hall, owner in owners.items() if hall[0] == site)

    return Share(f"p{process}", takes, whole)


def split(owners: Owners, sites: Sequence[str] | None) -> bool:
    takers = [{owners[hall] for hall in HALLS if hall[0] == site} for site in sites or SITES]
    return any(len(of) > 1 for of in takers)


class Town:
    """Several processes on one server, and one process that takes everything, for comparison."""

    def __init__(self, folder: Path, owners: Owners) -> None:
        self.owners = owners
        self.server = Server()
        self.one = Rig(_made(folder / "one"))
        self.parts = [
            Rig(_made(folder / str(k)), share=_share(owners, k), server=self.server) for k in range(3)
        ]

    async def put(self, rows: Sequence[Told]) -> None:
        """One batch each, in the order in which they came."""
        for labels, second, told in rows:
            row: Row = (labels, second, told)
            await self.one.put(GPU, row)
            await self.parts[self.owners[labels[0], labels[1]]].put(GPU, row)

    async def settle(self) -> None:
        for made in (self.one, *self.parts):
            await opened(made)
            await made.settle()

    def whole_ms(self, rollup: Rollup) -> tuple[int, int]:
        """What all parts have."""
        spans = [part.rollups.whole_ms(rollup) for part in self.parts]
        return max(since for since, _ in spans), min(upto for _, upto in spans)

    def planned(self) -> PlannedStore:
        return PlannedStore(self.parts[0].store, self.whole_ms, lambda sites: split(self.owners, sites))


async def opened(made: Rig) -> None:
    """Also of a process that nothing is told to."""
    while made.journal.head == 0 and made.rollups.whole_ms(ALL_ROLLUPS["gpu_1m"]) == (0, 0):
        await made.follower.wait_moved()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def told(table: pa.Table) -> list[dict[str, Any]]:
    """Sums as they are: watts are eighths, which add up without rounding in any order. Means nearly so."""
    return [
        {k: round(v, 9) if k in AVERAGED and v is not None else v for k, v in row.items()}
        for row in table.to_pylist()
    ]


AVERAGED = {"util", "temp_c"}


async def same_answers(town: Town) -> None:
    assert town.whole_ms(ALL_ROLLUPS["hall_1h"])[1] == T0 + 2 * 3_600_000
    parts, one = town.planned(), PlannedStore(town.one.store, town.one.rollups.whole_ms)
    for step in (MINUTE, HOUR):
        for group in (("site",), ("site", "hall"), ("hall",), (), ("site", "hall", "rack"), None):
            for where in ({}, {"site": ["gdansk"]}):
                for fields in (("power_w",), ("util", "power_w", "temp_c")):
                    select = SeriesQuery(GPU, from_ms(T0), from_ms(T0 + 3 * 3_600_000), where, fields)
                    query = WindowQuery(select, step, "mean", group)
                    found, wanted = await parts.window(query), await one.window(query)
                    assert found.column_names == wanted.column_names
                    assert told(found) == told(wanted)


def rounded(table: pa.Table) -> list[dict[str, Any]]:
    return [
        {k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()} for row in table.to_pylist()
    ]


async def rows_of(made: Rig, measurement: Measurement) -> list[dict[str, Any]]:
    query = SeriesQuery(measurement, from_ms(0), LATER)
    batches = [batch async for batch in made.store.raw(query)]
    return rounded(pa.Table.from_batches(batches)) if batches else []


@given(told=ROWS, owners=OWNERS)
@settings(max_examples=12, deadline=None)
def test_however_halls_are_shared_out_the_answers_are_those_of_one_process(
    told: list[Any], owners: Owners
) -> None:
    rows = [(_labels(who), second, values) for who, second, values in told]
    first = [(_labels((hall, 0, 0)), 0.0, {"power_w": 2.0}) for hall in HALLS]
    last = [(_labels((hall, 0, 0)), 7_800.0, {"power_w": 1.0}) for hall in HALLS]

    async def play(folder: Path) -> None:
        town = Town(folder, owners)
        async with AsyncExitStack() as opened:
            for made in (town.one, *town.parts):
                await opened.enter_async_context(running(made))
            await town.put(first + rows[: len(rows) // 2])
            await town.put(last)
            await town.settle()
            await same_answers(town)
            await town.put(rows[len(rows) // 2 :])  # now they are late
            await town.settle()
            await same_answers(town)
            for name, rollup in ROLLUPS.items():
                wanted = await rows_of(town.one, rollup)
                if name.startswith("site_"):
                    wanted = [row for row in wanted if not split(owners, [row["site"]])]
                assert await rows_of(town.parts[0], rollup) == wanted, name

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


def _gpu(hall: str, gpu: int) -> tuple[str, ...]:
    return ("gdansk", hall, "r1", "n1", str(gpu))


async def test_a_hall_has_rows_that_tell_how_many_they_speak_for(house: Rig) -> None:
    await house.put(
        GPU,
        (_gpu("a", 0), 0, {"power_w": 100.0, "util": 10.0}),
        (_gpu("a", 1), 0, {"power_w": 50.0, "temp_c": 40.0}),
        (_gpu("a", 2), 0, {"util": 40.0}),
        (_gpu("b", 0), 0, {"power_w": 1.0}),
    )
    await house.put(GPU, (_gpu("a", 0), 7200, {"power_w": 0.0}), (_gpu("b", 0), 7200, {"power_w": 0.0}))
    await house.settle()
    for name in ("hall_1m", "hall_1h"):
        first, second = (row for row in await house.rows(ROLLUPS[name]) if row["at_ms"] == T0)
        columns = (
            "hall",
            "power_w",
            "members",
            "util",
            "util_members",
            "temp_c_members",
            "mem_temp_c_members",
        )
        assert [first[key] for key in columns] == ["a", 150.0, 2.0, 25.0, 2.0, 1.0, None]
        assert (second["hall"], second["power_w"], second["util_members"]) == ("b", 1.0, None)


async def test_halls_of_before_there_were_rows_of_them_are_answered_from_their_gpus(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put(GPU, (_gpu("a", 0), 0, {"power_w": 1.0}), (_gpu("a", 0), 100, {"power_w": 2.0}))
        await house.reach()
        minutes, hours = ALL_ROLLUPS["hall_1m"], ALL_ROLLUPS["hall_1h"]
        assert house.rollups.whole_ms(minutes) == (0, T0 + MINUTE_MS)
        await house.kill()
        # As the state stood in a journal of before.
        known = house.rollups.state
        undone = replace(known, parts_ms=0).moved_from(known)
        await house.journal.append([], undone, derived=True)
        await house.start()
        await house.reach()
        assert house.rollups.whole_ms(minutes) == (T0 + MINUTE_MS, T0 + MINUTE_MS)
        assert house.rollups.whole_ms(ALL_ROLLUPS["rack_1m"]) == (0, T0 + MINUTE_MS)
        await house.put(GPU, (_gpu("a", 0), 2 * 3600, {"power_w": 4.0}))
        await house.settle()
        assert house.rollups.whole_ms(hours)[0] == T0 + 3_600_000
        await house.store.prune(minutes.measurement, from_ms(T0 + MINUTE_MS))
        await house.store.prune(hours.measurement, from_ms(T0 + 3_600_000))
        planned = PlannedStore(house.store, house.rollups.whole_ms)
        query = SeriesQuery(GPU, from_ms(T0), from_ms(T0 + 3_600_000), {}, ("power_w",))
        for step, watts in ((MINUTE, [1.0, 2.0]), (HOUR, [1.5])):
            found = await planned.window(WindowQuery(query, step, "mean", ("site", "hall")))
            assert found["power_w"].to_pylist() == watts


async def test_a_part_of_which_nothing_comes_holds_nobody_up(house: Rig) -> None:
    minutes, hours = ALL_ROLLUPS["meter_1m"], ALL_ROLLUPS["meter_1h"]
    await opened(house)
    now = to_ms(house.clock.now())
    assert (house.rollups.whole_ms(minutes), house.rollups.whole_ms(hours)) == ((0, now), (0, now))
    await house.put(METER, (("gdansk", "main-1"), 10, {"power_w": 1.0}))
    await house.reach()
    assert house.rollups.whole_ms(minutes)[1] <= T0
    assert house.rollups.whole_ms(hours) == (0, 0)
    await house.settle()
    assert house.rollups.whole_ms(minutes) == (0, to_ms(house.clock.now()))
    assert house.rollups.whole_ms(hours)[1] <= T0
