"""Every reading counts once in its minute, hour and groups: whatever fails, ends or is forgotten when."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import from_ms
from telemetry.catalogue import GPU
from telemetry.rollup import HOUR_MS, MINUTE_MS, ROLLUPS
from tests.fakes.faulty import FaultyRig, faulty
from tests.fakes.frames import T0, Row

GPUS = [("gdansk", "a", rack, "n1", gpu) for rack, gpu in (("r1", "0"), ("r1", "1"), ("r2", "0"))]
END = 30_000
"""Seconds after which a last row ends all minutes and hours that are looked at."""

Rows = Sequence[Mapping[str, Any]]
Reading = tuple[tuple[str, ...], int, float]
"""Labels, ms, watts."""

SECONDS = st.integers(0, 200).map(lambda k: 37 * k)
TOLD = st.lists(st.tuples(st.sampled_from(GPUS), SECONDS, st.integers(0, 99)), min_size=1, max_size=6)
STEP = st.one_of(
    TOLD,
    TOLD.map(lambda rows: sorted(rows, key=lambda row: row[1])),
    st.sampled_from(["kill", "trim", "tend", "tend", "reach", "settle"]),
    st.tuples(st.just("prune"), SECONDS),
    st.tuples(st.just("fail"), st.integers(0, 12)),
    st.tuples(st.just("end"), st.integers(0, 12), st.booleans()),
)


def means(readings: Iterable[Reading], step_ms: int) -> dict[tuple[tuple[str, ...], int], list[float]]:
    """Watts by series and step."""
    found = defaultdict(list)
    for labels, at_ms, watts in readings:
        found[labels, at_ms // step_ms * step_ms].append(watts)
    return found


def check(rows: Rows, readings: Sequence[Reading], step_ms: int) -> None:
    """Count, mean, least and greatest are those of all readings that were ever told."""
    found = {(tuple(row[label] for label in GPU.labels), row["at_ms"]): row for row in rows}
    wanted = means(readings, step_ms)
    assert found.keys() == wanted.keys()
    for key, watts in wanted.items():
        row = found[key]
        assert (row["power_w_count"], row["power_w_min"], row["power_w_max"]) == (
            len(watts),
            min(watts),
            max(watts),
        )
        assert row["power_w"] == pytest.approx(math.fsum(watts) / len(watts))


def check_groups(rows: Rows, name: str, readings: Sequence[Reading], step: int) -> None:
    """A group's watts are those of its members."""
    labels = ROLLUPS[f"{name}_1m"].labels
    wanted: dict[tuple[tuple[str, ...], int], float] = defaultdict(float)
    for (series, at_ms), watts in means(readings, step).items():
        wanted[series[: len(labels)], at_ms] += math.fsum(watts) / len(watts)
    found = {(tuple(row[label] for label in labels), row["at_ms"]): row["power_w"] for row in rows}
    assert found == pytest.approx(wanted)


async def check_all(house: FaultyRig, readings: Sequence[Reading]) -> None:
    """Minutes and hours of series, racks, halls and the site, as far as their hour is over."""
    over = [one for one in readings if one[1] < T0 + 7 * HOUR_MS]
    for end, step in (("1m", MINUTE_MS), ("1h", HOUR_MS)):
        told = {name: await house.rows(ROLLUPS[f"{name}_{end}"]) for name in ("gpu", "rack", "hall", "site")}
        past = {name: [r for r in rows if r["at_ms"] < T0 + 7 * HOUR_MS] for name, rows in told.items()}
        check(past["gpu"], over, step)
        for name in ("rack", "hall", "site"):
            check_groups(past[name], name, over, step)


class Play:
    """Steps played on a rig; every reading has a time of its own, so that each of them counts."""

    def __init__(self, house: FaultyRig) -> None:
        self.house = house
        self.readings: list[Reading] = []

    async def put(self, rows: Sequence[tuple[tuple[str, ...], float, float]]) -> None:
        told: list[Row] = []
        for labels, second, watts in rows:
            at = second + len(self.readings) / 1000
            self.readings.append((labels, T0 + round(1000 * at), float(watts)))
            told.append((labels, at, {"power_w": float(watts)}))
        await self.house.put(GPU, *told)

    async def step(self, step: Any) -> None:
        house = self.house
        match step:
            case list():
                await self.put(step)
            case "kill":
                await house.restart()
            case "trim":
                await house.both.trim()
            case "prune", second:
                await house.play(house.prune(GPU, second))
            case "fail", touches:
                house.fault.arm(touches, kill=False, after=False)
            case "end", touches, after:
                house.fault.arm(touches, kill=True, after=after)
            case _:
                works = {"tend": house.rollups.tend, "reach": house.reach, "settle": house.settle}
                await house.play(works[step]())


PAST: Sequence[Any] = (
    [(gpu, second, 7) for gpu in GPUS[:2] for second in (0, 20, 90, 4000, 7300)],
    "settle",
    ("prune", 80),
)
"""Minutes and hours of which the first readings are forgotten."""


async def played(folder: Path, steps: Sequence[Any]) -> None:
    """Play ``steps`` to the end and check what is left."""
    async with faulty(folder) as house:
        game = Play(house)
        for step in steps:
            await game.step(step)
        await game.put([(GPUS[0], END, 1.0)])
        await house.rest()
        await check_all(house, game.readings)


@given(past=st.booleans(), steps=st.lists(STEP, min_size=1, max_size=16))
@settings(max_examples=80, deadline=None)
def test_whatever_fails_every_reading_counts_once(past: bool, steps: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(played(Path(folder), [*(PAST if past else ()), *steps]))


FAULTS = ("fail", "end", "end after")


@pytest.mark.parametrize("fault", FAULTS)
def test_wherever_a_repair_fails_or_ends_every_reading_counts_once(fault: str, tmp_path: Path) -> None:
    """Each fault at every third touch, in turns: together at all of them."""
    late = [(GPUS[0], 30, 9), (GPUS[2], 40, 3), (GPUS[1], 4010, 5), (GPUS[0], 7310, 1)]
    for touch in range(FAULTS.index(fault), _touches(tmp_path, late), len(FAULTS)):
        struck = ("fail", touch) if fault == "fail" else ("end", touch, fault == "end after")
        (folder := tmp_path / f"{touch}").mkdir()
        steps = [*PAST, late, "reach", struck, "tend", [(GPUS[1], 50, 2), (GPUS[1], 7320, 4)], "reach"]
        asyncio.run(played(folder, [*steps, "tend", "kill", "tend"]))


async def test_a_repair_that_goes_on_while_all_begins_anew_counts_nothing_twice(tmp_path: Path) -> None:
    async with faulty(tmp_path) as house:
        game, fault = Play(house), house.fault
        for step in (*PAST, [(GPUS[0], 30, 9), (GPUS[1], 4010, 5)], "reach"):
            await game.step(step)
        fault.held = asyncio.Event()
        mending = asyncio.create_task(house.rollups.tend())
        await fault.held.wait()
        fault.arm(0, kill=False, after=False)
        await game.put([(GPUS[1], 20_000, 4)])  # closes a minute, which cannot be written
        await house.reach()
        house.rollups.release(GPU, from_ms(T0 + 2 * HOUR_MS))
        await game.put([(GPUS[0], 20_100, 4), (GPUS[0], 45, 8)])
        await house.reach()
        assert house.rollups.state.released("gpu") == T0 + 2 * MINUTE_MS, "not while the repair reads"
        fault.held = None
        fault.let_on.set()
        await mending
        await game.put([(GPUS[0], END, 1.0)])
        await house.rest()
        assert house.rollups.state.released("gpu") == T0 + 2 * HOUR_MS
        await check_all(house, game.readings)


def _touches(tmp_path: Path, late: Sequence[Any]) -> int:
    """How often the repair of ``late`` touches the store or the journal."""

    async def counted(folder: Path) -> int:
        async with faulty(folder) as house:
            game = Play(house)
            for step in (*PAST, late, "reach"):
                await game.step(step)
            before = house.fault.touches
            await house.rollups.tend()
            return house.fault.touches - before

    (folder := tmp_path / "counted").mkdir()
    touches = asyncio.run(counted(folder))
    assert touches > 20, "it asks for minutes, hours and groups, and writes them"
    return touches
