"""Rollups are what the readings say: whatever comes late, twice, out of order or after a kill."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import from_ms
from telemetry.catalogue import GPU, METER, Measurement
from telemetry.rollup import ALL_ROLLUPS, HOUR_MS, MINUTE_MS, ROLLUPS
from tests.fakes.frames import T0, Row
from tests.fakes.rolling import Rig, rig

MAIN, UPS = ("gdansk", "main-1"), ("gdansk", "ups-a")
MINUTES, HOURS = ALL_ROLLUPS["meter_1m"], ALL_ROLLUPS["meter_1h"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


Key = tuple[tuple[str, ...], int]


def expected(rows: Sequence[Mapping[str, Any]], measurement: Measurement, step: int) -> dict[Key, Any]:
    """Count, sum, least, greatest, first and last of each field in each step, told plainly."""
    steps: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        labels = tuple(row[label] for label in measurement.labels)
        steps[labels, row["at_ms"] // step * step].append(row)
    return {
        key: {
            name: (len(v), math.fsum(v), min(v), max(v), v[0], v[-1])
            for name in measurement.field_names
            if (v := [row[name] for row in told if row[name] is not None])
        }
        for key, told in steps.items()
    }


def kept(rows: Sequence[Mapping[str, Any]], measurement: Measurement) -> dict[Key, dict[str, Any]]:
    """The same of a rollup's ``rows``, as far as they tell it."""
    found = {}
    for row in rows:
        told = {}
        for field in measurement.fields:
            count = row[f"{field.name}_count"]
            if count is not None:
                told[field.name] = (count, {k: row.get(f"{field.name}{k}") for k in _ENDS})
        found[tuple(row[label] for label in measurement.labels), row["at_ms"]] = told
    return found


_ENDS = ("", "_min", "_max", "_first", "_last")


def check(raw: Sequence[Any], rolled: Sequence[Any], measurement: Measurement, step: int) -> None:
    wanted, found = expected(raw, measurement, step), kept(rolled, measurement)
    assert found.keys() == wanted.keys()
    for key, fields in wanted.items():
        assert found[key].keys() == fields.keys()
        for name, (count, total, low, high, first, last) in fields.items():
            told, ends = found[key][name]
            assert told == count
            if measurement.field(name).kind == "counter":
                assert (ends[""], ends["_first"]) == (last, first)
            else:
                assert ends[""] * count == pytest.approx(total, rel=1e-9, abs=1e-6)
                assert (ends["_min"], ends["_max"], ends["_last"]) == (low, high, last)


async def test_a_minute_and_an_hour_tell_what_their_readings_did(house: Rig) -> None:
    for second in (0, 10, 59, 60, 3599):
        power, energy = float(second % 7), 1000.0 + second
        await house.put(METER, (MAIN, second, {"power_w": power, "energy_wh": energy}))
    await house.put(METER, (MAIN, 3 * 3600, {"power_w": 9.0}), (UPS, 3 * 3600, {"energy_wh": 5.0}))
    await house.settle()
    minutes = await house.rows(ROLLUPS["meter_1m"])
    assert [(r["meter"], (r["at_ms"] - T0) // MINUTE_MS, r["power_w_count"]) for r in minutes] == [
        ("main-1", 0, 3.0),
        ("main-1", 1, 1.0),
        ("main-1", 59, 1.0),
        ("main-1", 180, 1.0),
        ("ups-a", 180, None),
    ]
    hour, *_ = await house.rows(ROLLUPS["meter_1h"])
    assert (hour["at_ms"], hour["power_w_count"], hour["power_w"]) == (T0, 5.0, 11 / 5)
    assert (hour["power_w_min"], hour["power_w_max"], hour["power_w_last"]) == (0.0, 4.0, 1.0)
    assert (hour["energy_wh"], hour["energy_wh_first"], hour["energy_wh_count"]) == (4599.0, 1000.0, 5.0)
    check(await house.rows(METER), minutes, METER, MINUTE_MS)


def _gpu(rack: str, gpu: int) -> tuple[str, ...]:
    return ("gdansk", "a", rack, "n1", str(gpu))


async def test_racks_and_sites_have_rows_of_their_own_and_keep_their_peaks(house: Rig) -> None:
    for second, watts in ((0, 100.0), (30, 200.0), (60, 700.0)):
        energy = {"energy_j": 3600.0 * second}
        await house.put(
            GPU,
            (_gpu("r1", 0), second, {"power_w": watts, "temp_c": 40.0, **energy}),
            (_gpu("r1", 1), second, {"power_w": 10.0, "temp_c": 60.0}),
            (_gpu("r2", 0), second, {"power_w": 1.0, "temp_c": 80.0, **energy}),
        )
    await house.put(GPU, (_gpu("r2", 0), 2 * 3600, {"power_w": 1.0}))
    await house.settle()
    racks = await house.rows(ROLLUPS["rack_1m"])
    assert [(r["rack"], r["power_w"], r["temp_c"], r["members"], r["energy_wh"]) for r in racks] == [
        ("r1", 160.0, 50.0, 2.0, 30.0),
        ("r1", 710.0, 50.0, 2.0, None),
        ("r2", 1.0, 80.0, 1.0, 30.0),
        ("r2", 1.0, 80.0, 1.0, None),
        ("r2", 1.0, None, 1.0, None),
    ]
    site, *_ = await house.rows(ROLLUPS["site_1h"])
    assert site["power_w"] == pytest.approx(1000 / 3 + 10 + 1)
    assert (site["power_w_min"], site["power_w_max"], site["members"]) == (161.0, 711.0, 3.0)
    assert site["energy_wh"] == 60.0 + 60.0


async def test_a_late_row_changes_its_minute_its_hour_and_its_groups(house: Rig) -> None:
    await house.put(GPU, (_gpu("r1", 0), 0, {"power_w": 100.0}), (_gpu("r1", 1), 0, {"power_w": 50.0}))
    await house.put(GPU, (_gpu("r1", 0), 2 * 3600, {"power_w": 1.0}))
    await house.settle()
    assert (await house.rows(ROLLUPS["site_1h"]))[0]["power_w"] == 150.0
    await house.put(GPU, (_gpu("r1", 0), 30, {"power_w": 300.0}))
    await house.settle()
    minute = (await house.rows(ROLLUPS["gpu_1m"]))[0]
    assert (minute["power_w"], minute["power_w_max"], minute["power_w_count"]) == (200.0, 300.0, 2.0)
    assert (await house.rows(ROLLUPS["rack_1m"]))[0]["power_w"] == 250.0
    assert (await house.rows(ROLLUPS["gpu_1h"]))[0]["power_w"] == 200.0
    hour = (await house.rows(ROLLUPS["site_1h"]))[0]
    assert (hour["power_w"], hour["power_w_min"], hour["power_w_max"]) == (250.0, 250.0, 250.0)


async def test_power_and_register_told_in_turn_are_one_reading(house: Rig) -> None:
    for second in (0, 20, 40, 90):
        await house.put(METER, (MAIN, second, {"power_w": float(second)}))
        await house.put(METER, (MAIN, second, {"energy_wh": 100.0 + second}))
    await house.settle()
    check(await house.rows(METER), await house.rows(ROLLUPS["meter_1m"]), METER, MINUTE_MS)


async def test_a_day_in_one_batch_makes_all_its_minutes_at_once(house: Rig) -> None:
    rows: list[Row] = [(MAIN, 30.0 * k, {"power_w": float(k)}) for k in range(2 * 1440)]
    await house.put(METER, *rows, *((UPS, at, told) for _, at, told in rows))
    await house.settle()
    minutes = await house.rows(ROLLUPS["meter_1m"])
    assert len(minutes) == 2 * 1440
    raw = await house.rows(METER)
    check(raw, minutes, METER, MINUTE_MS)
    check(raw, await house.rows(ROLLUPS["meter_1h"]), METER, HOUR_MS)


async def test_a_publisher_ahead_of_its_time_closes_no_minute_of_the_others(house: Rig) -> None:
    house.clock.set(from_ms(T0 + 20_000))
    await house.put(METER, (UPS, 79, {"power_w": 1.0}), (MAIN, 20, {"power_w": 1.0}))
    await house.reach()
    assert house.journal.head == 1
    house.clock.set(from_ms(T0 + 76_000))
    await house.put(METER, (MAIN, 76, {"power_w": 2.0}))
    await house.settle()
    check(await house.rows(METER), await house.rows(ROLLUPS["meter_1m"]), METER, MINUTE_MS)


async def test_the_journal_keeps_what_is_open_and_lets_go_of_the_rest(house: Rig) -> None:
    for second in (0, 30, 60, 80):
        await house.put(METER, (MAIN, second, {"power_w": 1.0}))
        await house.reach()
    await house.both.trim()
    assert [e.position for e in await house.journal.read(0)] == [3, 4, 5]
    await house.settle()
    await house.both.trim()
    assert house.journal.status().entries == 0
    head = house.journal.head
    await house.settle()
    assert house.journal.head == head, "its own rows must not make it write more"


async def test_what_is_made_here_is_no_reading(house: Rig) -> None:
    for second in (0, 60, 120, 120):
        await house.put(METER, (MAIN, second, {"power_w": 1.0}))
    await house.settle()
    counts = await house.store.counts()
    assert (counts.rows, counts.duplicates) == (3, 1)


async def test_rows_from_before_there_were_rollups_are_left_to_the_raw_rows(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.kill()
        await house.put(METER, (MAIN, 0, {"power_w": 1.0}))
        await house.put(METER, (MAIN, 30, {"power_w": 1.0}))
        await house.journal.trim(1)
        await house.start()
        await house.reach()
        await house.put(METER, (MAIN, 61, {"power_w": 1.0}), (MAIN, 140, {"power_w": 1.0}))
        await house.reach()
        assert house.rollups.whole_ms(MINUTES) == (T0 + MINUTE_MS, T0 + 2 * MINUTE_MS)


async def test_a_journal_too_small_for_a_minute_closes_it_early(tmp_path: Path) -> None:
    async with rig(tmp_path, limit=1 << 20) as house:
        rows: list[Row] = [(MAIN, k / 1000, {"power_w": float(k)}) for k in range(12_000)]
        await house.put(METER, *rows)
        await house.reach()
        assert len(await house.rows(MINUTES.measurement)) == 1
        await house.put(METER, (MAIN, 50, {"power_w": 5.0}))
        await house.settle()
        check(await house.rows(METER), await house.rows(ROLLUPS["meter_1m"]), METER, MINUTE_MS)


TOLD = st.fixed_dictionaries(
    {}, optional={"power_w": st.integers(-9, 9).map(float), "energy_wh": st.integers(0, 9).map(float)}
).filter(bool)
ROW = st.tuples(st.sampled_from([MAIN, UPS]), st.integers(0, 200).map(lambda k: 37 * k), TOLD)
STEP = st.one_of(
    st.lists(ROW, min_size=1, max_size=12),
    st.lists(ROW, min_size=1, max_size=12).map(lambda rows: sorted(rows, key=lambda row: row[1])),
    st.sampled_from(["kill", "trim", "tend", "reach"]),
)


@given(steps=st.lists(STEP, min_size=1, max_size=14))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_rollups_equal_the_readings(steps: list[list[Row] | str]) -> None:
    async def play(folder: Path) -> None:
        async with rig(folder) as house:
            for step in steps:
                if isinstance(step, list):
                    await house.put(METER, *step)
                elif step == "kill":
                    await house.kill()
                    await house.start()
                else:
                    await {"trim": house.both.trim, "tend": house.rollups.tend, "reach": house.reach}[step]()
            await house.put(METER, (MAIN, 30_000, {"power_w": 0.0}))
            await house.settle()
            raw = await house.rows(METER)
            check(raw, await house.rows(ROLLUPS["meter_1m"]), METER, MINUTE_MS)
            over = [row for row in raw if row["at_ms"] < T0 + 7 * HOUR_MS]
            check(over, await house.rows(ROLLUPS["meter_1h"]), METER, HOUR_MS)

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def test_where_the_minutes_are_gone_too_late_rows_change_nothing(house: Rig) -> None:
    told = [(s, {"power_w": float(s)}) for s in (0, 10, 3700, 3 * 3600)]
    await house.put(METER, *((MAIN, second, row) for second, row in told))
    await house.settle()
    before = [await house.rows(ROLLUPS[name]) for name in ("meter_1m", "meter_1h")]
    await house.prune(ROLLUPS["meter_1m"], 60)
    await house.put(METER, (MAIN, 20, {"power_w": 900.0}))
    await house.settle()
    after = [await house.rows(ROLLUPS[name]) for name in ("meter_1m", "meter_1h")]
    assert after == [before[0][1:], before[1]]


async def test_where_the_readings_are_gone_late_rows_are_added_once_to_what_is_kept(house: Rig) -> None:
    for second, watts in ((0, 100.0), (10, 200.0), (90, 1.0), (7200, 1.0)):
        await house.put(GPU, (_gpu("r1", 0), second, {"power_w": watts, "energy_j": 3600.0 * second}))
    await house.settle()
    await house.prune(GPU, 80)
    await house.put(GPU, (_gpu("r1", 0), 20, {"power_w": 600.0}), (_gpu("r1", 1), 20, {"power_w": 7.0}))
    await house.settle()
    await house.kill()
    await house.start()
    await house.put(GPU, (_gpu("r1", 0), 30, {"power_w": 20.0}))
    await house.put(GPU, (_gpu("r1", 0), 40, {"temp_c": 50.0}))
    await house.settle()
    first, _, _, other = await house.rows(ROLLUPS["gpu_1m"])
    assert (first["power_w"], first["power_w_count"]) == (230.0, 4.0)
    assert (first["power_w_min"], first["power_w_max"], first["power_w_last"]) == (20.0, 600.0, 200.0)
    assert (first["temp_c"], first["temp_c_count"], first["energy_wh"]) == (50.0, 1.0, 10.0)
    assert (other["gpu"], other["power_w"], other["power_w_count"]) == ("1", 7.0, 1.0)
    assert (await house.rows(ROLLUPS["rack_1m"]))[0]["power_w"] == 237.0
    hour = (await house.rows(ROLLUPS["gpu_1h"]))[0]
    assert (hour["power_w"], hour["power_w_count"]) == (pytest.approx(921 / 5), 5.0)
    assert (await house.rows(ROLLUPS["site_1h"]))[0]["power_w_max"] == 237.0


@pytest.mark.parametrize("duckdb", [False, True])
async def test_a_restart_before_all_is_settled_adds_no_late_row_again(duckdb: bool, tmp_path: Path) -> None:
    async with rig(tmp_path, duckdb=duckdb) as house:
        for second, watts in ((0, 100.0), (10, 200.0), (90, 1.0), (7200, 1.0)):
            await house.put(GPU, (_gpu("r1", 0), second, {"power_w": watts}))
        await house.settle()
        await house.prune(GPU, 80)
        await house.put(GPU, (_gpu("r1", 0), 7300, {"power_w": 1.0}))  # its minute stays open
        await house.put(GPU, (_gpu("r1", 0), 20, {"power_w": 600.0}))
        await house.reach()
        await house.rollups.tend()
        await house.kill()
        await house.put(GPU, (_gpu("r1", 0), 7301, {"power_w": 1.0}))
        await house.start()
        await house.settle()
        minute, *_ = await house.rows(ROLLUPS["gpu_1m"])
        assert (minute["power_w"], minute["power_w_count"], minute["power_w_max"]) == (300.0, 3.0, 600.0)
        hour, *_ = await house.rows(ROLLUPS["gpu_1h"])
        assert (hour["power_w"], hour["power_w_count"]) == (pytest.approx(901 / 4), 4.0)
        assert (await house.rows(ROLLUPS["site_1m"]))[0]["power_w"] == 300.0


async def test_a_register_that_fell_between_two_minutes_tells_no_energy_of_the_hour(house: Rig) -> None:
    for second, joules in ((0, 100.0), (30, 200.0), (60, 20.0), (90, 40.0), (120, 150.0), (150, 900.0)):
        await house.put(GPU, (_gpu("r1", 0), second, {"energy_j": 3600 * joules}))
    await house.put(GPU, (_gpu("r1", 0), 7300, {"energy_j": 4e6}))
    await house.settle()
    minutes = [row["energy_wh"] for row in await house.rows(ROLLUPS["gpu_1m"])]
    assert minutes == [100.0, 20.0, 750.0, None]
    assert (await house.rows(ROLLUPS["gpu_1h"]))[0]["energy_wh"] is None


async def test_a_register_that_was_seen_to_fall_tells_no_energy(house: Rig) -> None:
    """Whether it ends below where it began or has climbed past it again, in accumulators and recomputed."""
    told = {0: 5_000.0, 10: 6_000.0, 20: 10.0, 50: 7_000.0, 60: 7_200.0, 80: 9_000.0, 7300: 10_000.0}
    for second, joules in told.items():
        await house.put(GPU, (_gpu("r1", 0), second, {"power_w": 1.0, "energy_j": joules}))
    await house.settle()
    for late in ({}, {"power_w": 2.0}):
        if late:
            await house.put(GPU, (_gpu("r1", 0), 30, late), (_gpu("r1", 0), 65, late))
            await house.settle()
        minutes = [row["energy_wh"] for row in await house.rows(ROLLUPS["gpu_1m"])]
        assert minutes == [None, 0.5, None], "fell; 1,800 J; a single reading"
        # The ends of its minutes rise, but the hour knows of the fall in one of them.
        hour, *_ = await house.rows(ROLLUPS["gpu_1h"])
        assert (hour["energy_wh"], hour["energy_j_first"], hour["energy_j"]) == (None, 5_000.0, 9_000.0)
        assert [row["energy_wh"] for row in await house.rows(ROLLUPS["site_1m"])][:2] == [None, 0.5]
